import { type ReactElement, type ReactNode, useEffect } from 'react';
import {
  type Condition,
  type ConditionChoice,
  checkCondition,
  conditionSubject,
  conditionVerb,
  conditionWords,
} from '../../../app/session/run-until.ts';
import { componentLabel } from '../../../app/xsave/components.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { Button } from '../../controls/Button.tsx';
import { Select } from '../../controls/Select.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { isFrozen } from '../../store/select/run.ts';
import { exactRunRefusal } from '../../store/vcpu/exact-run.ts';
import { runUntilRefusal } from '../../store/vcpu/run-until.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { ExactRows, ExactWords } from '../model/ExactRows.tsx';
import { Dialog, DialogActs } from './Dialog.tsx';

const STATE_WORDS = { absent: 'absent', init: 'init', inUse: 'in use' } as const;

/** What to run until. Each row is a condition; what is typed is checked while it is typed. */
export function RunUntilDialog(): ReactElement | null {
  const store = useDebuggerStore();
  const choice = useDebugger((state) => state.runUntilChoice);
  const newest = useDebugger((state) => state.stops.at(-1)?.capture ?? null);
  const isModel = useDebugger((state) => state.session?.kind === 'model');
  const busy = useDebugger(runUntilRefusal);
  const way = useDebugger((state) => state.runWay);
  const exactRefused = useDebugger(exactRunRefusal);
  useEffect(() => document.querySelector<HTMLElement>('dialog.run-until input:checked')?.focus(), []);
  if (newest === null) return null;
  const choose = (part: Partial<ConditionChoice>): void => store.getState().chooseRunUntil(part);
  const checked = checkCondition(choice, newest);
  const refused = way !== 'sampled' ? exactRefused : (busy ?? (checked.ok ? null : checked.why));
  const start = (): void =>
    void (way === 'sampled' ? store.getState().startRunUntil() : store.getState().startExactRun());
  const components = newest.image.layout.components
    .map(({ bit }) => ({ bit, state: viewComponent(newest.image, bit).state }))
    .filter(({ state }) => state !== 'absent')
    .sort((a, b) => a.bit - b.bit);
  const chosen = components.find(({ bit }) => bit === choice.bit);
  return (
    <Dialog label="Run until" look="ask run-until">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (refused === null) start();
        }}
      >
        <div className="ask-body">
          <h2>Run until</h2>
          <fieldset className="run-conditions" aria-label="Condition">
            <ExactRows isModel={isModel} />
            <ConditionRow kind="in-use" choice={choice} onChoose={choose} title="a component comes into use">
              <Select
                name="Component"
                value={String(choice.bit)}
                options={[
                  ...(chosen === undefined ? [{ value: String(choice.bit), label: componentLabel(choice.bit) }] : []),
                  ...components.map(({ bit, state }) => ({
                    value: String(bit),
                    label: `${componentLabel(bit)}, ${STATE_WORDS[state]} now`,
                  })),
                ]}
                onChoose={(bit) => choose({ kind: 'in-use', bit: Number(bit) })}
              />
            </ConditionRow>
            {way === 'sampled' && choice.kind === 'in-use' && chosen?.state === 'inUse' ? (
              <p className="text-2 run-about">It is in use already: it would have to go to init first.</p>
            ) : null}
            <ConditionRow kind="changes" choice={choice} onChoose={choose} title="a register or element changes">
              <span className="field run-path">
                <input
                  type="text"
                  className="val"
                  aria-label="Register or element"
                  aria-invalid={choice.kind === 'changes' && !checked.ok}
                  placeholder="zmm3:f32[5]"
                  value={choice.path}
                  spellCheck={false}
                  autoComplete="off"
                  onChange={(event) => choose({ kind: 'changes', path: event.target.value })}
                />
              </span>
            </ConditionRow>
            <ConditionRow
              kind="exception"
              choice={choice}
              onChoose={choose}
              title="an exception is raised"
              refused={isModel ? null : 'type its name above, such as #NM: a live guest runs to its handler'}
            >
              <Select
                name="Exception"
                value={choice.which}
                options={[
                  { value: 'nm', label: '#NM' },
                  { value: 'any', label: 'any exception' },
                ]}
                onChoose={(which) => choose({ kind: 'exception', which: which === 'any' ? 'any' : 'nm' })}
              />
            </ConditionRow>
          </fieldset>
          {way !== 'sampled' || checked.ok ? null : (
            <p className="line tight run-refused" role="alert">
              <Glyph name="stop" className="g12" />
              {checked.why}
            </p>
          )}
          {isModel ? <StepsWords /> : way === 'sampled' ? <SampledWords /> : <ExactWords />}
        </div>
        <DialogActs>
          <Button
            label={way === 'sampled' && checked.ok ? `Run until ${conditionWords(checked.condition)}` : 'Run'}
            look="primary"
            glyph="play"
            refused={refused}
            testId="run-until-start"
          >
            {way === 'sampled' && checked.ok ? <UntilWords condition={checked.condition} /> : 'Run'}
          </Button>
        </DialogActs>
      </form>
    </Dialog>
  );
}

function UntilWords({ condition }: { condition: Condition }): ReactElement {
  const subject = conditionSubject(condition);
  return (
    <span className="ellipsis">
      Run until {condition.kind === 'changes' ? <span className="val">{subject}</span> : subject}{' '}
      {conditionVerb(condition, 'now')}
    </span>
  );
}

/** A model is stepped, so that nothing is missed. */
function StepsWords(): ReactElement {
  const left = useDebugger(({ position }) => (position === null ? null : Math.max(0, position.total - position.at)));
  return (
    <p className="text-2">
      The model is stepped one instruction at a time: nothing is missed. Each step becomes a stop, 10000 at most
      {left === null ? '' : `; ${count(left, 'step')} ${left === 1 ? 'is' : 'are'} left of the program`}.
    </p>
  );
}

/** A vCPU of hardware is looked at from time to time, and what that means. */
function SampledWords(): ReactElement {
  const frozen = useDebugger(isFrozen);
  const held = useDebugger((state) => state.liveHz > 0);
  return (
    <div className="note run-sampled">
      <Glyph name="info" />
      <div className="note-body">
        <div className="strong">Sampled: what comes and goes between two captures is not seen</div>
        <div>
          The vCPU {frozen ? 'is let go' : 'runs on'}, and is captured up to 30 times a second. It is stopped at the
          first capture in which the condition holds, a moment after that capture.
          {held ? '' : ' The captures before it do not become stops, save the last one.'}
        </div>
      </div>
    </div>
  );
}

interface ConditionProps {
  readonly kind: ConditionChoice['kind'];
  readonly choice: ConditionChoice;
  readonly onChoose: (part: Partial<ConditionChoice>) => void;
  readonly title: string;
  readonly refused?: string | null;
  readonly children: ReactNode;
}

function ConditionRow({ kind, choice, onChoose, title, refused = null, children }: ConditionProps): ReactElement {
  const on = useDebugger((state) => state.runWay === 'sampled') && choice.kind === kind;
  return (
    <div
      className={`run-condition ${on ? 'on' : ''} ${refused === null ? '' : 'refused'}`}
      title={refused ?? undefined}
    >
      <label className="line">
        <input
          type="radio"
          name="condition"
          checked={on}
          aria-disabled={refused === null ? undefined : true}
          onChange={() => {
            if (refused === null) onChoose({ kind });
          }}
        />
        <span>{title}</span>
      </label>
      {refused === null ? children : <span className="text-3 small run-why">{refused}</span>}
    </div>
  );
}
