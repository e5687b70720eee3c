import { type FormEvent, type ReactElement, useEffect, useMemo } from 'react';
import type { MemoryView } from '../../../app/bridge.ts';
import { Segment } from '../../controls/Segment.tsx';
import { Select } from '../../controls/Select.tsx';
import { TypeChooser } from '../../controls/TypeChooser.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { MEMORY_TYPES, memoryTypeBytes } from '../../store/select/memory-cells.ts';
import { type MemoryRowShown, selectShownForm } from '../../store/select/memory-edits.ts';
import { isFrozen } from '../../store/select/run.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import type { MemoryType } from '../../store/state/memory-cells.ts';
import type { State } from '../../store/state/state.ts';
import { current, DUMP, selectMemoryShown, whichStop } from '../../store/vcpu/guest-slice.ts';
import { compareRows } from '../../store/vcpu/memory-matrix.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { HexRows } from './HexRows.tsx';
import { MatrixRows } from './MatrixRows.tsx';
import { MatrixEffect, MatrixVerdict } from './MatrixVerdict.tsx';
import { MemoryBar } from './MemoryBar.tsx';
import { MemoryFind } from './MemoryFind.tsx';
import { memoryTypeLabel } from './memory-text.ts';
import { Translation } from './Translation.tsx';
import { useMemoryGrid } from './use-memory-grid.ts';
import { useMemoryRows } from './use-memory-rows.ts';
import { ValuesAt } from './ValuesAt.tsx';

const refusalOf = (state: State) => current(state, state.memoryRefusal);

const LOOKS = [
  { value: 'hex', label: 'Hex' },
  { value: 'values', label: 'Values' },
  { value: 'matrix', label: 'Matrix' },
] as const;

