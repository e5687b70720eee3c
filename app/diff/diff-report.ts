import { toHexHighFirst } from '../bits/bytes.ts';
import { hexShort } from '../bits/mask.ts';
import { shownLines } from '../bits/text.ts';
import type { Capture, Facts } from '../capture/capture.ts';
import type { ComponentView, Image } from '../capture/image.ts';
import { msrRow } from '../cpu/msrs.ts';
import { parsePath } from '../register/path.ts';
import { BIT, componentName } from '../xsave/components.ts';
import { XCOMP_BV_OFFSET_BYTES, xstateBv } from '../xsave/header.ts';
import { EXTENDED_OFFSET_BYTES } from '../xsave/layout.ts';
import { componentBytesOrInit, flippedBits } from '../xsave/view.ts';
import { diffCaptures, largerBytes } from './compare.ts';
import { headLines } from './diff-head.ts';

/** Two captures side by side, only what differs: for a person, a script and a bug report. */
export interface DiffReport {
  /** In order of bit. */
  readonly components: readonly {
    readonly bit: number;
    readonly name: string;
    readonly before: ComponentView['state'];
    readonly after: ComponentView['state'];
    /** Bytes of state that differ, of sizeBytes. */
    readonly changedBytes: number;
    readonly sizeBytes: number;
  }[];
  /** Each with both values as text, in the order of the register list. */
  readonly registers: readonly ValuePair[];
  /** What is not a register: how it was read, layout, permissions, sizes, other MSRs, CPUID. */
  readonly facts: readonly ValuePair[];
}

