import { type ReactElement, useMemo } from 'react';
import { diffText } from '../../../app/edit/diff-report.ts';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { CopyButton } from '../../controls/CopyButton.tsx';
import { Select } from '../../controls/Select.tsx';
import { pinnedIndex } from '../../store/compare-slice.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { jumpOf } from '../../store/jump.ts';
import type { Stop } from '../../store/timeline-slice.ts';
import { count } from '../../wording.ts';
import { Differences, differencesOf } from './Differences.tsx';

const CAUSE_WORDS: Readonly<Record<Stop['cause'], string>> = {
  attach: 'attach',
  file: 'file',
  capture: 'capture',
  freeze: 'freeze',
  apply: 'edits written',
  restore: 'restored',
  undo: 'undone',
  redo: 'redone',
  step: 'step',
};

/** Stop A, pinned, beside stop B, the one on screen: only what differs. */
export function Compare(): ReactElement | null {
  const store = useDebuggerStore();
  const stops = useDebugger((state) => state.stops);
  const at = useDebugger((state) => state.at);
  const pinned = useDebugger((state) => state.pinned);
  const labels = useDebugger((state) => state.labels);
  const type = useDebugger((state) => state.laneType);
  const b = stops[at];
  const a = stops[pinnedIndex(stops, pinned)] ?? stops[0];
  const [before, after] = [a?.capture, b?.capture];
  const name = (stop: Stop): string => labels.get(stop.number) ?? CAUSE_WORDS[stop.cause];
  const options = stops.map((stop) => ({ value: String(stop.number), label: `stop ${stop.number}, ${name(stop)}` }));
  const titleOf = (stop: Stop | undefined): string => (stop === undefined ? '' : `stop ${stop.number}, ${name(stop)}`);
  const [titleA, titleB] = [titleOf(a), titleOf(b)];
  const text = useMemo(
    () => (before === undefined || after === undefined ? '' : diffText(before, after, [titleA, titleB])),
    [before, after, titleA, titleB],
  );
  if (a === undefined || b === undefined) return null;
  const found = differencesOf(a.capture, b.capture, type);
  const components = found.filter(({ bit }) => bit !== null).length;
  const bytes = found.reduce((sum, one) => sum + one.changedBytes, 0);
  const titles = [titleA, titleB] as const;
  return (
    <section aria-label="Compare" data-testid="compare">
      <div className="section-head compare-head">
        <Select
          name="A"
          value={String(a.number)}
          options={options}
          onChoose={(value) => store.getState().pinStop(Number(value))}
        />
        <Select
          name="B"
          value={String(b.number)}
          options={options}
          onChoose={(value) => store.getState().goToStop(stops.findIndex((stop) => stop.number === Number(value)))}
        />
        <ActionButton action={action('swap-stops')} look="tiny ghost" glyphClass="g12">
          Swap
        </ActionButton>
        <span className="push" />
        <span className="text-3 small nowrap" data-testid="compare-count">
          {count(components, 'component')} {components === 1 ? 'differs' : 'differ'}, {count(bytes, 'byte')}; {type} in
          vectors
        </span>
        <CopyButton what="the differences as text" text={text} />
      </div>
      <Differences
        before={a.capture}
        after={b.capture}
        titles={titles}
        onJump={(path) => jumpOf(b.capture, path)?.go(store.getState())}
      />
    </section>
  );
}