/** Guest memory from an address on: as bytes, as values, or as a matrix with a stride, beside a tile where one is chosen. */
export function Memory(): ReactElement {
  const store = useDebuggerStore();
  const kind = useDebugger((state) => state.session?.kind);
  const stop = useDebugger(whichStop);
  const memory = useDebugger(selectMemoryShown);
  const isRead = useDebugger((state) => current(state, state.memory) !== null || refusalOf(state) !== null);
  const refusal = useDebugger(refusalOf);
  const look = useDebugger((state) => state.memoryForm.look);
  const rows = useMemoryRows();
  // Of one that runs memory is read at a word; what was written here is looked at again by itself.
  const isAsked = useDebugger((state) => isFrozen(state) || state.stops.at(-1)?.write != null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each stop is read anew.
  useEffect(() => {
    if (kind !== 'file' && isAsked && !isRead) void store.getState().readMemory();
  }, [store, kind, stop, isRead, isAsked]);
  if (kind === 'file') {
    return <Nothing words="Memory is that of a guest; a file of the vCPU’s state has none." />;
  }
  return (
    <section className="memory" aria-label="Memory" data-testid="memory">
      <Controls memory={memory} rows={rows} />
      {look === 'matrix' ? null : <MemoryFind />}
      {refusal !== null ? (
        <Nothing words={`${refusal.what}${refusal.where === null ? '' : `, ${refusal.where}`}`} />
      ) : memory === null ? (
        <Nothing words="The vCPU runs. Read holds it still for a moment." />
      ) : (
        <Shown memory={memory} rows={rows} />
      )}
    </section>
  );
}

function Nothing({ words }: { words: string }): ReactElement {
  return (
    <div className="pane-empty">
      <Glyph name="unknown" className="text-3" />
      <p className="text-2" data-testid="memory-words">
        {words}
      </p>
    </div>
  );
}

const TILES = [
  { value: '', label: 'no tile' },
  ...Array.from({ length: 8 }, (_, at) => ({ value: String(at), label: `tmm${at}` })),
];

/** The types that are chosen most, by the names of the tiles' own. */
const QUICK = ['i8', 'u8', 'i32', 'bf16', 'f32'] as const satisfies readonly MemoryType[];
const fits = (rowBytes: number) => (type: MemoryType) => rowBytes % memoryTypeBytes(type) === 0;
const quickTypes = (rowBytes: number) =>
  QUICK.filter(fits(rowBytes)).map((value) => ({ value, label: memoryTypeLabel(value) }));
const moreTypes = (rowBytes: number) =>
  MEMORY_TYPES.filter((type) => fits(rowBytes)(type) && !QUICK.some((quick) => quick === type)).map((value) => ({
    value,
    label: memoryTypeLabel(value),
  }));

function Verdict({ rows }: { rows: readonly MemoryRowShown[] }): ReactElement {
  const form = useDebugger((state) => state.memoryForm);
  const capture = useDebugger(selectCapture);
  const compared = useMemo(() => compareRows(rows, form, capture), [rows, form, capture]);
  return <MatrixVerdict rows={compared} form={form} />;
}

interface ControlsProps {
  readonly memory: MemoryView | null;
  readonly rows: readonly MemoryRowShown[];
}

function Controls({ memory, rows }: ControlsProps): ReactElement {
  const store = useDebuggerStore();
  const form = useDebugger((state) => state.memoryForm);
  const { setMemoryForm, readMemory } = store.getState();
  const ask = (event: FormEvent): void => {
    event.preventDefault();
    void readMemory();
  };
  const setLook = (look: typeof form.look): void => {
    // A matrix has rows of a tile, the others those of a page.
    setMemoryForm(look === 'matrix' ? { look, rowBytes: 64, rows: 16 } : { look, ...DUMP, stride: '', tile: null });
    void readMemory();
  };
  return (
    <form className="memory-controls" onSubmit={ask}>
      <label className="small text-2">
        base{' '}
        <input
          className="field val"
          aria-label="Base"
          value={form.address}
          spellCheck={false}
          onChange={(event) => setMemoryForm({ address: event.target.value })}
        />
      </label>
      {form.look === 'matrix' ? (
        <label className="small text-2">
          stride{' '}
          <input
            className="field val narrow"
            aria-label="Stride"
            value={form.stride}
            placeholder={String(form.rowBytes)}
            spellCheck={false}
            onChange={(event) => setMemoryForm({ stride: event.target.value })}
          />
        </label>
      ) : null}
      <label className="small text-2 line tight">
        <input
          type="checkbox"
          checked={form.isPhysical}
          onChange={(event) => setMemoryForm({ isPhysical: event.target.checked })}
        />
        physical
      </label>
      <button type="submit" className="button">
        Read
      </button>
      <Segment name="Look" choices={LOOKS} value={form.look} onChoose={setLook} />
      {form.look === 'hex' ? null : (
        <div className="memory-reading">
          <TypeChooser
            name="Type"
            quick={quickTypes(form.rowBytes)}
            more={moreTypes(form.rowBytes)}
            value={form.type}
            onChoose={(type) => setMemoryForm({ type })}
          />
          {form.look === 'matrix' ? (
            <>
              <Select
                name="Beside"
                value={form.tile === null ? '' : String(form.tile)}
                options={TILES}
                onChoose={(tile) => setMemoryForm({ tile: tile === '' ? null : Number(tile) })}
              />
              <span className="push" />
              {memory === null ? null : <Verdict rows={rows} />}
            </>
          ) : null}
        </div>
      )}
    </form>
  );
}

function Shown({ memory, rows }: { memory: MemoryView; rows: readonly MemoryRowShown[] }): ReactElement {
  const form = useDebugger(selectShownForm);
  const capture = useDebugger(selectCapture);
  const grid = useMemoryGrid(rows, form);
  const compared = useMemo(
    () => (form.look === 'matrix' ? compareRows(rows, form, capture) : []),
    [rows, form, capture],
  );
  const { block } = grid;
  const address = (rows[block.row]?.address ?? 0n) + BigInt(block.column * block.size);
  return (
    <>
      <div className={`memory-rows ${form.look === 'matrix' ? 'whole' : ''}`}>
        {form.look === 'matrix' ? (
          <MatrixRows rows={compared} pages={memory.pages} form={form} grid={grid} />
        ) : (
          <>
            <HexRows rows={rows} pages={memory.pages} form={form} grid={grid} />
            <ValuesAt rows={rows} place={grid.active} size={block.size} />
          </>
        )}
      </div>
      <div className="memory-foot">
        <MemoryBar rows={rows} form={form} grid={grid} />
        {form.look === 'matrix' ? <MatrixEffect rows={compared} form={form} /> : null}
      </div>
      <Translation memory={memory} form={form} address={address} />
    </>
  );
}
