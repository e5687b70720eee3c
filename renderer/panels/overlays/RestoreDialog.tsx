import { type DragEvent, type ReactElement, useEffect, useState } from 'react';
import { firstRefusal } from '../../../app/xsave/preflight.ts';
import { readToRestore } from '../../actions/open-file.ts';
import { Button } from '../../controls/Button.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { type RestorePlan, restorePlan } from '../../store/restore/restore-plan.ts';
import { stopName } from '../../store/select/stop-name.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { Dialog, DialogActs } from './Dialog.tsx';
import { RestoreParts, registerTitle } from './RestoreParts.tsx';
import { RestoreSource } from './RestoreSource.tsx';
import { RestoreWrite } from './RestoreWrite.tsx';

/** Parts of the state, or all of it, back to what they were at attach, at a stop, or in a file. */
export function RestoreDialog(): ReactElement {
  const store = useDebuggerStore();
  // Nearly all of the state goes into the plan, and nothing else is drawn while the dialog is open.
  const state = useDebugger((all) => all);
  const [dragging, setDragging] = useState(false);
  // The browser would take the first control, which need not be the choice that stands.
  useEffect(() => document.querySelector<HTMLElement>('dialog.restore [aria-checked="true"]')?.focus(), []);
  const plan = restorePlan(state);
  const made = plan?.ok === true ? plan.value : null;
  const refused = plan === null ? 'no file is chosen' : plan.ok ? plan.value.refused : 'the file cannot be judged here';
  const label = made === null ? 'Restore' : restoreLabel(state.restoreWhat, made);
  // The reason stands above, where pre-flight or the verdict on the file is.
  const misfit = state.restoreWhat === 'all' && made !== null && made.source.refused !== null;
  const bad = made !== null && (misfit || firstRefusal(made.steps) !== null);
  const restore = (): void => {
    if (made?.chosen == null) return;
    const { capture, from } = made.source;
    void store.getState().restore(made.chosen.scope, from === null ? null : { capture, from });
  };
  const onDrop = (event: DragEvent): void => {
    event.preventDefault();
    event.stopPropagation();
    setDragging(false);
    const file = event.dataTransfer.files[0];
    if (file !== undefined) void readToRestore(store, file);
  };
  return (
    <Dialog label="Restore" look="ask restore">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping a file is the mouse's way of "Choose a file…", which the keyboard has too. */}
      <div
        className={`restore-drop ${dragging ? 'dragging' : ''}`}
        onDragOver={(event) => {
          event.preventDefault();
          event.stopPropagation();
          setDragging(true);
        }}
        onDragLeave={() => setDragging(false)}
        onDrop={onDrop}
      >
        <div className="ask-body">
          <h2>Restore</h2>
          <p className="text-2">
            What the vCPU holds now is overwritten in these parts, what the guest computed since included.
            {state.staged.length > 0 ? ` ${count(state.staged.length, 'staged edit')} will be dropped.` : ''}
          </p>
        </div>
        <div className="scroll restore-scroll">
          <h3>To</h3>
          <RestoreSource plan={plan} />
          {made === null ? null : (
            <>
              <h3>What</h3>
              <RestoreParts plan={made} />
              <h3>What would be written</h3>
              <RestoreWrite plan={made} then={thenWords(state)} />
            </>
          )}
        </div>
      </div>
      <DialogActs>
        <Button
          label={label}
          look={bad ? 'refused' : 'primary'}
          glyph={bad ? 'stop' : 'restore'}
          refused={refused}
          testId="restore-now"
          onPress={restore}
        >
          {label}
        </Button>
        {refused === null || bad ? null : (
          <span className="line tight text-3 small restore-why">
            <Glyph name="info" className="g12" />
            {refused}
          </span>
        )}
      </DialogActs>
    </Dialog>
  );
}

type Shown = Parameters<typeof restorePlan>[0];

const thenWords = ({ restoreTo, restoreFile, stops, labels, session }: Shown): string => {
  if (restoreTo.kind === 'attach') return session?.kind === 'model' ? 'the state at the start' : 'the state at attach';
  if (restoreTo.kind === 'file') return restoreFile?.name ?? 'the file';
  const stop = stops.find(({ number }) => number === restoreTo.number);
  return stop === undefined ? 'that stop' : `stop ${stop.number}, ${stopName(stop, labels)}`;
};

/** "Restore TILEDATA", "Restore without TILEDATA": the button says what it does. */
const restoreLabel = (what: Shown['restoreWhat'], plan: RestorePlan): string => {
  if (what === 'component') return `Restore ${plan.component?.label ?? ''}`;
  if (what === 'register') return `Restore ${plan.register === null ? '' : registerTitle(plan.register.path)}`;
  if (what === 'components') {
    const chosen = plan.components.filter((row) => row.chosen && row.refused === null);
    const [only] = chosen;
    return chosen.length === 1 && only !== undefined
      ? `Restore ${only.label}`
      : `Restore ${count(chosen.length, 'component')}`;
  }
  return plan.without.length === 0 ? 'Restore everything' : `Restore without ${plan.without.join(', ')}`;
};
