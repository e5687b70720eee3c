import type { ReactElement } from 'react';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectStop } from '../../store/select/selectors.ts';
import type { Tab } from '../../store/state/view.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { Compare } from '../compare/Compare.tsx';
import { ApplyRefused } from '../inspector/ApplyRefused.tsx';
import { Memory } from '../memory/Memory.tsx';
import { Notices } from '../notices/Notices.tsx';
import { Overview } from '../overview/Overview.tsx';
import { Registers } from '../registers/Registers.tsx';
import { Tiles } from '../tiles/Tiles.tsx';
import { Xfd } from '../xfd/Xfd.tsx';

const VIEWS: Readonly<Record<Tab, () => ReactElement | null>> = {
  overview: Overview,
  registers: Registers,
  tiles: Tiles,
  xfd: Xfd,
  compare: Compare,
  memory: Memory,
};

/** One view of the stop on screen. Two may stand side by side; the one that was touched last is the one that keys and inspector mean. */
export function CentreView({ view }: { view: Tab }): ReactElement {
  const store = useDebuggerStore();
  const Shown = VIEWS[view];
  const stop = useDebugger(selectStop);
  const isFront = useDebugger((state) => state.tab === view);
  const touch = (): void => {
    if (store.getState().tab !== view) store.getState().setTab(view);
  };
  return (
    <main
      className="centre"
      data-testid={isFront ? 'centre' : undefined}
      data-region="centre"
      tabIndex={-1}
      aria-label={`View, ${view}`}
      onPointerDownCapture={touch}
      onFocusCapture={touch}
    >
      {isFront ? <Notices /> : null}
      <div className="scroll">{stop === null ? <NoStop /> : <Shown />}</div>
    </main>
  );
}

/** Which stop is on screen, at the end of the row of views. */
export function ViewTools(): ReactElement {
  const store = useDebuggerStore();
  const number = useDebugger((state) => selectStop(state)?.number ?? null);
  const newest = useDebugger((state) => state.stops.length - 1);
  const at = useDebugger((state) => state.at);
  return (
    <span className="tabs-end">
      <ApplyRefused place="tabs" />
      {at < newest ? (
        <>
          <span className="broad-only">an earlier stop: to be read, not edited</span>
          <button
            type="button"
            className="link"
            aria-label="Newest"
            title="To the newest stop"
            onClick={() => store.getState().goToStop(newest)}
          >
            <span>Newest</span>
            <Glyph name="chevronRight" className="g12" />
          </button>
        </>
      ) : null}
      {number === null ? null : (
        <span>
          stop <span className="val">{number}</span>
        </span>
      )}
    </span>
  );
}

function NoStop(): ReactElement {
  return (
    <div className="targets-empty">
      <Glyph name="capture" className="text-3" />
      <p className="title">No stop yet</p>
      <p>Pause the vCPU or take a capture to see its state.</p>
    </div>
  );
}
