import { hexByte } from '../bits/bytes.ts';
import type { Image } from '../capture/image.ts';
import { placeOf } from '../xsave/layout.ts';
import { viewComponent } from '../xsave/view.ts';
import type { FragmentPlace } from './registers.ts';

/** A register of which some bytes are not in the file: those that are, and which they are. */
export interface PartialRegister {
  readonly bytes: Uint8Array;
  /** 1 for each byte that is known. */
  readonly known: Uint8Array;
}

/**
 * What is known of a register whose other bytes whoever wrote the image did not copy, or that the image ends before. Byte
 * for byte: what is lost need not be whole components.
 */
export const partialRegister = (image: Image, parts: readonly FragmentPlace[]): PartialRegister => {
  const size = parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const [bytes, known] = [new Uint8Array(size), new Uint8Array(size)];
  let at = 0;
  for (const { bit, offsetBytes, sizeBytes } of parts) {
    const view = viewComponent(image, bit);
    const start = (placeOf(image.layout, bit)?.offsetBytes ?? 0) + offsetBytes;
    if (view.state !== 'absent') {
      known.fill(1, at, at + sizeBytes);
      for (const lost of image.layout.lost ?? []) {
        const from = Math.max(lost.offsetBytes - start, 0);
        const to = Math.min(lost.offsetBytes + lost.sizeBytes - start, sizeBytes);
        if (from < to) known.fill(0, at + from, at + to);
      }
    }
    if (view.state === 'inUse') bytes.set(view.bytes.subarray(offsetBytes, offsetBytes + sizeBytes), at);
    at += sizeBytes;
  }
  return { bytes, known };
};

export const isKnown = ({ known }: PartialRegister, offsetBytes: number, sizeBytes: number): boolean =>
  known.subarray(offsetBytes, offsetBytes + sizeBytes).every((byte) => byte === 1);

/** Highest byte first; `??` for a byte that is not known. */
export const knownHex = ({ bytes, known }: PartialRegister): string =>
  Array.from(bytes, (byte, at) => (known[at] === 1 ? hexByte(byte) : '??'))
    .reverse()
    .join('');

/** The parts of a register that a stretch of its bytes lies in, cut to the stretch. */
export const within = (parts: readonly FragmentPlace[], fromByte: number, size: number): FragmentPlace[] => {
  let at = 0;
  return parts.flatMap(({ bit, offsetBytes, sizeBytes }) => {
    const start = Math.max(fromByte - at, 0);
    const end = Math.min(fromByte + size - at, sizeBytes);
    at += sizeBytes;
    return start < end ? [{ bit, offsetBytes: offsetBytes + start, sizeBytes: end - start }] : [];
  });
};