/** A register or field whose value differs, both sides as they are printed. */
export interface ValuePair {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

const NOT_KNOWN = 'not known';
const mask = (value: bigint | null): string => (value === null ? NOT_KNOWN : hexShort(value));
const number = (value: number | null): string => (value === null ? NOT_KNOWN : String(value));

const layoutWords = ({ layout }: Image): string =>
  layout.components.map((place) => `${place.bit}@${place.offsetBytes}+${place.sizeBytes}`).join(' ');

/** Behind XCOMP_BV; where one of them is not zero KVM refuses the image. (Linux xstate.c, validate_user_xstate_header) */
const reservedWords = ({ bytes }: Image): string => {
  const reserved = bytes.subarray(XCOMP_BV_OFFSET_BYTES + 8, EXTENDED_OFFSET_BYTES);
  return reserved.some((byte) => byte !== 0) ? `0x${toHexHighFirst(reserved)}` : 'all zero';
};

type Fact = readonly [name: string, print: (capture: Capture) => string];
const FACTS: readonly Fact[] = [
  ['image bytes', ({ image }) => String(image.bytes.length)],
  ['image format', ({ image }) => image.layout.format],
  ['reserved header bytes', ({ image }) => reservedWords(image)],
  ['layout, bit@offset+size', ({ image }) => layoutWords(image)],
  ['read by', ({ facts }) => facts.imageCall],
  ['kernel', ({ facts }) => facts.kernelRelease ?? NOT_KNOWN],
  ['guest permission', ({ facts }) => mask(facts.guestPermission)],
  ['host permission', ({ facts }) => mask(facts.hostPermission)],
  ['KVM_X86_XCOMP_GUEST_SUPP', ({ facts }) => mask(facts.supportedXcr0)],
  ['KVM_CAP_XSAVE2, VM', ({ facts }) => number(facts.sizes.capXsave2Vm)],
  ['KVM_CAP_XSAVE2, system', ({ facts }) => number(facts.sizes.capXsave2System)],
];

const msrText = (facts: Facts, index: number): string =>
  mask(facts.msrs.find((msr) => msr.index === index)?.value ?? null);

/** MSRs that no register path names: those that one does stand among the registers. */
const otherMsrs = (before: Capture, after: Capture): ValuePair[] => {
  const indexes = new Set([...before.facts.msrs, ...after.facts.msrs].map((msr) => msr.index));
  return [...indexes]
    .sort((a, b) => a - b)
    .flatMap((index) => {
      const name = msrRow(index)?.name ?? `MSR 0x${index.toString(16)}`;
      const named = parsePath(name.toLowerCase().replace(/^ia32_/, '')).ok;
      const [a, b] = [msrText(before.facts, index), msrText(after.facts, index)];
      return named || a === b ? [] : [{ path: name, before: a, after: b }];
    });
};

const cpuidPair = (name: string, a: Facts['guestCpuid'], b: Facts['guestCpuid']): ValuePair[] => {
  const words = (table: Facts['guestCpuid']): Set<string> => new Set(table.map((entry) => JSON.stringify(entry)));
  const [before, after] = [words(a), words(b)];
  const only = (one: Set<string>, other: Set<string>): number => [...one].filter((text) => !other.has(text)).length;
  const [left, right] = [only(before, after), only(after, before)];
  return left + right === 0
    ? []
    : [{ path: name, before: `${left} of ${a.length} leaves`, after: `${right} of ${b.length} leaves` }];
};

/** Of what is in its initial values on both sides, what either has in XSTATE_BV. */
const initialValues = (a: Image, b: Image): ValuePair[] => {
  const flipped = flippedBits(a, b);
  if (flipped === 0n) return [];
  const [before, after] = [a, b].map((image) => hexShort(xstateBv(image) & flipped));
  return [{ path: 'XSTATE_BV of initial values', before: before ?? '', after: after ?? '' }];
};

/** What differs between two captures; empty lists where nothing does. Layouts may differ: components go by bit. */
export const diffReport = (before: Capture, after: Capture): DiffReport => {
  const { components, registers } = diffCaptures(before, after);
  const facts = FACTS.flatMap(([path, print]) => {
    const [a, b] = [print(before), print(after)];
    return a === b ? [] : [{ path, before: a, after: b }];
  });
  return {
    components: components.map(({ bit, before: was, after: is, changedBytes }) => ({
      bit,
      name: componentName(bit),
      before: was,
      after: is,
      changedBytes,
      sizeBytes: largerBytes(before.image, after.image, bit),
    })),
    registers,
    facts: [
      ...initialValues(before.image, after.image),
      ...facts,
      ...otherMsrs(before, after),
      ...cpuidPair('guest CPUID', before.facts.guestCpuid, after.facts.guestCpuid),
      ...cpuidPair('host CPUID', before.facts.hostCpuid, after.facts.hostCpuid),
    ],
  };
};

const STATE_WORDS = { absent: 'absent', init: 'init', inUse: 'in use' } as const;

/** What differs in two hex texts of one length, as a line of carets; empty where the whole does, or they are no such texts. */
const carets = (a: string, b: string): string => {
  if (a.length !== b.length || a.length < 10 || !/^0x[0-9a-f]+$/.test(a) || !/^0x[0-9a-f]+$/.test(b)) return '';
  return [...a]
    .map((digit, at) => (digit === b[at] ? ' ' : '^'))
    .join('')
    .trimEnd();
};

const pairText = (before: string, after: string): string => {
  const marks = carets(before, after);
  return `    A  ${oneLong(before)}\n    B  ${oneLong(after)}\n${marks === '' ? '' : `       ${marks}\n`}`;
};

const pairLines = (title: string, pairs: readonly ValuePair[]): string =>
  pairs.length === 0
    ? ''
    : `\n${title}\n${pairs.map(({ path, before, after }) => `  ${path}\n${pairText(before, after)}`).join('')}`;

/** More than a line is set under the first one. Other control characters, from a file of any origin, would reach a terminal. */
const oneLong = (text: string): string => shownLines(text).replaceAll('\n', '\n       ');

const TILE_ROWS = 16;

/** Of a tile the rows that differ, bytes in memory order. */
const tileText = (before: Capture, after: Capture, path: string): string | null => {
  const index = /^tmm(\d)$/.exec(path)?.[1];
  if (index === undefined) return null;
  const [a, b] = [before, after].map(({ image }) => {
    const tiles = componentBytesOrInit(image, BIT.XTILEDATA);
    const size = tiles.length / 8;
    return tiles.subarray(Number(index) * size, (Number(index) + 1) * size);
  }) as [Uint8Array, Uint8Array];
  if (a.length !== b.length || a.length === 0) return null;
  const rowBytes = a.length / TILE_ROWS;
  const rows: string[] = [];
  for (let row = 0; row < TILE_ROWS; row += 1) {
    const [was, is] = [a, b].map((bytes) =>
      toHexHighFirst(bytes.slice(row * rowBytes, (row + 1) * rowBytes).reverse()),
    );
    const text = (digits = ''): string => (/[^0]/.test(digits) ? `0x${digits}` : 'all zero');
    if (was !== is) rows.push(`    row ${row}, byte 0 first\n${pairText(text(was), text(is))}`);
  }
  return `  ${path}, ${rows.length} of ${TILE_ROWS} rows differ\n${rows.join('')}`;
};

const NOT_THERE = /^(absent|not known)/;

/** Registers with a value on one side alone are named in one line: the value of each says nothing about a difference. */
const missingLines = (registers: readonly ValuePair[]): string => {
  const of = (side: 'before' | 'after', word: string): readonly string[] =>
    registers.filter((pair) => pair[side].startsWith(word)).map(({ path }) => path);
  return (['before', 'after'] as const)
    .flatMap((side) => ['absent', 'not known'].map((word) => ({ side, word, paths: of(side, word) })))
    .filter(({ paths }) => paths.length > 0)
    .map(({ side, word, paths }) => `  ${word} in ${side === 'before' ? 'A' : 'B'}: ${paths.join(', ')}\n`)
    .join('');
};

const registerLines = (before: Capture, after: Capture, registers: readonly ValuePair[]): string => {
  if (registers.length === 0) return '';
  const both = registers.filter((pair) => !NOT_THERE.test(pair.before) && !NOT_THERE.test(pair.after));
  const values = both.map(
    (pair) => tileText(before, after, pair.path) ?? `  ${pair.path}\n${pairText(pair.before, pair.after)}`,
  );
  return `\nRegisters\n${values.join('')}${missingLines(registers)}`;
};

/** The same as text fit for a bug report; the names say what A and B are. */
export const diffText = (before: Capture, after: Capture, names: readonly [string, string] = ['A', 'B']): string => {
  const { components, registers, facts } = diffReport(before, after);
  const head = headLines(before, after, names).join('\n');
  if (components.length + registers.length + facts.length === 0)
    return `${head}\n\nEqual in every component, register and fact\n`;
  const rows = components.map(({ bit, name, before: was, after: is, changedBytes, sizeBytes }) => {
    const state = was === is ? STATE_WORDS[is] : `${STATE_WORDS[was]} → ${STATE_WORDS[is]}`;
    return `  ${String(bit).padStart(2)}  ${name.padEnd(10)}  ${`${changedBytes} of ${sizeBytes}`.padStart(12)} bytes differ  ${state}\n`;
  });
  const counts = rows.length === 0 ? '\nComponents are equal\n' : `\nComponents\n${rows.join('')}`;
  return `${head}\n${counts}${registerLines(before, after, registers)}${pairLines('Facts', facts)}`;
};
