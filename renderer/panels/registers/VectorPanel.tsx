import { type ReactElement, useLayoutEffect, useMemo, useState } from 'react';
import { vectorFragments } from '../../../app/register/vector.ts';
import { componentLabel } from '../../../app/xsave/components.ts';
import { Segment } from '../../controls/Segment.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { hueOf } from '../../store/select/components.ts';
import { markedPart, type Provenance, registerBytes } from '../../store/select/provenance.ts';
import { type VectorFile, vectorFile } from '../../store/select/vector.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { Bitfields } from './Bitfields.tsx';
import { ControlRegisters } from './General.tsx';
import { LANE_TYPE_GROUPS } from './lane-types.ts';
import { VectorGrid } from './VectorGrid.tsx';

const TYPE_GROUPS = ['Bytes', 'Signed', 'Unsigned', 'Floating point'];

const BLOCK_ROWS = 16;

/** Registers in one block of rows share their fragments, and so their states. */
interface Block {
  readonly first: number;
  readonly last: number;
  readonly rows: readonly number[];
  /** All of it in init: one sentence instead of rows. */
  readonly initBits: readonly number[];
  readonly allInit: boolean;
}

const blocksOf = (provenance: Provenance, file: VectorFile): readonly Block[] => {
  const firsts = file.count === 32 ? [0, BLOCK_ROWS] : [0];
  return firsts.map((first) => {
    const fragments = vectorFragments(provenance.now.image, file.kind, first);
    const initBits = fragments.filter((fragment) => fragment.state === 'init').map((fragment) => fragment.bit);
    const rows = Array.from({ length: BLOCK_ROWS }, (_, at) => first + at);
    return { first, last: first + BLOCK_ROWS - 1, rows, initBits, allInit: initBits.length === fragments.length };
  });
};

interface VectorPanelProps {
  readonly provenance: Provenance;
  readonly lanesOnly?: boolean;
}

/** @param lanesOnly every register, without what the view decodes below them */
export function VectorPanel({ provenance, lanesOnly = false }: VectorPanelProps): ReactElement {
  const store = useDebuggerStore();
  const type = useDebugger((state) => state.laneType);
  const filter = useDebugger((state) => (lanesOnly ? 'all' : state.registerFilter));
  const laneZero = useDebugger((state) => state.laneZero);
  const editing = useDebugger((state) => state.editor?.path ?? null);
  const selection = useDebugger((state) => state.selection);
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  const file = vectorFile(provenance.now.image);
  const blocks = useMemo(() => blocksOf(provenance, file), [provenance, file]);
  const chosen = selection?.kind === 'vector' ? Math.min(selection.index, file.count - 1) : null;

  const isShown = (index: number): boolean => {
    if (filter === 'all') return true;
    const register = `${file.kind}${index}`;
    // The row that is being edited stays, whatever a new stop makes of it.
    if (editing !== null && (editing === register || editing.startsWith(`${register}:`))) return true;
    if (filter === 'nonzero') return registerBytes(provenance.now, register)?.some((byte) => byte !== 0) ?? false;
    return (markedPart(provenance, register, 0, file.widthBits / 8)?.mark ?? 'none') !== 'none';
  };
  const isStaged = (rows: readonly number[]): boolean =>
    rows.some((index) => markedPart(provenance, `${file.kind}${index}`, 0, file.widthBits / 8)?.mark === 'staged');
  // Once it was opened for what is selected in it, it stays so: it must not fold under the press that selects something else.
  useLayoutEffect(() => {
    const first = chosen === null ? null : chosen < BLOCK_ROWS ? 0 : BLOCK_ROWS;
    if (first !== null) setOpened((were) => (were.has(first) ? were : new Set(were).add(first)));
  }, [chosen]);
  const isOpen = (block: Block): boolean => !block.allInit || opened.has(block.first) || isStaged(block.rows);
  const rows = blocks.filter(isOpen).flatMap((block) => block.rows.filter(isShown));

  return (
    <>
      <section className="section" aria-label="Vector registers">
        <div className="type-row">
          <span className="text-3 small">as</span>
          {LANE_TYPE_GROUPS.map((types, at) => (
            <Segment
              key={TYPE_GROUPS[at]}
              name={TYPE_GROUPS[at] ?? ''}
              look="tiny"
              value={type}
              choices={types.map((value) => ({ value, label: value }))}
              onChoose={(value) => store.getState().setLaneType(value)}
            />
          ))}
          <span className="push" />
          <span className="text-3 small">lane 0 {laneZero}</span>
          <button
            type="button"
            className="button tiny ghost"
            title="Turn the lane order round (F in the table)"
            onClick={() => store.getState().flipLanes()}
          >
            <Glyph name="swap" className="g12" />
            Flip
          </button>
        </div>
        {rows.length > 0 ? (
          <VectorGrid provenance={provenance} file={file} rows={rows} />
        ) : (
          <p className="section-note text-3 no-rows">
            {filter === 'changed'
              ? 'No vector register differs from the previous stop.'
              : filter === 'nonzero'
                ? 'Every vector register is zero or in init.'
                : 'All vector registers are in init.'}
          </p>
        )}
        {blocks
          .filter((block) => block.initBits.length > 0 && (filter !== 'changed' || isOpen(block)))
          .map((block) => (
            <InitSentence
              key={block.first}
              file={file}
              block={block}
              open={isOpen(block)}
              onToggle={() => {
                const next = new Set(opened);
                if (!next.delete(block.first)) next.add(block.first);
                setOpened(next);
              }}
            />
          ))}
      </section>
      {lanesOnly ? null : (
        <div className="decoded-columns">
          {registerBytes(provenance.now, 'rflags') === null ? null : (
            <div>
              <Bitfields provenance={provenance} register="rflags" title="RFLAGS" sub="what each means on hover" />
              <ControlRegisters provenance={provenance} />
            </div>
          )}
          <Bitfields provenance={provenance} register="mxcsr" title="MXCSR" sub="reset value 1f80" />
        </div>
      )}
    </>
  );
}

interface InitSentenceProps {
  readonly file: VectorFile;
  readonly block: Block;
  readonly open: boolean;
  readonly onToggle: () => void;
}

/** One sentence instead of zeros: the stored bytes of a component in init mean nothing and are not shown. */
function InitSentence({ file, block, open, onToggle }: InitSentenceProps): ReactElement {
  const names = block.initBits.map(componentLabel);
  const list = names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  const sentence = `${list} ${names.length === 1 ? 'is' : 'are'} in init: ${block.allInit ? 'all zero by definition' : 'their lanes are zero by definition'}, stored bytes not shown`;
  const range = `${file.kind}${block.first} … ${file.kind}${block.last}`;
  const content = (
    <>
      {block.allInit ? <Glyph name={open ? 'chevron' : 'chevronRight'} className="g12" /> : null}
      <span className="val small">{range}</span>{' '}
      {block.initBits.map((bit) => (
        <span key={bit} className="swatch short init" style={{ '--hue': hueOf(bit) }} />
      ))}
      <span className="small ellipsis">
        {sentence.replace('their lanes', names.length === 1 ? 'its lanes' : 'their lanes')}
      </span>
    </>
  );
  return block.allInit ? (
    <button type="button" className="init-sentence" aria-expanded={open} onClick={onToggle}>
      {content}
    </button>
  ) : (
    <div className="init-sentence">{content}</div>
  );
}
