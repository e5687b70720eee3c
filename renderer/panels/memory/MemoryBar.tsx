import type { ReactElement } from 'react';
import { Button } from '../../controls/Button.tsx';
import { CopyButton } from '../../controls/CopyButton.tsx';
import { Select } from '../../controls/Select.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { MemoryRowShown } from '../../store/select/memory-edits.ts';
import type { MemoryForm } from '../../store/state/guest.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';
import { COPY_FORMATS, type CopyFormat } from '../tiles/tile-clipboard.ts';
import { basedMemory } from './memory-base.ts';
import { memoryText } from './memory-text.ts';
import type { MemoryGrid } from './use-memory-grid.ts';

interface MemoryBarProps {
  readonly rows: readonly MemoryRowShown[];
  readonly form: MemoryForm;
  readonly grid: MemoryGrid;
}

const COMPARE = [
  { value: '', label: 'Compare with…' },
  ...Array.from({ length: 8 }, (_, at) => ({ value: String(at), label: `tmm${at}` })),
];

/** Under the rows: what is selected, and what can be done with it. */
export function MemoryBar({ rows, form, grid }: MemoryBarProps): ReactElement {
  const store = useDebuggerStore();
  const format = useDebugger((state) => state.memoryCopy);
  const { block, problem } = grid;
  const address = (rows[block.row]?.address ?? 0n) + BigInt(block.column * block.size);
  const bytes = block.rows * block.columns * block.size;
  const here = (rows[grid.active.row]?.address ?? 0n) + BigInt(grid.active.column * block.size);
  const own = memoryText(rows, { ...grid.active, rows: 1, columns: 1, size: block.size }, form, 'tsv').trim();
  const based = basedMemory(grid, here, own);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out as a line.
    <div className="memory-bar small" role="group" aria-label="Selected memory" data-testid="memory-bar">
      <span className="val">0x{address.toString(16)}</span>
      <span className="text-3">
        {block.rows * block.columns === 1 ? '' : `${block.rows}×${block.columns}, `}
        {bytes === 1 ? '1 byte' : `${bytes} bytes`}
      </span>
      {based === null ? null : (
        <span className="val" data-testid="memory-based">
          {minus(based)}
        </span>
      )}
      <Button label="Edit" look="tiny" glyph="pen" glyphClass="g12" onPress={() => grid.edit(null)}>
        Edit
      </Button>
      <Select
        name="Copy as"
        value={format}
        options={COPY_FORMATS.map(({ id, label }) => ({ value: id, label }))}
        onChoose={(id) => store.getState().setMemoryCopy(id as CopyFormat)}
      />
      <CopyButton what="what is selected" text={memoryText(rows, block, form, format)} />
      {form.look === 'matrix' ? null : (
        <Select
          name="Compare with a tile"
          value=""
          options={COMPARE}
          onChoose={(tile) => {
            if (tile === '') return;
            store.getState().compareMemory(`0x${address.toString(16)}`, Number(tile));
          }}
        />
      )}
      <Button
        label="Open as XSAVE area"
        look="tiny"
        refused={address % 64n === 0n ? null : 'an XSAVE area lies at a multiple of 64'}
        onPress={() => void store.getState().openArea(`0x${address.toString(16)}`, form.isPhysical)}
      >
        XSAVE area
      </Button>
      {problem === null ? null : (
        <span className="line tight is-refused" role="alert">
          <Glyph name="stop" className="g12" />
          {problem}
        </span>
      )}
    </div>
  );
}
