import { type ReactElement, useEffect, useState } from 'react';
import { pickFile } from '../../actions/open-file.ts';
import { Button } from '../../controls/Button.tsx';
import { RefusalNote } from '../../controls/RefusalNote.tsx';
import { Segment } from '../../controls/Segment.tsx';
import { createBeside } from '../../store/beside.ts';
import { StoreContext, useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectStop } from '../../store/select/selectors.ts';
import type { BesideOf } from '../../store/state/target-beside.ts';
import type { Tab } from '../../store/state/view.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { compareWithPageFile } from '../compare/SideChoice.tsx';
import { Overview } from '../overview/Overview.tsx';
import { Registers } from '../registers/Registers.tsx';
import { Tiles } from '../tiles/Tiles.tsx';
import { Xfd } from '../xfd/Xfd.tsx';
import { BesideSource, targetName } from './BesideSource.tsx';
import { TargetActs } from './TargetActs.tsx';

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

/** Another stop, vCPU, target or file beside the view in front, to be read; its tab and selection are its own. */
export function Beside(): ReactElement {
  const main = useDebuggerStore();
  // A pane that is put up anew, as in a window of another size, shows what stood there.
  const [of, setOf] = useState<BesideOf>(() =>
    main.getState().targetBeside === null ? { kind: 'previous' } : { kind: 'target' },
  );
  const [beside] = useState(() => createBeside(main, of));
  useEffect(() => beside.start(), [beside]);
  const follow = (next: BesideOf): void => {
    setOf(next);
    beside.follow(next);
    // Nothing is held that nobody sees.
    if (next.kind !== 'target') void main.getState().closeBeside();
  };
  const asked = useDebugger((state) => state.besideAsked);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each request is followed once.
  useEffect(() => {
    if (asked === null) return;
    main.getState().besideShown();
    follow(asked);
  }, [asked]);
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
        <BesideSource of={of} onFollow={follow} />
        <Button
          label="A file beside…"
          look="tiny ghost square"
          glyph="file"
          glyphClass="g12"
          onPress={() =>
            pickFile((file) => {
              void compareWithPageFile(main, file).then(() => {
                if (main.getState().compareFile?.name === file.name) follow({ kind: 'file' });
              });
            })
          }
        />
        {of.kind === 'target' ? <TargetActs /> : null}
        <StoreContext value={beside.store}>
          <Tabs />
        </StoreContext>
      </div>
      <BesideRefusal />
      <StoreContext value={beside.store}>
        <Content of={of.kind} />
      </StoreContext>
    </section>
  );
}

function BesideRefusal(): ReactElement | null {
  const refusal = useDebugger((state) => state.besideRefusal);
  return refusal === null ? null : <RefusalNote refusal={refusal} />;
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

function Content({ of }: { of: BesideOf['kind'] }): ReactElement {
  const tab = useDebugger((state) => state.tab);
  const stop = useDebugger(selectStop);
  const vcpu = useDebugger((state) => state.session?.vcpu ?? 0);
  const name = useDebugger((state) => state.compareFile?.name ?? null);
  const target = useDebugger((state) => (of === 'target' ? targetName(state.session) : null));
  const Shown = SHOWN[isShown(tab) ? tab : 'registers'];
  if (stop === null) {
    return (
      <div className="pane-empty">
        <Glyph name="capture" className="text-3" />
        <p className="text-2">That is not there any more: choose a stop, vCPU or target above.</p>
      </div>
    );
  }
  return (
    <>
      <p className="section-note small text-3" data-testid="beside-what">
        {name === null ? (
          <>
            {target === null ? null : <>{target}, </>}
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
