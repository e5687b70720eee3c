import { type ReactElement, useEffect, useMemo, useState } from 'react';
import { pickFile } from '../../actions/open-file.ts';
import { Button } from '../../controls/Button.tsx';
import { Segment } from '../../controls/Segment.tsx';
import { Select } from '../../controls/Select.tsx';
import { type BesideOf, besideKey, besideOf, createBeside } from '../../store/beside.ts';
import { stopsToList } from '../../store/compare/compare-sides.ts';
import { StoreContext, useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectOthers } from '../../store/select/attached.ts';
import { selectStop } from '../../store/select/selectors.ts';
import { stopTitle } from '../../store/select/stop-name.ts';
import type { Tab } from '../../store/state/view.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { compareWithPageFile } from '../compare/SideChoice.tsx';
import { Overview } from '../overview/Overview.tsx';
import { Registers } from '../registers/Registers.tsx';
import { Tiles } from '../tiles/Tiles.tsx';
import { Xfd } from '../xfd/Xfd.tsx';

const SHOWN: Readonly<Record<Exclude<Tab, 'compare' | 'memory'>, () => ReactElement | null>> = {
  overview: Overview,
  registers: Registers,
  tiles: Tiles,
  xfd: Xfd,
};
type ShownTab = keyof typeof SHOWN;
/** Memory holds for one stop of the vCPU on screen, and Compare is of two sides already. */
const isShown = (tab: Tab): tab is ShownTab => Object.hasOwn(SHOWN, tab);
const TABS: readonly { readonly value: ShownTab; readonly label: string }[] = [
  { value: 'overview', label: 'Overview' },
  { value: 'registers', label: 'Registers' },
  { value: 'tiles', label: 'Tiles' },
  { value: 'xfd', label: 'XFD' },
];

/** Another stop, vCPU or file beside the view in front, to be read; its tab and selection are its own. */
export function Beside(): ReactElement {
  const main = useDebuggerStore();
  const [of, setOf] = useState<BesideOf>({ kind: 'previous' });
  const beside = useMemo(() => createBeside(main, { kind: 'previous' }), [main]);
  useEffect(() => beside.end, [beside]);
  const choose = (key: string): void => {
    const next = besideOf(key);
    setOf(next);
    beside.follow(next);
  };
  return (
    <section
      className="centre beside-pane"
      data-region="beside"
      data-pane="beside"
      data-testid="beside"
      tabIndex={-1}
      aria-label="Beside"
    >
      <div className="section-head beside-head">
        <Source of={of} onChoose={choose} />
        <Button
          label="A file beside…"
          look="tiny ghost square"
          glyph="file"
          glyphClass="g12"
          onPress={() =>
            pickFile((file) => {
              void compareWithPageFile(main, file).then(() => {
                if (main.getState().compareFile?.name === file.name) choose('file');
              });
            })
          }
        />
        <StoreContext value={beside.store}>
          <Tabs />
        </StoreContext>
      </div>
      <StoreContext value={beside.store}>
        <Content />
      </StoreContext>
    </section>
  );
}

/** Read from the window's own store: what there is to be seen beside. */
function Source({ of, onChoose }: { of: BesideOf; onChoose: (key: string) => void }): ReactElement {
  const stops = useDebugger((state) => state.stops);
  const labels = useDebugger((state) => state.labels);
  const others = useDebugger(selectOthers);
  const file = useDebugger((state) => state.compareFile?.name ?? null);
  const options = [
    { value: 'previous', label: 'the stop before' },
    ...others.map(({ session: { vcpu } }) => ({ value: `vcpu ${vcpu}`, label: `vCPU ${vcpu}, newest stop` })),
    ...(file === null ? [] : [{ value: 'file', label: file }]),
    ...stopsToList(stops, labels, of.kind === 'stop' ? of.number : null).map((stop) => ({
      value: `stop ${stop.number}`,
      label: stopTitle(stop, labels),
    })),
  ];
  return <Select name="What stands beside" value={besideKey(of)} options={options} onChoose={onChoose} />;
}

function Tabs(): ReactElement {
  const store = useDebuggerStore();
  const tab = useDebugger((state) => state.tab);
  return (
    <Segment
      name="View beside"
      look="tiny"
      value={isShown(tab) ? tab : 'registers'}
      choices={TABS}
      onChoose={(value) => store.getState().setTab(value)}
    />
  );
}

function Content(): ReactElement {
  const tab = useDebugger((state) => state.tab);
  const stop = useDebugger(selectStop);
  const vcpu = useDebugger((state) => state.session?.vcpu ?? 0);
  const name = useDebugger((state) => state.compareFile?.name ?? null);
  const Shown = SHOWN[isShown(tab) ? tab : 'registers'];
  if (stop === null) {
    return (
      <div className="pane-empty">
        <Glyph name="capture" className="text-3" />
        <p className="text-2">That is not there any more: choose another stop or vCPU above.</p>
      </div>
    );
  }
  return (
    <>
      <p className="section-note small text-3" data-testid="beside-what">
        {name === null ? (
          <>
            vCPU {vcpu}, stop <span className="val">{stop.number}</span>
          </>
        ) : (
          name
        )}
        : to be read, not edited
      </p>
      <div className="scroll">
        <Shown />
      </div>
    </>
  );
}
