import { type ReactElement, useState } from 'react';
import { bitsOf, hasBit } from '../../../app/bits/mask.ts';
import type { BitRow, Contradiction } from '../../../app/xsave/bitmatrix.ts';
import { COMPACTED_BIT, COMPONENTS, componentLabel } from '../../../app/xsave/components.ts';
import { Hex64 } from '../../controls/Hex64.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { hueOf } from '../../store/select/components.ts';
import { selectBitMatrix, selectSelectedBit } from '../../store/select/selectors.ts';
import { Glyph } from '../../theme/Glyph.tsx';

const KNOWN_COLUMNS = COMPONENTS.filter((row) => row.bit < 20).map((row) => row.bit);
/** Only components that XFD can arm have a bit in these two. */
const XFD_ROWS = new Set<BitRow['id']>(['xfd', 'xfd_err']);
const DYNAMIC = new Set(COMPONENTS.filter((row) => row.needsPermission).map((row) => row.bit));

const NO_ROWS: readonly BitRow[] = [];
/** The components with a definition, and every other bit that some register has set: unknown is not unseen. */
const columnsOf = (rows: readonly BitRow[]): readonly number[] => {
  const set = rows.flatMap((row) => (row.value === null ? [] : bitsOf(row.value)));
  return [...new Set([...KNOWN_COLUMNS, ...set])].filter((bit) => bit !== COMPACTED_BIT).sort((a, b) => a - b);
};

type OfOneRule = readonly [Contradiction, ...Contradiction[]];

/** A rule that several tiles break is one note, so that eight tiles do not push the table out of sight. */
const byRule = (all: readonly Contradiction[]): readonly OfOneRule[] => {
  const rules = new Map<string, [Contradiction, ...Contradiction[]]>();
  for (const found of all) {
    const others = rules.get(found.rule);
    if (others === undefined) rules.set(found.rule, [found]);
    else others.push(found);
  }
  return [...rules.values()];
};

export function BitMatrix(): ReactElement {
  const matrix = useDebugger(selectBitMatrix);
  const selected = useDebugger(selectSelectedBit);
  const [hovered, setHovered] = useState<{ readonly row: string; readonly bit: number } | null>(null);
  const columns = columnsOf(matrix?.rows ?? NO_ROWS);
  const isBad = (row: BitRow['id'], bit: number): boolean =>
    matrix?.contradictions.some((found) => found.rows.includes(row) && found.bits.includes(bit)) ?? false;
  return (
    <section className="section" aria-labelledby="bits-head">
      <div className="section-head bits-head">
        <h2 id="bits-head">Bits</h2>
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: hover only highlights row and column. */}
      <div className="bits-scroll" onMouseLeave={() => setHovered(null)}>
        <table className="bits" aria-label="Bits of the registers that decide about components">
          <thead>
            <tr>
              <th scope="col" className="bits-name">
                register
              </th>
              {columns.map((bit) => (
                <BitHead key={bit} bit={bit} selected={bit === selected} />
              ))}
              <th scope="col" className="right">
                value
              </th>
            </tr>
          </thead>
          <tbody>
            {(matrix?.rows ?? []).map((row) => (
              <tr
                key={row.id}
                className={row.id === 'guest_permission' ? 'ruled' : ''}
                data-hovered={hovered?.row === row.id || undefined}
              >
                <th scope="row" className={`bits-name ${/permission|support/.test(row.label) ? '' : 'val small'}`}>
                  {row.label}
                </th>
                {columns.map((bit) => (
                  <td
                    key={bit}
                    className={bit === selected ? 'selected' : ''}
                    data-hovered={hovered?.bit === bit || undefined}
                    title={`${row.label}, bit ${bit}, ${componentLabel(bit)}: ${row.value === null ? 'not read' : hasBit(row.value, bit) ? 'set' : 'clear'}`}
                    onMouseEnter={() => setHovered({ row: row.id, bit })}
                  >
                    <Cell row={row} bit={bit} bad={isBad(row.id, bit)} />
                  </td>
                ))}
                <td className="right small">
                  {row.value === null ? <span className="text-3">not read</span> : <Hex64 value={row.value} />}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {matrix === null || matrix.contradictions.length === 0 ? null : (
        <div className="contradictions">
          {byRule(matrix.contradictions).map((found) => (
            <ContradictionNote key={found[0].rule} found={found} />
          ))}
        </div>
      )}
    </section>
  );
}

function BitHead({ bit, selected }: { bit: number; selected: boolean }): ReactElement {
  const store = useDebuggerStore();
  return (
    <th scope="col" className={selected ? 'selected' : ''}>
      <button
        type="button"
        className="bit-head"
        title={`Select ${componentLabel(bit)}, bit ${bit}`}
        tabIndex={-1}
        onClick={() => store.getState().select({ kind: 'component', bit })}
      >
        <span className="bit-name">{componentLabel(bit)}</span> <span className="visually-hidden">bit </span>
        <span className="val micro text-3">{bit}</span>
      </button>
    </th>
  );
}

function Cell({ row, bit, bad }: { row: BitRow; bit: number; bad: boolean }): ReactElement {
  if (row.value === null) return <span className="bit not-known" aria-hidden="true" />;
  const set = hasBit(row.value, bit);
  return (
    <>
      <span className="visually-hidden">{set ? 'set' : 'clear'}</span>
      {set ? (
        <span className={`bit on ${bad ? 'bad' : ''}`} style={{ '--hue': hueOf(bit) }} />
      ) : bad ? (
        <span className="bit missing bad" />
      ) : XFD_ROWS.has(row.id) && !DYNAMIC.has(bit) ? (
        <span className="bit none" />
      ) : (
        <span className="bit off" />
      )}
    </>
  );
}

function ContradictionNote({ found: [first, ...others] }: { found: OfOneRule }): ReactElement {
  const grave = first.severity !== 'warning';
  return (
    <div className={`note slim ${grave ? 'refused' : 'attention'}`} role="note">
      <Glyph name={grave ? 'stop' : 'warn'} />
      <div className="note-body">
        {first.sentence}. <span className="small text-2">{first.source}</span>
        {others.length === 0 ? null : (
          <details>
            <summary className="small text-2">{others.length} more by the same rule</summary>
            {others.map(({ sentence }) => (
              <div key={sentence}>{sentence}.</div>
            ))}
          </details>
        )}
      </div>
    </div>
  );
}
