import type { KeyboardEvent, ReactElement } from 'react';
import { useDebugger, useDebuggerStore } from '../store/context.ts';
import { selectStop } from '../store/selectors.ts';
import type { Tab } from '../store/view-slice.ts';
import { Glyph } from '../theme/Glyph.tsx';
import { Compare } from './compare/Compare.tsx';
import { ApplyRefused } from './inspector/ApplyRefused.tsx';
import { Notices } from './notices/Notices.tsx';
import { Overview } from './overview/Overview.tsx';
import { Registers } from './registers/Registers.tsx';
import { Tiles } from './tiles/Tiles.tsx';
import { Xfd } from './xfd/Xfd.tsx';

const TABS: readonly { readonly tab: Tab; readonly label: string }[] = [
  { tab: 'overview', label: 'Overview' },
  { tab: 'registers', label: 'Registers' },
  { tab: 'tiles', label: 'Tiles' },
  { tab: 'xfd', label: 'XFD' },
  { tab: 'compare', label: 'Compare' },
];

export function Centre(): ReactElement {
  const store = useDebuggerStore();
  const tab = useDebugger((state) => state.tab);
  const stop = useDebugger(selectStop);
  const newest = useDebugger((state) => state.stops.length - 1);
  const at = useDebugger((state) => state.at);
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    if (event.altKey) return;
    event.preventDefault();
    const step = event.key === 'ArrowRight' ? 1 : -1;
    const next = TABS[(TABS.findIndex((row) => row.tab === tab) + step + TABS.length) % TABS.length];
    if (next === undefined) return;
    store.getState().setTab(next.tab);
    event.currentTarget.querySelector<HTMLElement>(`#tab-${next.tab}`)?.focus();
  };
  return (
    <main className="centre" data-testid="centre" data-region="centre" aria-label="Centre">
      <div className="tabs">
        <div role="tablist" aria-label="Views" onKeyDown={onKeyDown}>
          {TABS.map((row, index) => (
            <button
              key={row.tab}
              type="button"
              role="tab"
              id={`tab-${row.tab}`}
              aria-selected={row.tab === tab}
              aria-controls="tab-panel"
              aria-label={row.label}
              aria-keyshortcuts={`Alt+${index + 1}`}
              title={`${row.label} (Alt+${index + 1})`}
              tabIndex={row.tab === tab ? 0 : -1}
              onClick={() => store.getState().setTab(row.tab)}
            >
              {row.label}
              <span className="text-3 small val wide-only">{index + 1}</span>
            </button>
          ))}
        </div>
        <span className="tabs-end">
          <ApplyRefused place="tabs" />
          {at < newest ? (
            <>
              <span>a former stop: to be read, not edited</span>
              <button type="button" className="link" onClick={() => store.getState().goToStop(newest)}>
                Newest
              </button>
            </>
          ) : null}
          {stop === null ? null : (
            <span>
              stop <span className="val">{stop.number}</span>
            </span>
          )}
        </span>
      </div>
      <Notices />
      <div className="scroll" id="tab-panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {stop === null ? <NoStop /> : <View tab={tab} />}
      </div>
    </main>
  );
}

const VIEWS: Readonly<Record<Tab, () => ReactElement | null>> = {
  overview: Overview,
  registers: Registers,
  tiles: Tiles,
  xfd: Xfd,
  compare: Compare,
};

function View({ tab }: { tab: Tab }): ReactElement {
  const Shown = VIEWS[tab];
  return <Shown />;
}

function NoStop(): ReactElement {
  return (
    <div className="targets-empty">
      <Glyph name="capture" className="text-3" />
      <p className="title">No stop yet</p>
      <p>Freeze the vCPU or take a capture to see its state.</p>
    </div>
  );
}
