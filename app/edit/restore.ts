import { bytesOfUint, equalBytes, readU32, readU64 } from '../bits/bytes.ts';
import { assert, type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { hasBit, maskOf } from '../bits/mask.ts';
import type { Capture } from '../capture/capture.ts';
import type { Image } from '../capture/image.ts';
import { MSRS, msrRow } from '../cpu/msrs.ts';
import { parsePath, type RegisterPath } from '../register/path.ts';
import { readSource, selectOf, showText } from '../register/read.ts';
import { GENERAL_NAMES, type GeneralName, registerRow } from '../register/registers.ts';
import { BIT, componentLabel, keepsWhenClear } from '../xsave/components.ts';
import { msrValue } from '../xsave/facts.ts';
import { XCOMP_BV_OFFSET_BYTES, XSTATE_BV_OFFSET_BYTES, xcompBv, xstateBv } from '../xsave/header.ts';
import { MXCSR_OFFSET_BYTES, mxcsr } from '../xsave/legacy.ts';
import { componentBytesOrInit, flippedBits, INIT_MXCSR, initBytes, roomFor, viewComponent } from '../xsave/view.ts';
import {
  CONTROL_IS_READ,
  type MsrWrite,
  type PathChange,
  type StagedWrite,
  stagedWrite,
  touchedBitsOf,
} from './assign.ts';
import type { RestoreScope } from './assignment.ts';
import { type GeneralValues, generalRefusal, namesOf } from './general.ts';
import { overlaySelection } from './overlay.ts';
import { broughtToUse, type Draft, draftOf, u32Bytes, withBytes, withComponentBytes, withXstateBit } from './patch.ts';
import { writeRegister } from './write-register.ts';

const refuse = (what: string, why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what, why });

/**
 * One component as the earlier image has it, its XSTATE_BV bit included. The layouts may differ, the sizes may not.
 *
 * @param supported the components that KVM takes; null: not known
 */
const restoreComponent = (draft: Draft, then: Image, bit: number, supported: bigint | null): Decoded<Draft> => {
  const previous = viewComponent(then, bit);
  const here = roomFor(draft.image, bit);
  if (here === undefined) {
    return previous.state === 'inUse'
      ? refuse(componentLabel(bit), 'the image now has no room for it')
      : decoded(draft);
  }
  if (previous.state === 'absent') return decoded(draft);
  const bytes = componentBytesOrInit(then, bit);
  if (bytes.length !== here.sizeBytes) {
    return refuse(componentLabel(bit), `it had ${bytes.length} bytes and has ${here.sizeBytes} now`);
  }
  const written = withComponentBytes(draft, bit, bytes);
  // Where a clear bit would keep what the vCPU holds, the initial values of then have to be written. A vCPU whose KVM does not
  // know the component holds none: its bit would be refused.
  const isKept = keepsWhenClear(bit) && (supported === null || hasBit(supported, bit));
  const inUse = previous.state === 'inUse' || isKept;
  return decoded(inUse === hasBit(xstateBv(written.image), bit) ? written : withXstateBit(written, bit, inUse));
};

// KVM keeps MXCSR only where SSE or AVX is in use.
const keepMxcsr = (draft: Draft): Draft => {
  const lost = readU32(draft.image.bytes, MXCSR_OFFSET_BYTES) !== INIT_MXCSR;
  const bv = xstateBv(draft.image);
  return lost && !hasBit(bv, BIT.SSE) && !hasBit(bv, BIT.AVX) ? broughtToUse(draft, BIT.SSE) : draft;
};

const restoreComponents = ({ image, facts }: Capture, then: Image, bits: readonly number[]): Decoded<Draft> => {
  let draft = draftOf(image);
  for (const bit of bits) {
    const restored = restoreComponent(draft, then, bit, facts.supportedXcr0);
    if (!restored.ok) return restored;
    draft = restored.value;
    if (bit === BIT.SSE) draft = withBytes(draft, MXCSR_OFFSET_BYTES, u32Bytes(mxcsr(then)));
  }
  return decoded(keepMxcsr(draft));
};

/** XSTATE_BV bits that no component of this layout owns, and XCOMP_BV where the format is the same. */
const restoreHeader = (draft: Draft, then: Image): Draft => {
  const owned = maskOf(draft.image.layout.components.map((place) => place.bit));
  const bv = (xstateBv(draft.image) & owned) | (xstateBv(then) & ~owned);
  const whole = withBytes(draft, XSTATE_BV_OFFSET_BYTES, bytesOfUint(bv, 8));
  if (then.layout.format !== draft.image.layout.format) return whole;
  return withBytes(whole, XCOMP_BV_OFFSET_BYTES, bytesOfUint(xcompBv(then), 8));
};

