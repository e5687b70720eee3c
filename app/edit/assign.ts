import { readU64 } from '../bits/bytes.ts';
import { assert, type Decoded, decoded, describeProblem, undecodable } from '../bits/decoded.ts';
import { bitsOf } from '../bits/mask.ts';
import type { Capture, GeneralRegisters } from '../capture/capture.ts';
import type { Image } from '../capture/image.ts';
import { msrRow } from '../cpu/msrs.ts';
import { parsePath, printPath, type RegisterPath } from '../register/path.ts';
import { readSource, selectOf, showText } from '../register/read.ts';
import { type GeneralName, type RegisterRow, registerRow } from '../register/registers.ts';
import { printElement } from '../value/print.ts';
import { xcr0Refusal } from '../xsave/bitmatrix.ts';
import { BIT } from '../xsave/components.ts';
import { msrValue } from '../xsave/facts.ts';
import { xstateBv } from '../xsave/header.ts';
import { MXCSR_END_BYTES, MXCSR_OFFSET_BYTES } from '../xsave/legacy.ts';
import { brokenTileRules } from '../xsave/tilecfg.ts';
import { viewComponent } from '../xsave/view.ts';
import type { Assignment } from './assignment.ts';
import { type GeneralValues, generalBytes, generalRefusal, generalSet, namesOf } from './general.ts';
import { isMemoryPath, type MemoryEdit, memoryEdit, printMemoryPath } from './memory-path.ts';
import { type Draft, draftOf, type Edit, ownRanges } from './patch.ts';
import { overlayValue } from './value-text.ts';
import { writeRegister } from './write-register.ts';

/** A value for one MSR of the list. */
export interface MsrWrite {
  readonly index: number;
  readonly value: bigint;
}

export interface PathChange {
  readonly path: string;
  /** '' of guest memory, which no capture has. */
  readonly before: string;
  readonly after: string;
}

/** A write as it will be sent: the image with its edit, and what lies outside the image. Nothing has been sent yet. */
export interface StagedWrite {
  readonly edit: Edit;
  /** After the edit. Equal in bytes to the capture's where only registers outside it change. */
  readonly image: Image;
  /** Null: it is not written, or has that value already. */
  readonly xcr0: bigint | null;
  /** Those that change. */
  readonly msrs: readonly MsrWrite[];
  /** The whole set for KVM_SET_REGS: what the capture has, with the registers named changed. Null: none of them changes. */
  readonly general: GeneralRegisters | null;
  /** General registers that the write names, whether they change or not, in the order of struct kvm_regs. */
  readonly generalNames: readonly GeneralName[];
  /** Guest memory, in the order in which it was named: a later element lies over an earlier one. */
  readonly memory: readonly MemoryEdit[];
  readonly changes: readonly PathChange[];
  /** Components whose bytes or XSTATE_BV bit the edit names, in bit order; MXCSR counts as SSE. */
  readonly touchedBits: readonly number[];
  /** Bytes of the image that differ. */
  readonly imageBytes: number;
  /** Bytes of the image and of the general registers that differ; of guest memory none. */
  readonly writtenBytes: number;
}

const refuse = (what: string, why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what, why });

/** What has been staged so far. The capture is the one read, with what is staged laid over it. */
interface Staging {
  readonly draft: Draft;
  readonly capture: Capture;
  readonly xcr0: bigint | null;
  readonly msrs: readonly MsrWrite[];
  readonly general: GeneralValues;
}

export const CONTROL_IS_READ = 'control and segment registers can be read here, not written';

