import type { ReactElement } from 'react';
import { describeProblem } from '../../../app/bits/decoded.ts';
import type { RestoreVerdict } from '../../../app/compat/verdict.ts';
import { COMPONENTS } from '../../../app/xsave/components.ts';
import type { PreflightOutcome } from '../../../app/xsave/preflight.ts';
import { PRESETS } from '../../../app/xsave/presets.ts';
import { scrollInPanel } from '../../actions/regions.ts';
import { Select } from '../../controls/Select.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectBadge, selectTruncation, selectVerdict } from '../../store/view/compatibility.ts';
import { HERE } from '../../store/view/view-slice.ts';
import { Glyph, type GlyphName } from '../../theme/Glyph.tsx';
import { maskedPids } from '../../wording.ts';

const PRESET_OPTIONS = PRESETS.map(({ name, label }) => ({ value: name, label }));

const BADGE_GLYPH: Readonly<Record<string, GlyphName>> = { good: 'check', warn: 'warn', bad: 'stop', plain: 'unknown' };

/** The verdict in a few words. */
function CompatibilityBadge(): ReactElement {
  const { look, text, title } = useDebugger(selectBadge);
  return (
    <span className={`pill ${look}`} role="status" aria-label={`Compatibility: ${text}`} title={maskedPids(title)}>
      <Glyph name={BADGE_GLYPH[look] ?? 'unknown'} className="g12" />
      {text}
    </span>
  );
}

/** The badge as a way to its section. */
export function CompatibilityButton(): ReactElement {
  const store = useDebuggerStore();
  const { look, text, title } = useDebugger(selectBadge);
  const show = (): void => {
    store.getState().setTab('overview');
    requestAnimationFrame(() => scrollInPanel('[data-testid="compatibility"]'));
  };
  return (
    <button
      type="button"
      className={`pill tall ${look}`}
      aria-label={`Compatibility: ${text}`}
      title={maskedPids(title)}
      onClick={show}
    >
      <Glyph name={BADGE_GLYPH[look] ?? 'unknown'} className="g12" />
      {text}
    </button>
  );
}

export function Compatibility(): ReactElement {
  const store = useDebuggerStore();
  const verdict = useDebugger(selectVerdict);
  const destination = useDebugger((state) => state.destination);
  const isFile = useDebugger((state) => state.session?.kind !== 'live');
  const options = [{ value: HERE, label: isFile ? 'This host' : 'Its own vCPU' }, ...PRESET_OPTIONS];
  return (
    <section className="section" aria-labelledby="compatibility-head" data-testid="compatibility">
      <div className="section-head">
        <h2 id="compatibility-head">Compatibility</h2>
        <CompatibilityBadge />
        <span className="push" />
        <span className="text-3 small">restored on</span>
        <Select
          name="Restored on"
          value={destination}
          options={options}
          onChoose={(value) => store.getState().setDestination(value)}
        />
      </div>
      {verdict === null ? (
        <p className="section-note text-2">The CPU of this host was not read: choose a CPU to compare with.</p>
      ) : verdict.ok ? (
        <Verdict verdict={verdict.value} />
      ) : (
        <p className="section-note text-2">{describeProblem(verdict.problem)}.</p>
      )}
    </section>
  );
}

const OUTCOME: Readonly<Record<PreflightOutcome, { readonly glyph: GlyphName; readonly look: string }>> = {
  pass: { glyph: 'check', look: 'is-written' },
  warning: { glyph: 'warn', look: 'is-armed' },
  'not-known': { glyph: 'unknown', look: 'text-3' },
  fail: { glyph: 'stop', look: 'is-refused' },
  'not-reached': { glyph: 'dot', look: 'is-init' },
};
const WORDS: Readonly<Record<PreflightOutcome, string>> = {
  pass: 'passes',
  warning: 'passes with a loss',
  'not-known': 'not known',
  fail: 'fails',
  'not-reached': 'not reached',
};

const LABELS: ReadonlySet<string> = new Set(COMPONENTS.map(({ label }) => label));

/** A sentence begins with a capital, unless a component's name begins it. */
const sentence = (text: string): string => {
  const first = LABELS.has(text.split(' ', 1)[0] ?? '') ? text[0] : text[0]?.toUpperCase();
  return `${first ?? ''}${maskedPids(text.slice(1))}.`;
};

function Verdict({ verdict }: { verdict: RestoreVerdict }): ReactElement {
  const truncated = useDebugger(selectTruncation);
  const lost = new Set(verdict.lost.map(({ why }) => why));
  return (
    <div className="verdict">
      <ul className="verdict-sentences">
        {truncated === null ? null : (
          <li>
            <Glyph name="stop" className="g12 is-refused" />
            <span>{truncated}</span>
          </li>
        )}
        {verdict.sentences.map((text) => (
          <li key={text} className={lost.has(text) ? 'lost' : ''}>
            {lost.has(text) ? (
              <Glyph name="warn" className="g12 is-armed" />
            ) : (
              <Glyph name="dot" className="g12 text-3" />
            )}
            <span>{sentence(text)}</span>
          </li>
        ))}
      </ul>
      <ul className="verdict-steps" aria-label="Pre-flight at the destination">
        {verdict.steps.map((step) => (
          <li key={step.id} title={step.sentence} aria-label={`${step.label}: ${WORDS[step.outcome]}`}>
            <Glyph name={OUTCOME[step.outcome].glyph} className={`g12 ${OUTCOME[step.outcome].look}`} />
            <span className={step.outcome === 'not-reached' ? 'is-init' : 'text-2'}>{step.label}</span>
            {step.outcome === 'fail' && step.errno !== undefined ? (
              <span className="val is-refused">{step.errno}</span>
            ) : null}
          </li>
        ))}
      </ul>
    </div>
  );
}
