import type { ReactElement } from 'react';
import type { MemoryView } from '../../../app/bridge.ts';
import type { StagedWrite } from '../../../app/edit/assign.ts';
import { isMemoryPath, memoryEdit } from '../../../app/edit/memory-path.ts';
import { registerRow } from '../../../app/register/registers.ts';
import { printElement } from '../../../app/value/print.ts';
import { CrossButton } from '../../controls/CrossButton.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { hueOf } from '../../store/select/components.ts';
import { groupOfRegister, jumpOf } from '../../store/select/jump.ts';
import { readAtPath } from '../../store/select/memory-edits.ts';
import { selectComponentMarks, selectRefusedEdit, selectStagedWrite } from '../../store/select/selectors.ts';
import type { MemoryAtStop } from '../../store/state/timeline.ts';
import { selectMemoryShown } from '../../store/vcpu/guest-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count, minus } from '../../wording.ts';
import { guestValue } from '../registers/varies.ts';

/** A whole register has more digits than there is room for: 0xdeadbeef. All of them are in the tooltip. */
const withoutZeros = (text: string): string => text.replace(/^0x0+(?=[0-9a-f])/, '0x');

/** "2 components and 1 register": what lies outside the image is in no component. */
const where = (components: number, write: StagedWrite): string => {
  const { xcr0, msrs, general, generalNames, memory, writtenBytes } = write;
  const registers = msrs.length + (xcr0 === null ? 0 : 1) + (general === null ? 0 : generalNames.length);
  const memoryBytes = memory.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const parts = [
    ...(components > 0 || registers + memoryBytes === 0 ? [count(components, 'component')] : []),
    ...(registers > 0 ? [count(registers, 'register')] : []),
    ...(memoryBytes > 0 ? ['guest memory'] : []),
  ];
  return `${count(writtenBytes + memoryBytes, 'byte')} in ${parts.join(' and ')}`;
};

/** What stood there when memory was read last, in Memory or for Watch; null: it was not read. */
const memoryBefore = (view: MemoryView | null, watched: readonly MemoryAtStop[], path: string): string | null => {
  const edit = memoryEdit(path, '0');
  if (!edit.ok) return null;
  const bytes = view?.isPhysical === edit.value.isPhysical ? readAtPath(view, edit.value) : null;
  if (bytes !== null) return printElement(edit.value.type, bytes, 0);
  return watched.find((row) => row.path === path)?.text ?? null;
};

export function StagedEdits(): ReactElement | null {
  const store = useDebuggerStore();
  const write = useDebugger(selectStagedWrite);
  const staged = useDebugger((state) => state.staged);
  const marks = useDebugger(selectComponentMarks);
  const refused = useDebugger(selectRefusedEdit);
  const memory = useDebugger(selectMemoryShown);
  const watched = useDebugger(({ memoryAt, stops }) => memoryAt.get(stops.at(-1)?.number ?? 0));
  if (write === null) return null;
  // Edits that cannot be staged together have no values before and after: what was typed stands for them.
  const changes: readonly StagedRow[] = write.ok
    ? write.value.changes.map((row) =>
        row.before === '' ? { ...row, before: memoryBefore(memory, [...(watched?.values() ?? [])], row.path) } : row,
      )
    : staged.map(({ path, value }) => ({ path, before: null, after: value }));
  // Only what would differ: an edit of a zmm names its neighbours' bytes too, unchanged.
  const stagedBits = [...marks].filter(([, mark]) => mark === 'staged' || mark === 'refused').map(([bit]) => bit);
  const hueOfPath = (path: string): string => {
    const source = registerRow(path.split(/[:.[]/)[0] ?? '')?.source;
    if (source?.kind === 'mxcsr') return hueOf(1);
    if (source?.kind !== 'fragments') return 'var(--c-header)';
    return hueOf(source.parts.findLast((part) => stagedBits.includes(part.bit))?.bit ?? source.parts[0]?.bit ?? 0);
  };
  const go = (path: string): void => {
    const state = store.getState();
    const capture = state.stops.at(-1)?.capture;
    if (isMemoryPath(path)) state.setTab('memory');
    else if (capture !== undefined && groupOfRegister(path.split(/[:.[]/)[0] ?? '') !== null)
      jumpOf(capture, path)?.go(state);
  };
  return (
    <section className="block" data-testid="staged-edits" aria-label="Staged edits">
      <h3>
        Staged edits
        {write.ok ? <span className="aside">{where(stagedBits.length, write.value)}</span> : null}
      </h3>
      {refused === null || refused.at !== null ? null : (
        <div className="note refused">
          <Glyph name="stop" />
          <div className="note-body">What was read is refused, with these edits or without: {refused.sentence}</div>
        </div>
      )}
      <ul>
        {changes.map((change, at) => (
          <Row
            key={staged[at]?.path ?? change.path}
            change={change}
            hue={hueOfPath(change.path)}
            problem={refused?.at === at ? refused.sentence : null}
            onGo={() => go(change.path)}
            onUndo={() => store.getState().unstage(staged[at]?.path ?? change.path)}
          />
        ))}
      </ul>
    </section>
  );
}

interface StagedRow {
  readonly path: string;
  /** null: not known while the edits cannot be staged together. */
  readonly before: string | null;
  readonly after: string;
}

interface RowProps {
  readonly change: StagedRow;
  readonly hue: string;
  /** Why pre-flight refuses this edit; null: it does not. */
  readonly problem: string | null;
  readonly onGo: () => void;
  readonly onUndo: () => void;
}

function Row({ change: { path, before, after }, hue, problem, onGo, onUndo }: RowProps): ReactElement {
  return (
    <li
      className={problem === null ? '' : 'staged-refused'}
      data-testid={problem === null ? undefined : 'refused-edit'}
    >
      <div className="staged-row">
        <span className="swatch short" style={{ '--hue': hue }} />
        <button type="button" className="val path ellipsis" onClick={onGo}>
          {path}
        </button>
        {before === null ? null : (
          <span className="val before text-3" title={guestValue(path, before)}>
            {minus(withoutZeros(guestValue(path, before)))}
          </span>
        )}
        <Glyph name="arrow" className="g12 text-3" />
        {problem === null ? null : <Glyph name="stop" className="g12 is-refused" />}
        <span className="val after" title={after}>
          {minus(withoutZeros(after))}
        </span>
        <CrossButton label={`Undo ${path}`} onPress={onUndo} />
      </div>
      {problem === null ? null : <p className="small is-refused staged-why">{problem}</p>}
    </li>
  );
}
