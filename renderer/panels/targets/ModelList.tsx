import { type KeyboardEvent, type ReactElement, useEffect } from 'react';
import type { ModelSummary } from '../../../app/bridge.ts';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { commandOf, movedInList } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { ThisMachine } from './ThisMachine.tsx';

/** Whether there is nothing live to attach to: the model is then what a newcomer opens. */
const useNothingLive = (): boolean =>
  useDebugger(({ listing }) => listing.list !== null && listing.list.targets.length === 0);

/** The programs of the model guest, always called a model. */
export function ModelList(): ReactElement | null {
  const store = useDebuggerStore();
  const models = useDebugger((state) => state.models);
  const picked = useDebugger((state) => state.pickedModel);
  const nothingLive = useNothingLive();
  const inDetail = useDebugger((state) => state.detailOf === 'model');
  useEffect(() => {
    void store.getState().loadModels();
  }, [store]);
  if (models === null || models.length === 0) return null;
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const at = models.findIndex((model) => model.id === picked);
    const command = commandOf('list', event);
    const next = movedInList(command, at, models.length);
    if (next !== null) {
      event.preventDefault();
      const model = models[next];
      if (model !== undefined) store.getState().pickModel(model.id);
    } else if (command === 'press' && picked !== null) {
      event.preventDefault();
      void store.getState().openModel(picked);
    }
  };
  return (
    <section data-testid="models" aria-label="Model">
      <div className="targets-title">
        <h2>Model</h2>
        <span className="pill model-pill">
          <Glyph name="flask" className="g12" />
          software, not hardware
        </span>
        <span className="text-3 small">steps, programs and KVM's refusals, on any machine</span>
      </div>
      <div
        className={`target-list model-list ${inDetail || nothingLive ? '' : 'not-in-detail'}`}
        role="listbox"
        aria-label="Models"
        aria-activedescendant={picked === null ? undefined : `model-${picked}`}
        tabIndex={0}
        // A click gives the focus to the row in it: however it comes here, the detail is about this list.
        onFocus={() => store.getState().showDetailOf('model')}
        onKeyDown={onKeyDown}
      >
        {models.map((model) => (
          <ModelRow key={model.id} model={model} selected={model.id === picked} />
        ))}
      </div>
    </section>
  );
}

function ModelRow({ model, selected }: { model: ModelSummary; selected: boolean }): ReactElement {
  const store = useDebuggerStore();
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list box in front of the rows holds the keyboard.
    <div
      id={`model-${model.id}`}
      className="model-row"
      role="option"
      aria-selected={selected}
      tabIndex={-1}
      onClick={() => {
        store.getState().pickModel(model.id);
        store.getState().showDetailOf('model');
      }}
      onDoubleClick={() => void store.getState().openModel(model.id)}
    >
      <Glyph name="flask" className="text-3" />
      <span className="strong ellipsis">{model.title}</span>
      <span className="text-2 small ellipsis" title={model.what}>
        {model.what}
      </span>
      <span className="text-3 small right nowrap">{count(model.steps, 'step')}</span>
    </div>
  );
}

/** The chosen model in the pane at the right, where no live target is chosen. */
export function ModelDetail(): ReactElement {
  const model = useDebugger((state) => state.models?.find(({ id }) => id === state.pickedModel) ?? null);
  if (model === null) return <div className="targets-empty text-3">Nothing selected</div>;
  return (
    <div className="inspector">
      <div className="inspector-head">
        <div className="line">
          <Glyph name="flask" />
          <h2 className="ellipsis">{model.title}</h2>
          <span className="push" />
          <span className="pill model-pill">model</span>
        </div>
        <div className="sub">software, not hardware</div>
      </div>
      <div className="scroll">
        <section className="block">
          <h3>What it shows</h3>
          <p>{model.what}</p>
        </section>
        <section className="block">
          <h3>What it is</h3>
          <dl className="facts">
            <dt>CPU</dt>
            <dd>{model.cpu}, as CPUID says</dd>
            <dt>Program</dt>
            <dd>{count(model.steps, 'step')} to its end</dd>
            <dt>Runs in</dt>
            <dd className="wraps">Tilescope itself; nothing is attached to</dd>
          </dl>
        </section>
        <ThisMachine />
      </div>
      <div className="target-acts">
        <ActionButton action={action('open-model')} look="primary" glyph={null}>
          Open the model
        </ActionButton>
      </div>
    </div>
  );
}
