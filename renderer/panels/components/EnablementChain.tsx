import type { ReactElement } from 'react';
import type { Enablement, EnablementState } from '../../../app/xsave/enablement.ts';

const WORDS: Readonly<Record<EnablementState, string>> = {
  yes: 'yes',
  no: 'no',
  'not-needed': 'not needed',
  'not-known': 'not known',
};

/** Enablement, four steps: a disc holds, a ring does not, a dash is not needed, a dashed ring is not known. A line joins while the chain holds. */
export function EnablementChain({ enablement, hue }: { enablement: Enablement; hue: string }): ReactElement {
  const chain: readonly EnablementState[] = [
    enablement.supported,
    enablement.enabled,
    enablement.permitted,
    enablement.inUse,
  ];
  const grey = enablement.supported === 'no' && enablement.inUse !== 'yes';
  return (
    <svg
      className="enablement"
      viewBox="0 0 48 12"
      role="img"
      aria-label={`supported ${WORDS[enablement.supported]}, enabled ${WORDS[enablement.enabled]}, permitted ${WORDS[enablement.permitted]}, in use ${WORDS[enablement.inUse]}`}
    >
      {chain.map((state, index) => {
        const cx = 6 + 12 * index;
        const joined = index > 0 && !grey && state !== 'no' && chain[index - 1] !== 'no';
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: four fixed places.
          <g key={index}>
            {joined ? <path d={`M${cx - 8.5} 6h5`} stroke="var(--text-3)" strokeWidth="1.5" /> : null}
            {state === 'yes' ? (
              <circle cx={cx} cy="6" r="3.5" fill={index === 3 ? `var(--c-${hue})` : 'var(--text-2)'} />
            ) : state === 'not-needed' && !grey ? (
              <path d={`M${cx - 2.5} 6h5`} stroke="var(--text-3)" strokeWidth="1.5" />
            ) : (
              <circle
                cx={cx}
                cy="6"
                r="3"
                fill="none"
                stroke={grey ? 'var(--line-2)' : 'var(--text-3)'}
                strokeDasharray={state === 'not-known' ? '1.5 1.5' : undefined}
              />
            )}
          </g>
        );
      })}
    </svg>
  );
}
