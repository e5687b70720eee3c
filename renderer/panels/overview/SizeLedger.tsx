import type { ReactElement } from 'react';
import type { LedgerRow } from '../../../app/xsave/ledger.ts';
import { useDebugger } from '../../store/context.ts';
import { selectLedger, selectLedgerNeed } from '../../store/select/selectors.ts';
import { Glyph, type GlyphName } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { verdictWords } from './ledger-words.ts';

const VERDICT: Readonly<Record<LedgerRow['verdict']['kind'], { readonly glyph: GlyphName; readonly look: string }>> = {
  ok: { glyph: 'check', look: 'is-written' },
  short: { glyph: 'stop', look: 'is-refused' },
  other: { glyph: 'info', look: 'text-3' },
  unknown: { glyph: 'unknown', look: 'text-3' },
};
const NUMBER_WORDS = ['no size falls', 'one size falls', 'two sizes fall', 'three sizes fall', 'four sizes fall'];

export function SizeLedger(): ReactElement {
  const rows = useDebugger(selectLedger);
  const need = useDebugger(selectLedgerNeed);
  const short = rows.filter((row) => row.verdict.kind === 'short').length;
  const max = Math.max(1, ...rows.map((row) => row.bytes ?? 0));
  return (
    <section className="section" aria-labelledby="ledger-head">
      <div className="section-head">
        <h2 id="ledger-head">Size ledger</h2>
        <span className="text-3 small">
          {need === null ? (
            'what this VM needs was not read'
          ) : (
            <>
              {NUMBER_WORDS[short] ?? `${count(short, 'size')} fall`} short of the{' '}
              <span className="val">{need.bytes}</span> bytes{' '}
              {need.from === 'read' ? 'this VM needs' : 'this layout needs'}
            </>
          )}
        </span>
      </div>
      <table className="ledger">
        <thead>
          <tr>
            <th scope="col">size</th>
            <th scope="col" className="right">
              bytes
            </th>
            <th scope="col">to scale</th>
            <th scope="col">where it comes from</th>
            <th scope="col">verdict</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.id} row={row} max={max} needed={need?.bytes ?? null} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ row, max, needed }: { row: LedgerRow; max: number; needed: number | null }): ReactElement {
  const { glyph, look } = VERDICT[row.verdict.kind];
  const short = row.verdict.kind === 'short';
  const words = verdictWords(row, needed);
  const isCode = /^[A-Z_0-9]+(,? |$)|^struct /.test(row.label) && !row.label.startsWith('RFC');
  return (
    <tr>
      <th scope="row" className={isCode ? 'val small' : ''}>
        {row.label}
      </th>
      <td className={`val right ${short ? 'is-refused strong' : ''}`}>
        {row.bytes ?? <span className="text-3 not-read">not read</span>}
      </td>
      <td>
        <svg className="ledger-bar" viewBox="0 0 192 12" preserveAspectRatio="none" aria-hidden="true">
          <rect y="2" width="192" height="8" fill="var(--bg-2)" />
          {row.bytes === null ? null : (
            <rect
              y="2"
              width={(192 * row.bytes) / max}
              height="8"
              fill={short ? 'var(--state-refused)' : 'var(--line-2)'}
            />
          )}
          {needed === null ? null : (
            <path d={`M${(192 * needed) / max} 0v12`} stroke="var(--text-1)" strokeWidth="1.5" />
          )}
        </svg>
      </td>
      <td className="text-2 small wraps">{row.source}</td>
      <td className="small wraps">
        <span className={`line tight ${short ? 'is-refused' : 'text-2'}`}>
          <Glyph name={glyph} className={`g12 ${look}`} />
          <span title={words === row.verdict.sentence ? undefined : row.verdict.sentence}>{words}</span>
        </span>
      </td>
    </tr>
  );
}