const stageOutside = (staging: Staging, row: RegisterRow, bytes: Uint8Array): Decoded<Staging> => {
  const value = readU64(bytes, 0);
  const { facts } = staging.capture;
  switch (row.source.kind) {
    case 'xcr0': {
      const why = xcr0Refusal(value, staging.capture);
      if (why !== null) return refuse('xcr0', why);
      const capture = { ...staging.capture, facts: { ...facts, xcr0: value } };
      return decoded({ ...staging, capture, xcr0: value });
    }
    case 'msr': {
      const { index } = row.source;
      assert(msrRow(index) !== undefined, `MSR 0x${index.toString(16)} is not on the list`);
      const msrs = facts.msrs.map((msr) => (msr.index === index ? { ...msr, value } : msr));
      const others = staging.msrs.filter((msr) => msr.index !== index);
      const capture = { ...staging.capture, facts: { ...facts, msrs } };
      return decoded({ ...staging, capture, msrs: [...others, { index, value }] });
    }
    case 'general': {
      const { key } = row.source;
      const why = generalRefusal(key, value, facts.control);
      if (why !== null) return refuse(row.name, why);
      assert(facts.general !== null, 'a general register that was read');
      const capture = { ...staging.capture, facts: { ...facts, general: { ...facts.general, [key]: value } } };
      return decoded({ ...staging, capture, general: { ...staging.general, [key]: value } });
    }
    case 'derived':
      return refuse(row.name, `it is put together of others: ${row.source.remedy}`);
    default:
      return refuse(row.name, CONTROL_IS_READ);
  }
};

const OUTSIDE = ['xcr0', 'msr', 'general', 'control', 'segment', 'derived'];
const READ_ALONE = ['control', 'segment', 'derived'];

const stageBytes = (staging: Staging, row: RegisterRow, bytes: Uint8Array): Decoded<Staging> => {
  if (OUTSIDE.includes(row.source.kind)) return stageOutside(staging, row, bytes);
  const written = writeRegister(staging.draft, row, bytes);
  if (!written.ok) return written;
  return decoded({
    ...staging,
    draft: written.value,
    capture: { ...staging.capture, image: written.value.image },
  });
};

const needsConfiguredTile = (image: Image, path: RegisterPath): string | null => {
  const view = viewComponent(image, BIT.XTILECFG);
  if (view.state !== 'inUse') return `TILECFG is ${view.state}: set tilecfg.palette_id, rows and colsb first`;
  const broken = brokenTileRules(view.bytes)[0];
  if (broken !== undefined) return broken.sentence;
  if (view.bytes[0] === 0) return 'TILECFG has palette 0: set tilecfg.palette_id, rows and colsb first';
  return view.bytes[48 + Number(path.register.slice(3))] === 0 ? 'the tile is not configured' : null;
};

const stageOne = (staging: Staging, path: RegisterPath, text: string): Decoded<Staging> => {
  const row = registerRow(path.register);
  assert(row !== undefined, `no register ${path.register}`);
  if (READ_ALONE.includes(row.source.kind)) return stageOutside(staging, row, new Uint8Array(8));
  if (row.rowBytes !== null) {
    const why = needsConfiguredTile(staging.draft.image, path);
    if (why !== null) return refuse(path.register, why);
  }
  const value = readSource(staging.capture, row.source);
  if (value.state === 'absent') return refuse(path.register, 'this image has no room for it');
  if (value.state === 'not-known') return refuse(path.register, value.why);
  const selection = selectOf(staging.capture.image, path, value.bytes);
  if (!selection.ok) return selection;
  const bytes = overlayValue(path, value.bytes, selection.value, text);
  return bytes.ok ? stageBytes(staging, row, bytes.value) : bytes;
};

/** Components that a list of patches names, and those whose XSTATE_BV bit ends up different. */
export const touchedBitsOf = (before: Image, draft: Draft): number[] => {
  const touched = new Set(bitsOf(xstateBv(before) ^ xstateBv(draft.image)));
  for (const { offsetBytes, after } of draft.patches) {
    const end = offsetBytes + after.length;
    if (offsetBytes < MXCSR_END_BYTES && end > MXCSR_OFFSET_BYTES) touched.add(BIT.SSE);
    for (const { bit } of before.layout.components) {
      if (ownRanges(before, bit).some((range) => offsetBytes < range.end && end > range.start)) touched.add(bit);
    }
  }
  return [...touched].sort((a, b) => a - b);
};

/** How many bytes differ; what one has beyond the other's end counts. */
export const differingBytes = (a: Uint8Array, b: Uint8Array): number => {
  let count = Math.abs(a.length - b.length);
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) if (a[index] !== b[index]) count += 1;
  return count;
};

const touchesTiles = (touched: readonly number[]): boolean =>
  touched.includes(BIT.XTILECFG) || touched.includes(BIT.XTILEDATA);

