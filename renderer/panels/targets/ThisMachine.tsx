import { type ReactElement, useMemo, useState } from 'react';
import { useDebugger } from '../../store/context.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { machineChecks, machineVerdict } from './machine-checks.ts';

/** Of what passes so many are listed; the others are one line. */
const MOST_PASSING = 4;

/** What this machine has for attaching: the worst first, and what mends it. */
export function ThisMachine(): ReactElement {
  const facts = useDebugger((state) => state.hostFacts);
  const checks = useMemo(() => machineChecks(facts), [facts]);
  const verdict = machineVerdict(checks);
  const [all, setAll] = useState(false);
  const passing = checks.filter(({ state }) => state === 'ok').length;
  const more = Math.max(0, passing - MOST_PASSING);
  const listed = all ? checks : checks.slice(0, checks.length - more);
  return (
    <section className="block" data-testid="this-machine">
      <h3>
        This machine
        <span className={`pill aside ${verdict.isGood ? 'good' : 'warn'}`}>
          <Glyph name={verdict.isGood ? 'check' : 'warn'} className="g12" />
          {verdict.words}
        </span>
      </h3>
      <ul className="checks">
        {listed.map(({ title, state, found, remedy }) => (
          <li key={title}>
            <Glyph
              name={state === 'ok' ? 'check' : state === 'absent' ? 'dot' : 'warn'}
              className={`g12 ${state === 'ok' ? 'is-written' : state === 'absent' ? 'text-3' : 'is-armed'}`}
            />
            <span className="what">
              {title}
              {remedy === null ? null : <span className="small text-2 machine-remedy">{remedy}</span>}
            </span>
            <span className="small text-2 right">{found}</span>
          </li>
        ))}
      </ul>
      {more === 0 ? null : (
        <button type="button" className="link small" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'fewer' : `${more} more ${more === 1 ? 'passes' : 'pass'}`}
        </button>
      )}
      <p className="small text-3">
        All of it: <span className="val">tilescope doctor</span>
      </p>
    </section>
  );
}