/** Components that hold their initial values again and were in init then go back to init. */
const backToInit = (draft: Draft, now: Image, then: Image): Draft => {
  let back = draft;
  for (const bit of touchedBitsOf(now, draft)) {
    const view = viewComponent(back.image, bit);
    if (keepsWhenClear(bit) || view.state !== 'inUse' || viewComponent(then, bit).state !== 'init') continue;
    const initial = withComponentBytes(draftOf(back.image), bit, initBytes(bit, view.bytes.length));
    if (equalBytes(initial.image.bytes, back.image.bytes)) back = withXstateBit(back, bit, false);
  }
  return keepMxcsr(back);
};

interface Outside {
  xcr0: bigint | null;
  readonly msrs: MsrWrite[];
  general: GeneralValues;
}

/** The capture with the general registers as they are staged so far: two paths may name fields of one register. */
const withGeneral = (now: Capture, image: Image, values: GeneralValues): Capture => {
  const { general } = now.facts;
  return { image, facts: { ...now.facts, general: general === null ? null : { ...general, ...values } } };
};

const wholeOf = (path: RegisterPath): RegisterPath => ({ ...path, field: null, type: null, indexes: [] });

const restorePath = (draft: Draft, outside: Outside, now: Capture, then: Capture, path: RegisterPath) => {
  const row = registerRow(path.register);
  assert(row !== undefined, `no register ${path.register}`);
  // A tile without an index is taken whole: what is configured now or was then does not limit it.
  const chosen = row.rowBytes !== null && path.indexes.length === 0 ? wholeOf(path) : path;
  const previous = readSource(then, row.source);
  const present = readSource(withGeneral(now, draft.image, outside.general), row.source);
  if (previous.state === 'not-known' || previous.state === 'absent') {
    return refuse(path.register, `the earlier capture does not have it (${previous.state})`);
  }
  if (present.state === 'not-known' || present.state === 'absent') {
    return refuse(path.register, `it is ${present.state} now`);
  }
  // An element of a tile that was not configured then lies where it lies now.
  const selected = selectOf(then.image, chosen, previous.bytes);
  const selection = selected.ok ? selected : selectOf(now.image, chosen, present.bytes);
  if (!selection.ok) return selection;
  const bytes = overlaySelection(chosen, present.bytes, previous.bytes, selection.value);
  if (row.source.kind === 'xcr0') outside.xcr0 = then.facts.xcr0;
  else if (row.source.kind === 'msr') {
    const value = msrValue(then.facts, row.source.index);
    const { index } = row.source;
    // Whole, whatever field the path names; two paths may name one register.
    if (value !== null && !outside.msrs.some((msr) => msr.index === index)) outside.msrs.push({ index, value });
  } else if (row.source.kind === 'general') {
    const value = readU64(bytes, 0);
    const why = generalRefusal(row.source.key, value, now.facts.control);
    if (why !== null) return refuse(path.register, why);
    outside.general = { ...outside.general, [row.source.key]: value };
  } else if (row.source.kind === 'control' || row.source.kind === 'segment') {
    return refuse(path.register, CONTROL_IS_READ);
  } else return writeRegister(draft, row, bytes);
  return decoded(draft);
};

const changedComponents = (now: Image, after: Image, bits: readonly number[]): PathChange[] =>
  bits.map((bit) => ({
    path: componentLabel(bit),
    before: viewComponent(now, bit).state === 'inUse' ? 'in use' : 'init',
    after: viewComponent(after, bit).state === 'inUse' ? 'in use' : 'init',
  }));

/** XCR0 and the MSRs that are known in both captures and differ; of the general registers those named. */
const outsideOf = (now: Capture, then: Capture, names: readonly GeneralName[]): Decoded<Outside> => {
  let general: GeneralValues = {};
  for (const name of names) {
    const value = then.facts.general?.[name];
    // A state that says nothing of general registers, as a raw image, has none to give back.
    if (value === undefined || now.facts.general === null) continue;
    const why = generalRefusal(name, value, now.facts.control);
    if (why !== null) return refuse(name, why);
    general = { ...general, [name]: value };
  }
  const msrs = MSRS.flatMap(({ index }) => {
    const value = msrValue(then.facts, index);
    const present = msrValue(now.facts, index);
    return value !== null && present !== null && value !== present ? [{ index, value }] : [];
  });
  const differs = now.facts.xcr0 !== null && now.facts.xcr0 !== then.facts.xcr0;
  return decoded({ xcr0: differs ? then.facts.xcr0 : null, msrs, general });
};

