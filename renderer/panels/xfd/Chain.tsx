import type { ReactElement } from 'react';
import type { FirstUse, Station } from '../../../app/session/first-use.ts';
import { useDebuggerStore } from '../../store/context.ts';

import { Glyph, type GlyphName } from '../../theme/Glyph.tsx';

const STATION: Readonly<
  Record<Station['outcome'], { readonly glyph: GlyphName; readonly look: string; readonly word: string }>
> = {
  pass: { glyph: 'check', look: 'pass', word: 'passes' },
  stop: { glyph: 'stop', look: 'stopped', word: 'stops here' },
  armed: { glyph: 'lock', look: 'armed', word: 'armed' },
  'not-known': { glyph: 'unknown', look: 'unknown', word: 'not known' },
  info: { glyph: 'info', look: 'info', word: '' },
};

/**
 * The chain as five stations on a line: it is drawn solid as far as the instruction comes, and dotted after that. Under
 * XFD it branches off to #NM.
 */
export function Chain({
  story,
  instruction,
}: {
  story: FirstUse;
  instruction: keyof FirstUse['outcomes'];
}): ReactElement {
  const store = useDebuggerStore();
  const gates = story.stations.slice(0, 4);
  const outcome = story.outcomes[instruction];
  // LDTILECFG passes XFD whatever it says: the lock is drawn, and the line goes on.
  const passes = (station: Station): boolean =>
    station.outcome === 'pass' || (station.outcome === 'armed' && outcome.kind === 'executes');
  const reached = gates.findIndex((station) => !passes(station));
  const last = reached === -1 ? gates.length : reached;
  const branches = outcome.kind === 'nm';
  return (
    <div className="chain">
      <div className="chain-line" aria-hidden="true">
        <span className="val small chain-name">{instruction}</span>
        {gates.map((station, at) => (
          <span key={station.id} className={`chain-gate ${at <= last ? 'reached' : ''} ${at === last ? 'last' : ''}`}>
            <span className={`chain-dot ${STATION[station.outcome].look} ${at > last ? 'beyond' : ''}`}>
              <Glyph name={STATION[station.outcome].glyph} className="g12" />
            </span>
          </span>
        ))}
        <span className={`chain-gate end ${last === gates.length ? 'reached' : ''}`}>
          <span className="small text-3 chain-end">
            {outcome.kind === 'executes'
              ? 'executes'
              : outcome.kind === 'not-known'
                ? 'not known'
                : 'executes: not reached'}
          </span>
          {branches ? (
            <>
              <span className="chain-elbow" />
              <span className="chain-nm strong">#NM</span>
            </>
          ) : null}
        </span>
      </div>
      <ol className="stations">
        {story.stations.map((station) => (
          <li key={station.id}>
            <button
              type="button"
              className={`station ${STATION[station.outcome].look}`}
              onClick={() => store.getState().select({ kind: 'xfd' })}
            >
              <span className="strong">{station.title}</span> <span className="text-3 small">{station.where}</span>{' '}
              <span className="val station-value">{station.value ?? <span className="text-3">not read</span>}</span>{' '}
              <span className="line tight small station-says">
                <Glyph name={STATION[station.outcome].glyph} className="g12" />
                <span>{station.says}</span>
              </span>
            </button>
          </li>
        ))}
      </ol>
    </div>
  );
}
