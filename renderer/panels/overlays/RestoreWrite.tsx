import type { ReactElement } from 'react';
import { firstRefusal } from '../../../app/xsave/preflight.ts';
import { useDebugger } from '../../store/context.ts';
import { outsideCount, type RestorePlan } from '../../store/restore/restore-plan.ts';
import { isRunning } from '../../store/select/run.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count, minus } from '../../wording.ts';
import { guestValue } from '../registers/varies.ts';

/** More than this are counted, not listed. */
const SHOWN = 6;

/** The write before it is done: how many bytes, which parts, and what pre-flight says of it. */
export function RestoreWrite({ plan, then }: { plan: RestorePlan; then: string }): ReactElement {
  const now = useDebugger((state) => state.stops.at(-1)?.capture);
  const running = useDebugger(isRunning);
  const newest = useDebugger((state) => state.stops.at(-1)?.number ?? 0);
  const { chosen, steps } = plan;
  const write = chosen?.write ?? null;
  if (write === null || now === undefined || chosen?.refused != null) {
    return (
      <section className="restore-part" data-testid="restore-write">
        <p className="text-3 small">{chosen === null ? 'No component is chosen.' : `Nothing: ${chosen.refused}.`}</p>
      </section>
    );
  }
  const outside = outsideCount(write, now);
  const refusal = firstRefusal(steps);
  // MXCSR lies among the bytes of x87 and is SSE's: what is equal in the list above is not named here.
  const equal = new Set(plan.components.flatMap((row) => (row.refused === null ? [] : [row.label])));
  const changes = write.changes.filter(({ path }) => !equal.has(path));
  return (
    <section className="restore-part" data-testid="restore-write" aria-label="What would be written">
      <div className="line wrap">
        <span>
          <span className="val strong">{write.writtenBytes}</span> {write.writtenBytes === 1 ? 'byte' : 'bytes'}
          {outside === 0 ? '' : `, ${count(outside, 'register')} outside the image`}
        </span>
        <span className="text-3 small">
          as in {then}
          {running ? `; counted against stop ${newest}, the guest runs on` : ''}
        </span>
        <span className="push" />
        <span className={`pill ${refusal === null ? 'good' : 'bad'}`} role="status">
          <Glyph name={refusal === null ? 'check' : 'stop'} className="g12" />
          {refusal === null ? 'pre-flight: would be accepted' : `pre-flight: ${refusal.label}`}
        </span>
      </div>
      {refusal === null ? null : (
        <div className="note refused" role="alert">
          <Glyph name="stop" />
          <div className="note-body">
            {refusal.sentence}
            {refusal.errno === undefined ? null : <span className="val small text-2"> {refusal.errno}</span>}
          </div>
        </div>
      )}
      <ul className="restore-changes small">
        {changes.slice(0, SHOWN).map(({ path, before, after }) => (
          <li key={path} className="line tight">
            <span className="val restore-path">{path}</span>
            {before === after ? (
              <span className="text-3">{before}, other values</span>
            ) : (
              <>
                <span className="val text-3 ellipsis" title={guestValue(path, before)}>
                  {minus(guestValue(path, before))}
                </span>
                <Glyph name="arrow" className="g12 text-3" />
                <span className="val ellipsis" title={guestValue(path, after)}>
                  {minus(guestValue(path, after))}
                </span>
              </>
            )}
          </li>
        ))}
        {changes.length <= SHOWN ? null : <li className="text-3">{changes.length - SHOWN} more</li>}
      </ul>
    </section>
  );
}
