import { type ReactElement, useState } from 'react';
import type { PreflightOutcome, PreflightStep } from '../../../app/xsave/preflight.ts';
import { useDebugger } from '../../store/context.ts';
import { selectIsNewest, selectPreflight, selectRefusedEdit } from '../../store/select/selectors.ts';
import { Glyph, type GlyphName } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';

const OUTCOME: Readonly<
  Record<PreflightOutcome, { readonly glyph: GlyphName; readonly look: string; readonly word: string }>
> = {
  pass: { glyph: 'check', look: 'is-written', word: 'passes' },
  warning: { glyph: 'warn', look: 'is-armed', word: 'passes with a loss' },
  'not-known': { glyph: 'unknown', look: 'text-3', word: 'not known' },
  fail: { glyph: 'stop', look: 'is-refused', word: 'fails' },
  'not-reached': { glyph: 'dot', look: 'is-init', word: 'not reached' },
};

/**
 * One line, worst first: the glyph of the worst, then what was counted. Open, it lists failures, then warnings, then what
 * passes, in the order in which the kernel checks.
 */
export function Preflight(): ReactElement | null {
  const [all, setAll] = useState(false);
  const steps = useDebugger(selectPreflight);
  const newest = useDebugger(selectIsNewest);
  const staged = useDebugger((state) => state.staged.length > 0);
  const cause = useDebugger((state) => selectRefusedEdit(state)?.at ?? null);
  const kind = useDebugger((state) => state.session?.kind);
  // A file goes nowhere by itself: where it might go, and what is said there, is under Compatibility.
  if (steps.length === 0 || !newest || kind === 'file') return null;
  // Beneath the edit that is the cause stands the same sentence.
  const isSaidAbove = cause !== null;
  const listed = all
    ? WORST_FIRST.flatMap((outcome) => steps.filter((step) => step.outcome === outcome))
    : steps.filter(isBad);
  const worst = WORST_FIRST.find((outcome) => steps.some((step) => step.outcome === outcome)) ?? 'pass';
  return (
    <section className="block preflight" data-testid="preflight" aria-label="Pre-flight">
      <button type="button" className="preflight-line" aria-expanded={all} onClick={() => setAll(!all)}>
        <Glyph name={OUTCOME[worst].glyph} className={OUTCOME[worst].look} />
        <span>
          Pre-flight: <span className={OUTCOME[worst].look}>{checksText(steps)}</span>
        </span>
        <span className="push" />
        <Glyph name={all ? 'chevron' : 'chevronRight'} className="g12 text-3" />
      </button>
      {all && !staged ? (
        <p className="text-3 small preflight-what">the image as it was read, if it were written back</p>
      ) : null}
      {listed.length === 0 ? null : (
        <ul className="checks">
          {listed.map((step) => (
            <li
              key={step.id}
              title={`${step.sentence} (${step.value})`}
              aria-label={`${step.label}: ${OUTCOME[step.outcome].word}`}
            >
              <Glyph name={OUTCOME[step.outcome].glyph} className={OUTCOME[step.outcome].look} />
              <span className={`what ${step.outcome === 'not-reached' ? 'is-init' : ''}`}>
                {step.label}
                {(step.outcome === 'fail' && !isSaidAbove) || step.outcome === 'warning' ? (
                  <span className={step.outcome === 'fail' ? 'sentence' : 'sentence soft'}>{step.sentence}</span>
                ) : null}
              </span>
              {step.errno === undefined || step.outcome !== 'fail' ? null : (
                <span className="from val small">{step.errno}</span>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

const WORST_FIRST: readonly PreflightOutcome[] = ['fail', 'warning', 'not-known', 'pass', 'not-reached'];
const isBad = ({ outcome }: PreflightStep): boolean => outcome === 'fail' || outcome === 'warning';

/** "11 checks pass", "1 fails, 6 checks pass, 5 not reached", "11 checks pass, 1 warning". */
const checksText = (steps: readonly PreflightStep[]): string => {
  const of = (outcome: PreflightOutcome): number => steps.filter((step) => step.outcome === outcome).length;
  const [failed, warned, unknown, passed, missed] = (
    ['fail', 'warning', 'not-known', 'pass', 'not-reached'] as const
  ).map(of);
  return [
    (failed ?? 0) === 0 ? '' : `${failed} ${failed === 1 ? 'fails' : 'fail'}`,
    passed === 0 ? '' : `${count(passed ?? 0, 'check')} ${passed === 1 ? 'passes' : 'pass'}`,
    (warned ?? 0) === 0 ? '' : count(warned ?? 0, 'warning'),
    (unknown ?? 0) === 0 ? '' : `${unknown} not known`,
    (missed ?? 0) === 0 ? '' : `${missed} not reached`,
  ]
    .filter((text) => text !== '')
    .join(', ');
};