/** A configuration that LDTILECFG would refuse is never staged; while rows and colsb are typed one by one it may be. */
const tileConfigRefusal = (image: Image): string | null => {
  const view = viewComponent(image, BIT.XTILECFG);
  return view.state === 'inUse' ? (brokenTileRules(view.bytes)[0]?.sentence ?? null) : null;
};

/** Edits on their way into a write: the image so far, and what goes beside it. xcr0 null: it is not edited. */
export interface StagedParts {
  readonly draft: Draft;
  readonly xcr0: bigint | null;
  readonly msrs: readonly MsrWrite[];
  readonly general: GeneralValues;
}

/** Puts the parts of a staged write together; `changes` come from the capture before and after. */
export const stagedWrite = (
  before: Capture,
  { draft, xcr0, msrs, general: values }: StagedParts,
  title: string,
  changes: readonly PathChange[],
  memory: readonly MemoryEdit[] = [],
): StagedWrite => {
  const present = before.facts.general;
  const general = generalSet(present, values);
  const imageBytes = differingBytes(before.image.bytes, draft.image.bytes);
  return {
    edit: { title, patches: draft.patches },
    image: draft.image,
    xcr0: xcr0 === before.facts.xcr0 ? null : xcr0,
    msrs: msrs.filter(({ index, value }) => value !== msrValue(before.facts, index)),
    general,
    generalNames: namesOf(values),
    memory,
    changes,
    touchedBits: touchedBitsOf(before.image, draft),
    imageBytes,
    writtenBytes: imageBytes + (present === null || general === null ? 0 : generalBytes(present, general)),
  };
};

/** The capture as it is after the write: what should be read back. */
export const captureAfter = (before: Capture, write: StagedWrite): Capture => {
  const { facts } = before;
  const written = new Map(write.msrs.map((msr) => [msr.index, msr.value]));
  const msrs = facts.msrs.map((msr) => ({ ...msr, value: written.get(msr.index) ?? msr.value }));
  const [xcr0, general] = [write.xcr0 ?? facts.xcr0, write.general ?? facts.general];
  return { image: write.image, facts: { ...facts, xcr0, msrs, general } };
};

/**
 * Several assignments in order over one capture, as one edit: each sees what the ones before it have staged. A problem
 * names the assignment; then nothing is staged at all.
 */
export const stageAssignments = (capture: Capture, assignments: readonly Assignment[]): Decoded<StagedWrite> => {
  let staging: Staging = { draft: draftOf(capture.image), capture, xcr0: null, msrs: [], general: {} };
  const named: (RegisterPath | MemoryEdit)[] = [];
  for (const { path: pathText, value } of assignments) {
    if (isMemoryPath(pathText)) {
      const edit = memoryEdit(pathText, value);
      if (!edit.ok) return inAssignment(`${pathText}=${value}`, edit.problem);
      named.push(edit.value);
      continue;
    }
    const path = parsePath(pathText.trim());
    const staged = path.ok ? stageOne(staging, path.value, value) : path;
    if (!path.ok || !staged.ok) {
      const problem = path.ok && !staged.ok ? staged.problem : path.ok ? null : path.problem;
      assert(problem !== null, 'a refused assignment has a problem');
      return inAssignment(`${pathText}=${value}`, problem);
    }
    staging = staged.value;
    named.push(path.value);
  }
  const title = assignments.map(({ path, value }) => `${path}=${value}`).join(' ');
  const changes = named.map((path) =>
    'address' in path
      ? { path: printMemoryPath(path), before: '', after: printElement(path.type, path.bytes, 0) }
      : { path: printPath(path), before: showText(capture, path), after: showText(staging.capture, path) },
  );
  const memory = named.filter((path) => 'address' in path);
  const write = stagedWrite(capture, staging, title, changes, memory);
  const why = touchesTiles(write.touchedBits) ? tileConfigRefusal(write.image) : null;
  return why === null ? decoded(write) : refuse('tilecfg as staged', why);
};

// Syntax problems already name their path; the others get the assignment in front.
const inAssignment = (text: string, problem: Parameters<typeof describeProblem>[0]): Decoded<never> =>
  problem.kind === 'syntax'
    ? undecodable({ ...problem, what: `${text.slice(0, 80)}: ${problem.what}` })
    : refuse(text.slice(0, 80), describeProblem(problem));
