import { type ReactElement, useMemo } from 'react';
import { useDebugger } from '../../store/context.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { machineChecks, machineVerdict } from './machine-checks.ts';

/** What this machine has for attaching: the worst first, and what mends it. */
export function ThisMachine(): ReactElement {
  const facts = useDebugger((state) => state.hostFacts);
  const checks = useMemo(() => machineChecks(facts), [facts]);
  const verdict = machineVerdict(checks);
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
        {checks.map(({ title, state, found, remedy }) => (
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
      <p className="small text-3">
        All of it: <span className="val">tilescope doctor</span>
      </p>
    </section>
  );
}
