import type { ReactElement } from 'react';
import type { TabNode } from 'react-resizable-panels';
import { Failing } from '../../controls/Failing.tsx';
import { fixed } from '../../fixed.ts';
import { shownKey } from '../../keys/chord.ts';
import { useDebugger } from '../../store/context.ts';
import { selectCapture, selectPreflightRefusal } from '../../store/select/selectors.ts';
import type { State } from '../../store/state/state.ts';
import { selectBreakpoints } from '../../store/vcpu/drive-slice.ts';
import { current } from '../../store/vcpu/guest-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { Beside } from '../beside/Beside.tsx';
import { Breakpoints } from '../breakpoints/Breakpoints.tsx';
import { Calls } from '../calls/Calls.tsx';
import { Find } from '../find/Find.tsx';
import { History } from '../history/History.tsx';
import { Inspector } from '../inspector/Inspector.tsx';
import { DifferencePane } from '../plot/DifferencePane.tsx';
import { Plot } from '../plot/Plot.tsx';
import { Program } from '../program/Program.tsx';
import { GeneralPane, RegisterFilePane, SegmentsPane } from '../registers/panes.tsx';
import { Events } from '../stops/Events.tsx';
import { Stops } from '../stops/Stops.tsx';
import { Steps } from '../trace/Steps.tsx';
import { Trace } from '../trace/Trace.tsx';
import { Watch } from '../watch/Watch.tsx';
import { CentreView } from './CentreView.tsx';
import { isView, VIEWS } from './layout.ts';

/** Panes whose act has another name than they. */
const ACTS: Readonly<Record<string, string>> = { watch: 'watch-pane', history: 'history-pane' };

/** The key that brings a pane to the front, beside its name; undefined: it has none. */
export const tabKey = (id: string): string | undefined => shownKey(ACTS[id] ?? id) ?? undefined;

const DOCKED: Readonly<Record<string, () => ReactElement | null>> = {
  program: Program,
  breakpoints: Breakpoints,
  inspector: Inspector,
  watch: Watch,
  history: History,
  find: Find,
  plot: Plot,
  difference: DifferencePane,
  beside: Beside,
  trace: Trace,
  stops: Stops,
  steps: Steps,
  general: GeneralPane,
  segments: SegmentsPane,
  'register-file': RegisterFilePane,
  events: Events,
  calls: Calls,
};

export const paneContent = ({ id, title }: TabNode<null>): ReactElement | null => {
  const Pane = DOCKED[id];
  if (!isView(id) && Pane === undefined) return null;
  return (
    <Failing name={title ?? id}>{isView(id) ? <CentreView view={id} /> : Pane === undefined ? null : <Pane />}</Failing>
  );
};

/** Where RIP stands, for the strip that Program folds to: symbol and offset, else the address. */
const selectPlace = (state: State): string | null => {
  const line = current(state, state.code)?.lines.find(({ next }) => next);
  const rip = selectCapture(state)?.facts.general?.rip;
  return line?.symbol ?? (rip === undefined ? null : fixed('address', rip.toString(16)).replace(/^[0_]+/, ''));
};

/** What stands behind a pane's name: its number, how many there are, what must be seen while it is folded. */
export function TabMark({ id }: { id: string }): ReactElement | null {
  const watched = useDebugger((state) => (id === 'watch' ? state.watched.length : 0));
  const stops = useDebugger((state) => (id === 'history' ? state.stops.length : 0));
  const refused = useDebugger((state) => id === 'inspector' && selectPreflightRefusal(state) !== null);
  const breakpoints = useDebugger((state) => (id === 'breakpoints' ? selectBreakpoints(state).length : 0));
  const frames = useDebugger((state) => (id === 'calls' ? (current(state, state.calls)?.frames.length ?? 0) : 0));
  const rip = useDebugger((state) => (id === 'program' ? selectPlace(state) : null));
  const at = VIEWS.findIndex((view) => view.id === id);
  if (at !== -1) return <span className="text-3 small val wide-only">{at + 1}</span>;
  if (id === 'watch' && watched > 0) return <span className="text-3 small val">{watched}</span>;
  if (rip !== null) return <span className="tab-place small val">{rip}</span>;
  if (breakpoints + frames > 0) return <span className="text-3 small val">{breakpoints + frames}</span>;
  if (id === 'history') return <span className="text-3 small val">{stops}</span>;
  if (refused) return <Glyph name="stop" className="g12 is-refused" />;
  return null;
}
