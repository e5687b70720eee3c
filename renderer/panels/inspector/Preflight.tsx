import { type ReactElement, useState } from 'react';
import { firstRefusal, type PreflightOutcome, type PreflightStep } from '../../../app/xsave/preflight.ts';
import { useDebugger } from '../../store/context.ts';
import { selectIsNewest, selectPreflight, selectRefusedEdit } from '../../store/selectors.ts';
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
 * Every check in the order the kernel makes them; the first failing one is the verdict. Dense: what passes is counted, and
 * listed when asked for.
 */
export function Preflight({ dense = false }: { dense?: boolean }): ReactElement | null {
  const [all, setAll] = useState(false);
  const steps = useDebugger(selectPreflight);
  const newest = useDebugger(selectIsNewest);
  const staged = useDebugger((state) => state.staged.length > 0);
  const cause = useDebugger((state) => selectRefusedEdit(state)?.at ?? null);
  const kind = useDebugger((state) => state.session?.kind);
  // A file goes nowhere by itself: where it might go, and what is said there, is under Compatibility.
  if (steps.length === 0 || !newest || kind === 'file') return null;
  const refusal = firstRefusal(steps);
  // Beneath the edit that is the cause stands the same sentence.
  const isSaidAbove = cause !== null;
  const isListed = ({ outcome }: PreflightStep): boolean => outcome !== 'pass' && outcome !== 'not-reached';
  const listed = dense && !all ? steps.filter(isListed) : steps;
  return (
    <section className={`block ${dense ? 'dense' : ''}`} data-testid="preflight" aria-label="Pre-flight">
      <h3>
        Pre-flight
        <span className="aside">
          <span className={`pill ${refusal === null ? 'good' : 'bad'}`}>
            <Glyph name={refusal === null ? 'check' : 'stop'} className="g12" />
            {refusal === null ? 'would be accepted' : 'would be refused'}
          </span>
        </span>
      </h3>
      {staged ? null : <p className="text-3 small preflight-what">the image as it was read, if it were written back</p>}
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
      {dense ? (
        <button type="button" className="link small" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'fewer' : checksText(steps)}
        </button>
      ) : null}
    </section>
  );
}

/** "12 checks pass", "8 checks pass, 3 not reached". */
const checksText = (steps: readonly PreflightStep[]): string => {
  const of = (outcome: PreflightOutcome): number => steps.filter((step) => step.outcome === outcome).length;
  const [passed, missed] = [of('pass'), of('not-reached')];
  const pass = `${count(passed, 'check')} ${passed === 1 ? 'passes' : 'pass'}`;
  return missed === 0 ? pass : `${pass}, ${missed} not reached`;
};
