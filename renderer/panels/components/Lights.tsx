import type { ReactElement } from 'react';
import type { Light, Lights as LightsOfComponent } from '../../../app/xsave/lights.ts';

const WORDS: Readonly<Record<Light, string>> = {
  yes: 'yes',
  no: 'no',
  'not-needed': 'not needed',
  'not-known': 'not known',
};

/** Four lights: a disc holds, a ring does not, a dash is not needed, a dashed ring is not known. A line joins while the chain holds. */
export function Lights({ lights, hue }: { lights: LightsOfComponent; hue: string }): ReactElement {
  const chain: readonly Light[] = [lights.supported, lights.enabled, lights.permitted, lights.inUse];
  const grey = lights.supported === 'no' && lights.inUse !== 'yes';
  return (
    <svg
      className="lights"
      viewBox="0 0 48 12"
      role="img"
      aria-label={`supported ${WORDS[lights.supported]}, enabled ${WORDS[lights.enabled]}, permitted ${WORDS[lights.permitted]}, in use ${WORDS[lights.inUse]}`}
    >
      {chain.map((light, index) => {
        const cx = 6 + 12 * index;
        const joined = index > 0 && !grey && light !== 'no' && chain[index - 1] !== 'no';
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: four fixed places.
          <g key={index}>
            {joined ? <path d={`M${cx - 8.5} 6h5`} stroke="var(--text-3)" strokeWidth="1.5" /> : null}
            {light === 'yes' ? (
              <circle cx={cx} cy="6" r="3.5" fill={index === 3 ? `var(--c-${hue})` : 'var(--text-2)'} />
            ) : light === 'not-needed' && !grey ? (
              <path d={`M${cx - 2.5} 6h5`} stroke="var(--text-3)" strokeWidth="1.5" />
            ) : (
              <circle
                cx={cx}
                cy="6"
                r="3"
                fill="none"
                stroke={grey ? 'var(--line-2)' : 'var(--text-3)'}
                strokeDasharray={light === 'not-known' ? '1.5 1.5' : undefined}
              />
            )}
          </g>
        );
      })}
    </svg>
  );
}
