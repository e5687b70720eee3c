import { equalBytes } from '../bits/bytes.ts';
import type { Capture, GeneralRegisters } from '../capture/capture.ts';
import type { ComponentBit } from '../capture/image.ts';
import { MSRS } from '../cpu/msrs.ts';
import { GENERAL_NAMES } from '../register/registers.ts';
import { tileBytes } from '../tile/tile-bytes.ts';
import { BIT, COMPONENTS, componentLabel } from '../xsave/components.ts';
import { componentBytesOrInit, viewComponent } from '../xsave/view.ts';

/** What one instruction changed, in the few words of a line of a trace. */

/** A part of it: the component that holds it, or none of the image. */
export interface StepChange {
  readonly bit: ComponentBit | null;
  readonly words: string;
}

/** A greater distance is none: one of the two is another thing. */
const MOST_DISTANCE = 1n << 31n;
const TILES = 8;
const MXCSR = { from: 24, to: 28 } as const;

const generalWords = (name: string, was: bigint, is: bigint): string => {
  const by = BigInt.asIntN(64, is - was);
  if (by > MOST_DISTANCE || by < -MOST_DISTANCE) return name;
  return `${name} ${by > 0n ? '+' : '-'}${(by > 0n ? by : -by).toString(16)}`;
};

const generalChanges = (was: GeneralRegisters, is: GeneralRegisters): readonly string[] =>
  GENERAL_NAMES.flatMap((name) => {
    if (name === 'rip' || was[name] === is[name]) return [];
    return [name === 'rflags' ? 'flags' : generalWords(name, was[name], is[name])];
  });

/** Vector registers of which a part lies in one of these components, by their numbers. */
const VECTOR_BITS: readonly ComponentBit[] = [BIT.SSE, BIT.AVX, BIT.ZMM_Hi256, BIT.Hi16_ZMM];

/** Registers of a component that have another value, by their numbers. */
const changedIndexes = (before: Capture, after: Capture, bit: ComponentBit): readonly number[] => {
  const fragment = COMPONENTS.find((row) => row.bit === bit)?.fragment ?? null;
  if (fragment === null) return [];
  const [was, is] = [componentBytesOrInit(before.image, bit), componentBytesOrInit(after.image, bit)];
  const bytes = fragment.widthBits / 8;
  return Array.from({ length: fragment.count }, (_, at) => at).flatMap((at) => {
    const from = at * fragment.strideBytes;
    return equalBytes(was.subarray(from, from + bytes), is.subarray(from, from + bytes)) ? [] : [fragment.first + at];
  });
};

const tileChanges = (before: Capture, after: Capture): readonly string[] => {
  const { state } = viewComponent(after.image, BIT.XTILEDATA);
  if (state === 'init' && viewComponent(before.image, BIT.XTILEDATA).state === 'inUse') return ['tiles to init'];
  return Array.from({ length: TILES }, (_, tile) => tile).flatMap((tile) => {
    const [was, is] = [tileBytes(before.image, tile), tileBytes(after.image, tile)];
    if (was === null || is === null) return [];
    let words = 0;
    for (let at = 0; at < is.length; at += 4)
      if (!equalBytes(was.subarray(at, at + 4), is.subarray(at, at + 4))) words += 1;
    return words === 0 ? [] : [`tmm${tile}, ${words * 4} bytes`];
  });
};

const outsideChanges = ({ facts: was }: Capture, { facts: is }: Capture): readonly string[] => {
  const msrs = is.msrs.flatMap(({ index, value }) => {
    const before = was.msrs.find((row) => row.index === index)?.value ?? null;
    return before === value ? [] : [MSRS.find((row) => row.index === index)?.name ?? `MSR ${index.toString(16)}`];
  });
  return was.xcr0 === is.xcr0 ? msrs : ['XCR0', ...msrs];
};

/** @param changed components whose value differs */
export const stepChanges = (
  before: Capture,
  after: Capture,
  changed: ReadonlySet<ComponentBit>,
): readonly StepChange[] => {
  const found: StepChange[] = [];
  const [was, is] = [before.facts.general, after.facts.general];
  if (was !== null && is !== null) found.push(...generalChanges(was, is).map((words) => ({ bit: null, words })));
  const vectorBits = VECTOR_BITS.filter((bit) => changed.has(bit));
  const vectors = new Set(vectorBits.flatMap((bit) => changedIndexes(before, after, bit)));
  const widest = viewComponent(after.image, BIT.ZMM_Hi256).state !== 'absent' ? 'zmm' : 'ymm';
  for (const index of vectors) found.push({ bit: vectorBits.at(-1) ?? null, words: `${widest}${index}` });
  for (const bit of changed) {
    if (VECTOR_BITS.includes(bit)) continue;
    if (bit === BIT.XTILEDATA) found.push(...tileChanges(before, after).map((words) => ({ bit, words })));
    else if (bit === BIT.opmask)
      found.push(...changedIndexes(before, after, bit).map((at) => ({ bit, words: `k${at}` })));
    else found.push({ bit, words: componentLabel(bit) });
  }
  const mxcsr = ({ image }: Capture): Uint8Array => image.bytes.subarray(MXCSR.from, MXCSR.to);
  if (!equalBytes(mxcsr(before), mxcsr(after))) found.push({ bit: BIT.SSE, words: 'mxcsr' });
  found.push(...outsideChanges(before, after).map((words) => ({ bit: null, words })));
  return found;
};
