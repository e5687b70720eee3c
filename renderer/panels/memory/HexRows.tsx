// biome-ignore-all lint/a11y/noNoninteractiveElementToInteractiveRole: the WAI-ARIA grid pattern over a table.
import { type ReactElement, useMemo } from 'react';
import type { MemoryPage } from '../../../app/bridge.ts';
import { elementTexts, type MemoryRowShown, markOf } from '../../store/select/memory-edits.ts';
import type { MemoryForm } from '../../store/state/guest.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { MemoryElement } from './MemoryElement.tsx';
import { PageWords } from './PageWords.tsx';
import { pageAt } from './page-text.ts';
import type { MemoryGrid } from './use-memory-grid.ts';

const printable = (byte: number): string => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.');
const PAGE_BITS = 12n;
const address16 = (address: bigint): string => address.toString(16).padStart(16, '0');

interface RowsProps {
  readonly rows: readonly MemoryRowShown[];
  readonly pages: readonly MemoryPage[];
  readonly form: MemoryForm;
  readonly grid: MemoryGrid;
}

/** Rows of bytes with their characters, or of values. A page that begins has a line of its own; what is not mapped is one line. */
export function HexRows({ rows, pages, form, grid }: RowsProps): ReactElement {
  const isHex = form.look === 'hex';
  const columns = Math.floor(form.rowBytes / grid.block.size) + (isHex ? 2 : 1);
  const widths = useMemo(() => {
    const all = form.look === 'hex' ? [] : rows.map(({ bytes }) => elementTexts(bytes, form));
    const wide = Math.max(0, ...all.map(({ length }) => length));
    return Array.from({ length: wide }, (_, at) => Math.max(0, ...all.map((texts) => texts[at]?.length ?? 0)));
  }, [rows, form]);
  return (
    <table
      ref={grid.table}
      role="grid"
      className="memory-hex val"
      aria-label={isHex ? 'Bytes' : 'Values'}
      {...grid.events}
    >
      <tbody>
        {rows.map((row, index) => {
          const before = rows[index - 1];
          const isNewPage = before === undefined || before.address >> PAGE_BITS !== row.address >> PAGE_BITS;
          const isEmpty = row.bytes.length === 0 && row.why !== null;
          const isGoneOn = isEmpty && before?.why === row.why && before.bytes.length === 0;
          return [
            isNewPage && pages.length > 0 ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place.
              <tr key={`page ${index}`} className={`memory-page small ${index === 0 ? '' : 'edge'}`}>
                <td colSpan={columns}>
                  <PageWords page={pageAt(pages, row.address)} />
                </td>
              </tr>
            ) : null,
            isGoneOn || (isEmpty && isNewPage && pages.length > 0) ? null : (
              // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place: the focus stays where it is when it is read anew.
              <HexRow key={index} {...{ row, index, form, grid, widths }} />
            ),
          ];
        })}
      </tbody>
    </table>
  );
}

interface RowProps {
  readonly row: MemoryRowShown;
  readonly index: number;
  readonly form: MemoryForm;
  readonly grid: MemoryGrid;
  /** The longest text of each column. */
  readonly widths: readonly number[];
}

/** A byte in decimal: three digits stand in the room of two and what is between bytes. */
const BYTE_CHARACTERS = 3;

function HexRow({ row, index, form, grid, widths }: RowProps): ReactElement {
  const isHex = form.look === 'hex';
  const { size } = grid.block;
  const columns = Math.floor(form.rowBytes / size);
  const texts = elementTexts(row.bytes, form);
  return (
    <tr>
      <th scope="row" className={grid.active.row === index ? 'text-1' : 'text-3'}>
        {address16(row.address)}
      </th>
      {texts.map((text, at) => (
        <MemoryElement
          // biome-ignore lint/suspicious/noArrayIndexKey: an element is its place.
          key={at}
          {...{ grid, text, row: index, column: at, address: row.address + BigInt(at * size) }}
          characters={isHex ? BYTE_CHARACTERS : (widths[at] ?? 0)}
          mark={markOf(row, at * size, size)}
          look={isHex ? (text === '00' ? 'text-3' : '') : 'memory-value'}
        />
      ))}
      {row.why !== null ? (
        <td className="memory-missing small text-3" colSpan={columns - texts.length + (isHex ? 1 : 0)}>
          <span className="line tight">
            <Glyph name="warn" className="g12 is-armed" />
            {row.why}
          </span>
        </td>
      ) : isHex ? (
        <td className="text-2 memory-text">{Array.from(row.bytes, printable).join('')}</td>
      ) : null}
    </tr>
  );
}
