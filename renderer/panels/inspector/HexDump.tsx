import type { ReactElement } from 'react';
import { hexByte } from '../../../app/bits/bytes.ts';

const ROW_BYTES = 8;

/** Bytes in memory order, eight a row, with decimal offsets in the image; zeros dim. */
export function HexDump({ bytes, offsetBytes }: { bytes: Uint8Array; offsetBytes: number }): ReactElement {
  const rows = Array.from({ length: Math.ceil(bytes.length / ROW_BYTES) }, (_, row) => row * ROW_BYTES);
  return (
    <div className="hex-dump">
      {rows.map((start) => (
        <div key={start}>
          <span className="offset">{String(offsetBytes + start).padStart(5)} </span>
          {Array.from(bytes.subarray(start, start + ROW_BYTES), (byte, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a byte is its place.
            <span key={at} className={byte === 0 ? 'zero' : ''}>
              {` ${hexByte(byte)}`}
            </span>
          ))}
        </div>
      ))}
    </div>
  );
}
