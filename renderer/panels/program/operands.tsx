import type { ReactElement } from 'react';
import { GENERAL_NAMES } from '../../../app/register/registers.ts';
import { useDebugger } from '../../store/context.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import { selectTileScene } from '../../store/tiles/tile-scenes.ts';
import { productOfLine } from '../../store/vcpu/executed.ts';
import { stepDiffers } from '../../store/vcpu/trace-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { shortType } from '../tiles/TileReadingControls.tsx';
import { TileThumbnail } from '../tiles/TileThumbnail.tsx';
import { differsWords } from '../trace/product-words.ts';

/** "ecx" is part of rcx. Null: it is no general register of 64 or 32 bits. */
export const generalOf = (name: string): (typeof GENERAL_NAMES)[number] | null =>
  GENERAL_NAMES.find((one) => one === name || one === name.replace(/^e/, 'r')) ?? null;

/** The register that an instruction names first. */
const firstOperand = (text: string): string => /^\S+\s+(\w+)/.exec(text.trim())?.[1] ?? '';

/** The general register that an instruction names first, as it stands now. */
export function OperandValue({ text }: { text: string }): ReactElement | null {
  const name = generalOf(firstOperand(text));
  const value = useDebugger((state) => (name === null ? null : (selectCapture(state)?.facts.general?.[name] ?? null)));
  return value === null ? null : <span className="text-3 program-value">{value.toString(16)}</span>;
}

/** What the instruction that was executed last has changed: a tile, a register, else components. */
export function Changed({ text, writes }: { text: string; writes: readonly string[] }): ReactElement | null {
  const changed = useDebugger((state) => (state.stops[state.at]?.changed.size ?? 0) > 0);
  const general = writes.map(generalOf).find((name) => name !== null) ?? generalOf(firstOperand(text));
  const isMoved = useDebugger((state) => {
    if (general === null) return false;
    const [before, now] = [state.at - 1, state.at].map((at) => state.stops[at]?.capture.facts.general?.[general]);
    return before !== undefined && now !== undefined && before !== now;
  });
  const product = productOfLine({ text });
  const what = isMoved
    ? general
    : product !== null
      ? `tmm${product.operands.c}`
      : (writes.find((name) => name !== 'rflags' && generalOf(name) === null) ?? '');
  const differs = useDebugger((state) => stepDiffers(state.stops, state.at));
  if (differs !== null) {
    const words = differsWords(differs);
    return (
      <span className="line tight is-refused program-value" data-testid="step-differs" title={words}>
        <Glyph name="differs" className="g12" />
        <span aria-hidden="true">
          {what} {differs.comparison.differences.length} of {differs.comparison.cells}
        </span>
        <span className="visually-hidden">{words}</span>
      </span>
    );
  }
  if (!isMoved && !changed) return null;
  return (
    <span className="line tight is-changed program-value">
      <Glyph name="delta" className="g10" />
      {what}
    </span>
  );
}

/** The tiles of the product that comes next, small, with their names and shapes. Null: it is no product. */
export function Operands({ text }: { text: string }): ReactElement | null {
  const product = productOfLine({ text });
  if (product === null) return null;
  const { c, a, b } = product.operands;
  return (
    <div className="program-operands" aria-hidden="true">
      <Operand tile={c} as="C" />
      <Operand tile={a} as="A" />
      <Operand tile={b} as="B" />
    </div>
  );
}

function Operand({ tile, as }: { tile: number; as: string }): ReactElement {
  const scene = useDebugger(selectTileScene(tile));
  return (
    <span>
      <TileThumbnail tile={tile} />
      <span className="val small text-2">
        tmm{tile} {as}
      </span>
      {scene === null || scene.extent.rows === 0 ? null : (
        <span className="val small text-3">
          {scene.matrix.rows}×{scene.matrix.columns} {shortType(scene.reading.type)}
        </span>
      )}
    </span>
  );
}
