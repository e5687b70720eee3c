import type { ReactElement } from 'react';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { Button } from '../../controls/Button.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { groupOfComponent, groupOfRegister } from '../../store/select/jump.ts';
import { selectCapture, selectIsNewest, selectSelectedBit } from '../../store/select/selectors.ts';
import { selectWatchable } from '../../store/view/watch-slice.ts';
import { AboutDifference } from '../compare/AboutDifference.tsx';
import { AboutComponent } from './AboutComponent.tsx';
import { AboutElement } from './AboutElement.tsx';
import { AboutMemory } from './AboutMemory.tsx';
import { AboutRegister } from './AboutRegister.tsx';
import { AboutTile } from './AboutTile.tsx';
import { AboutXfd } from './AboutXfd.tsx';
import { ApplyRefused } from './ApplyRefused.tsx';
import { Preflight } from './Preflight.tsx';
import { StagedEdits } from './StagedEdits.tsx';
import { StageExpected } from './StageExpected.tsx';

/** About the selection, always: what it is, where it lies, who changed it; then what is staged and what would come of it. */
export function Inspector(): ReactElement {
  const selection = useDebugger((state) => state.selection);
  const capture = useDebugger(selectCapture);
  const staged = useDebugger((state) => state.staged.length > 0);
  // There it is about the two stops, whatever is selected elsewhere.
  const isComparing = useDebugger((state) => state.tab === 'compare' && state.stops.length > 0);
  return (
    <aside
      className="inspector-pane"
      data-region="inspector"
      data-pane="inspector"
      data-testid="inspector"
      tabIndex={-1}
      aria-label="Inspector"
    >
      <div className="inspector">
        {isComparing ? (
          <AboutDifference>{staged ? <StagedEdits /> : null}</AboutDifference>
        ) : capture === null || selection === null ? (
          <div className="targets-empty text-3">Nothing selected</div>
        ) : selection.kind === 'component' ? (
          <AboutComponent key={selection.bit} bit={selection.bit}>
            {staged ? <StagedEdits /> : null}
            <Preflight />
          </AboutComponent>
        ) : selection.kind === 'vector' ? (
          <AboutElement index={selection.index} element={selection.element}>
            {staged ? <StagedEdits /> : null}
            <Preflight />
          </AboutElement>
        ) : selection.kind === 'tile' ? (
          <AboutTile tile={selection.tile} row={selection.row} column={selection.column}>
            {staged ? <StagedEdits /> : null}
            <Preflight />
          </AboutTile>
        ) : selection.kind === 'memory' ? (
          <AboutMemory>
            {staged ? <StagedEdits /> : null}
            <Preflight />
          </AboutMemory>
        ) : selection.kind === 'xfd' ? (
          <AboutXfd>
            {staged ? <StagedEdits /> : null}
            <Preflight />
          </AboutXfd>
        ) : (
          <AboutRegister path={selection.path} field={selection.field ?? null}>
            {staged ? <StagedEdits /> : null}
            <Preflight />
          </AboutRegister>
        )}
        <ApplyRefused place="foot" />
        {isComparing ? null : <Foot />}
      </div>
    </aside>
  );
}

function Foot(): ReactElement {
  const store = useDebuggerStore();
  const bit = useDebugger(selectSelectedBit);
  const tab = useDebugger((state) => state.tab);
  const selection = useDebugger((state) => state.selection);
  const watchable = useDebugger(selectWatchable);
  const previous = useDebugger((state) => (selectIsNewest(state) ? null : (state.stops[state.at]?.number ?? null)));
  const open = (): void => {
    const state = store.getState();
    if (selection?.kind === 'register')
      state.showRegister(groupOfRegister(selection.path) ?? 'general', selection.path);
    else state.showComponent(bit ?? 1);
  };
  return (
    <div className="inspector-foot">
      {selection?.kind === 'tile' ? <StageExpected /> : null}
      {watchable === null ? null : (
        <ActionButton action={action('watch-selected')} look="tiny" glyphClass="g12">
          Watch
        </ActionButton>
      )}
      {selection?.kind === 'memory' ? null : (
        <ActionButton action={action('restore-selected')} look="tiny" glyphClass="g12">
          Restore…
        </ActionButton>
      )}
      {previous === null ? null : (
        <ActionButton action={action('restore-to-stop')} look="tiny" glyph={null} label={`All to stop ${previous}…`}>
          All to stop {previous}…
        </ActionButton>
      )}
      <span className="push" />
      {tab === 'overview' && bit !== null && groupOfComponent(bit) !== null ? (
        <Button label="Open in Registers" look="tiny ghost" onPress={open}>
          Open in Registers
        </Button>
      ) : null}
    </div>
  );
}
