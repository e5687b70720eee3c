import type { ReactElement } from 'react';
import type { MemoryView } from '../../../app/bridge.ts';
import { bytesOfHexText, cellsOf } from '../../store/select/memory-cells.ts';
import type { MemoryForm } from '../../store/state/guest.ts';
import { minus } from '../../wording.ts';

const printable = (byte: number): string => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.');

/** Rows of bytes with their characters, or of values. */
export function HexRows({ memory, form }: { memory: MemoryView; form: MemoryForm }): ReactElement {
  return (
    <table
      className="memory-hex val"
      aria-label={form.look === 'hex' ? 'Bytes' : 'Values'}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it.
      tabIndex={0}
    >
      <tbody>
        {memory.rows.map((row) => {
          const bytes = bytesOfHexText(row.hex);
          return (
            <tr key={row.address}>
              <th scope="row" className="text-3">
                {row.address.slice(2).padStart(16, '0')}
              </th>
              {form.look === 'hex'
                ? Array.from(bytes, (byte, at) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: a byte is its place.
                    <td key={at} className={byte === 0 ? 'text-3' : undefined}>
                      {byte.toString(16).padStart(2, '0')}
                    </td>
                  ))
                : cellsOf(bytes, form.type).map(({ text }, at) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: an element is its place.
                    <td key={at} className="memory-value">
                      {minus(text)}
                    </td>
                  ))}
              {row.why === null ? null : (
                <td className="is-armed small" colSpan={form.rowBytes - bytes.length + 1}>
                  {row.why}
                </td>
              )}
              {form.look === 'hex' && row.why === null ? (
                <td className="text-2 memory-text">{Array.from(bytes, printable).join('')}</td>
              ) : null}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
