import type { ReactElement } from 'react';
import { cellsOf, memoryTypeBytes } from '../../store/select/memory-cells.ts';
import type { MemoryRowShown } from '../../store/select/memory-edits.ts';
import type { MemoryPlace } from '../../store/state/guest.ts';
import type { MemoryType } from '../../store/state/memory-cells.ts';
import { minus } from '../../wording.ts';

const READ_AS: readonly MemoryType[] = [
  'u8',
  'i8',
  'u16',
  'i16',
  'u32',
  'i32',
  'u64',
  'i64',
  'f16',
  'bf16',
  'f32',
  'f64',
];

interface ValuesAtProps {
  readonly rows: readonly MemoryRowShown[];
  readonly place: MemoryPlace;
  /** Bytes of one element of the grid. */
  readonly size: number;
}

/** What the bytes from the focused one on are in each type, as far as they were read. */
export function ValuesAt({ rows, place, size }: ValuesAtProps): ReactElement | null {
  const row = rows[place.row];
  if (row === undefined || row.bytes.length === 0) return null;
  const from = place.column * size;
  const next = rows[place.row + 1];
  const follows = next !== undefined && next.address === row.address + BigInt(row.bytes.length);
  const bytes = new Uint8Array([...row.bytes.subarray(from), ...(follows ? next.bytes.subarray(0, 8) : [])]);
  return (
    <section className="memory-values small" aria-label="Values at the focused byte">
      <p className="text-3">
        from <span className="val text-2">{(row.address + BigInt(from)).toString(16)}</span> on
      </p>
      <dl>
        {READ_AS.map((type) => {
          const [cell] = cellsOf(bytes.subarray(0, memoryTypeBytes(type)), type);
          return cell === undefined ? null : (
            <div key={type}>
              <dt className="text-3">{type}</dt>
              <dd className="val">{minus(cell.text)}</dd>
            </div>
          );
        })}
      </dl>
    </section>
  );
}
