import { type FormEvent, type ReactElement, useEffect, useMemo } from 'react';
import type { MemoryView } from '../../../app/bridge.ts';
import { Segment } from '../../controls/Segment.tsx';
import { Select } from '../../controls/Select.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { MEMORY_TYPES, memoryTypeBytes } from '../../store/select/memory-cells.ts';
import { selectStagedMemory, selectWrittenMemory, shownRows } from '../../store/select/memory-edits.ts';
import { isFrozen } from '../../store/select/run.ts';
import type { MemoryType } from '../../store/state/memory-cells.ts';
import type { State } from '../../store/state/state.ts';
import { current, newestStop, selectMemoryBefore, selectMemoryShown } from '../../store/vcpu/guest-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { HexRows } from './HexRows.tsx';
import { MatrixRows } from './MatrixRows.tsx';
import { MemoryBar } from './MemoryBar.tsx';
import { MemoryFind } from './MemoryFind.tsx';
import { sizeText } from './size-text.ts';
import { useMemoryGrid } from './use-memory-grid.ts';

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
  const stop = useDebugger(newestStop);
  const memory = useDebugger(selectMemoryShown);
  const isRead = useDebugger((state) => current(state, state.memory) !== null || refusalOf(state) !== null);
  const refusal = useDebugger(refusalOf);
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
      <Controls memory={memory} />
      <MemoryFind />
      {refusal !== null ? (
        <Nothing words={`${refusal.what}${refusal.where === null ? '' : `, ${refusal.where}`}`} />
      ) : memory === null ? (
        <Nothing words="The vCPU runs. Read holds it still for a moment." />
      ) : (
        <Shown memory={memory} />
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

function Controls({ memory }: { memory: MemoryView | null }): ReactElement {
  const store = useDebuggerStore();
  const form = useDebugger((state) => state.memoryForm);
  const { setMemoryForm, readMemory } = store.getState();
  const ask = (event: FormEvent): void => {
    event.preventDefault();
    void readMemory();
  };
  const setLook = (look: typeof form.look): void => {
    // A matrix has rows of a tile, the others those of a page.
    setMemoryForm(
      look === 'matrix' ? { look, rowBytes: 64, rows: 16 } : { look, rowBytes: 16, rows: 16, stride: '', tile: null },
    );
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
      {form.look === 'hex' ? null : (
        <Select
          name="Type"
          value={form.type}
          options={MEMORY_TYPES.filter((type) => form.rowBytes % memoryTypeBytes(type) === 0).map((type) => ({
            value: type,
            label: type,
          }))}
          onChoose={(type) => setMemoryForm({ type: type as MemoryType })}
        />
      )}
      {form.look === 'matrix' ? (
        <Select
          name="Beside"
          value={form.tile === null ? '' : String(form.tile)}
          options={TILES}
          onChoose={(tile) => setMemoryForm({ tile: tile === '' ? null : Number(tile) })}
        />
      ) : null}
      <Segment name="Look" choices={LOOKS} value={form.look} onChoose={setLook} />
      <span className="push" />
      {memory === null ? null : (
        <span className="pill is-written small" data-testid="memory-proof">
          <Glyph name="check" className="g12" />
          {memory.translations === 0 ? 'held by the model' : `proven by ${memory.translations} translations`}
        </span>
      )}
    </form>
  );
}

function Shown({ memory }: { memory: MemoryView }): ReactElement {
  const form = useDebugger((state) => state.memoryForm);
  const before = useDebugger(selectMemoryBefore);
  const staged = useDebugger(selectStagedMemory);
  const written = useDebugger(selectWrittenMemory);
  const rows = useMemo(() => shownRows(memory, before, staged, written), [memory, before, staged, written]);
  const grid = useMemoryGrid(rows, form, form.look === 'hex' ? 1 : memoryTypeBytes(form.type));
  return (
    <>
      <div className="memory-rows">
        {form.look === 'matrix' ? (
          <MatrixRows rows={rows} form={form} grid={grid} />
        ) : (
          <HexRows rows={rows} form={form} grid={grid} />
        )}
      </div>
      <MemoryBar rows={rows} form={form} grid={grid} />
      <Translation memory={memory} />
    </>
  );
}

/** The pages that were read, linear to physical. */
function Translation({ memory }: { memory: MemoryView }): ReactElement | null {
  if (memory.pages.length === 0) return null;
  return (
    <table className="memory-pages small" aria-label="Translation">
      <thead>
        <tr className="text-3">
          <th scope="col">linear page</th>
          <th scope="col">physical</th>
          <th scope="col">size</th>
          <th scope="col">rights</th>
          <th scope="col">flags</th>
        </tr>
      </thead>
      <tbody className="val">
        {memory.pages.map(({ linear, physical, pageBytes, rights, flags, why }) => (
          <tr key={linear}>
            <td>{linear.slice(2)}</td>
            <td className={physical === null ? 'is-armed' : undefined}>
              {physical === null ? why : physical.slice(2)}
            </td>
            <td>{sizeText(pageBytes)}</td>
            <td>{rights}</td>
            <td>{flags}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