/** What lies outside the image and will be written, as it is and as it was then. */
const changesOutside = (now: Capture, then: Capture, outside: Outside): PathChange[] => {
  const names = [
    ...(outside.xcr0 === null ? [] : ['xcr0']),
    ...outside.msrs.flatMap(({ index }) => msrRow(index)?.path ?? []),
    ...namesOf(outside.general),
  ];
  return names.flatMap((name) => {
    const path = parsePath(name);
    if (!path.ok) return [];
    const [before, after] = [showText(now, path.value), showText(then, path.value)];
    return before === after ? [] : [{ path: name, before, after }];
  });
};

/** What decides which bytes the other names mean, or whether they count: FSW has TOP, XSTATE_BV what is in use. */
const DECIDING: readonly string[] = ['xstate_bv', 'fsw'];

/** The registers named as they were then, over a draft of `now`. */
export const stagePaths = (
  now: Capture,
  then: Capture,
  texts: readonly string[],
  start: Draft = draftOf(now.image),
): Decoded<StagedWrite> => {
  let draft = start;
  const outside: Outside = { xcr0: null, msrs: [], general: {} };
  const paths: RegisterPath[] = [];
  const changes: PathChange[] = [];
  for (const text of texts) {
    const path = parsePath(text);
    if (!path.ok) return path;
    paths.push(path.value);
    changes.push({ path: text, before: showText(now, path.value), after: showText(then, path.value) });
  }
  const decides = ({ register }: RegisterPath): boolean => DECIDING.includes(register);
  for (const path of [...paths.filter(decides), ...paths.filter((one) => !decides(one))]) {
    const restored = restorePath(draft, outside, now, then, path);
    if (!restored.ok) return restored;
    draft = restored.value;
  }
  const finished = backToInit(draft, now.image, then.image);
  return decoded(stagedWrite(now, { draft: finished, ...outside }, `restore ${texts.join(' ')}`, changes));
};

/**
 * The write that makes the chosen parts of `now` equal to an earlier capture: their bytes and their XSTATE_BV bits. `all`
 * takes every component, MXCSR, XCR0 and the MSRs; bytes that are no state (MXCSR_MASK, 416 to 511, holes) stay.
 *
 * @param general the general registers that `all` restores besides: those that were written. The others are the guest's
 *   own progress, which is never rolled back unasked.
 */
export const stageRestore = (
  now: Capture,
  then: Capture,
  scope: RestoreScope,
  general: readonly string[] = [],
): Decoded<StagedWrite> => {
  if (scope.kind === 'paths') return stagePaths(now, then, scope.paths);
  const both = new Set([...then.image.layout.components, ...now.image.layout.components].map((place) => place.bit));
  const bits = scope.kind === 'all' ? [...both].sort((a, b) => a - b) : scope.bits;
  const unknown = bits.find((bit) => !both.has(bit));
  if (unknown !== undefined) return refuse(componentLabel(unknown), 'neither capture has room for it');
  const components = restoreComponents(now, then.image, bits);
  if (!components.ok) return components;
  const draft = scope.kind === 'all' ? restoreHeader(components.value, then.image) : components.value;
  const names = GENERAL_NAMES.filter(
    (name) => general.includes(name) && !(scope.kind === 'all' && scope.general === false),
  );
  const beside: Decoded<Outside> =
    scope.kind === 'all' ? outsideOf(now, then, names) : decoded({ xcr0: null, msrs: [], general: {} });
  if (!beside.ok) return beside;
  const outside = beside.value;
  const changed = touchedBitsOf(now.image, draft).filter((bit) => changedIn(now.image, draft.image, bit));
  const title = scope.kind === 'all' ? 'restore everything' : `restore ${bits.map(componentLabel).join(', ')}`;
  const changes = [...changedComponents(now.image, draft.image, changed), ...changesOutside(now, then, outside)];
  return decoded(stagedWrite(now, { draft, ...outside }, title, changes));
};

const changedIn = (before: Image, after: Image, bit: number): boolean =>
  (viewComponent(before, bit).state !== viewComponent(after, bit).state && !hasBit(flippedBits(before, after), bit)) ||
  !equalBytes(componentBytesOrInit(before, bit), componentBytesOrInit(after, bit)) ||
  (bit === BIT.SSE && mxcsr(before) !== mxcsr(after));
