// biome-ignore-all lint/a11y/noNoninteractiveElementToInteractiveRole: the WAI-ARIA grid pattern over a table.
import type { ReactElement } from 'react';
import { type MemoryRowShown, markOf } from '../../store/select/memory-edits.ts';
import type { MemoryForm } from '../../store/state/guest.ts';
import { MemoryElement } from './MemoryElement.tsx';
import { elementTexts } from './memory-text.ts';
import type { MemoryGrid } from './use-memory-grid.ts';

const printable = (byte: number): string => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.');

interface RowsProps {
  readonly rows: readonly MemoryRowShown[];
  readonly form: MemoryForm;
  readonly grid: MemoryGrid;
}

/** Rows of bytes with their characters, or of values. */
export function HexRows({ rows, form, grid }: RowsProps): ReactElement {
  const isHex = form.look === 'hex';
  const { size } = grid.block;
  return (
    <table
      ref={grid.table}
      role="grid"
      className="memory-hex val"
      aria-label={isHex ? 'Bytes' : 'Values'}
      {...grid.events}
    >
      <tbody>
        {rows.map((row, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place: the focus stays where it is when it is read anew.
          <tr key={index}>
            <th scope="row" className="text-3">
              {row.address.toString(16).padStart(16, '0')}
            </th>
            {elementTexts(row.bytes, form).map((text, at) => (
              <MemoryElement
                // biome-ignore lint/suspicious/noArrayIndexKey: an element is its place.
                key={at}
                {...{ grid, text, row: index, column: at, address: row.address + BigInt(at * size) }}
                mark={markOf(row, at * size, size)}
                look={isHex ? (text === '00' ? 'text-3' : '') : 'memory-value'}
              />
            ))}
            {row.why === null ? null : (
              <td className="is-armed small" colSpan={form.rowBytes - row.bytes.length + 1}>
                {row.why}
              </td>
            )}
            {isHex && row.why === null ? (
              <td className="text-2 memory-text">{Array.from(row.bytes, printable).join('')}</td>
            ) : null}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
