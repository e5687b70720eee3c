import { describeProblem } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import { INSTRUCTION_CLASSES, type InstructionClass } from '../disas/instruction-class.ts';
import { parseScope } from '../edit/scope.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { parsePath, printPath, type RegisterPath } from '../register/path.ts';
import { readRegister } from '../register/read.ts';
import { jsonTyped, parseTyped, type RegisterType, typeBytes } from '../register/register-type.ts';
import { pathReader } from '../session/last-change.ts';
import { conditionHolds } from '../session/run-until.ts';
import { parseNumber } from '../value/number.ts';
import type { Lookup } from '../wire/run.ts';
import { componentLabel } from '../xsave/components.ts';
import { viewComponent } from '../xsave/view.ts';
import { type Comparison, changeLookups, comparisonLookups, xstateBvLookups } from './lookups.ts';
import { byteOfRecord, recordOffsets } from './record.ts';
import { vectorNamed } from './vectors.ts';

/** What a run is to stop at, as typed. */
export interface Until {
  /** "rax == 0x5", "TILEDATA in use". */
  readonly words: string;
  /**
   * Ends the steps where the condition may hold, and nowhere before; null: the chain cannot look it up, and each step is looked
   * at from outside.
   */
  lookups(now: Capture): readonly Lookup[] | null;
  /** It holds before the next instruction of this class: the code says it, and not the state. */
  readonly before?: InstructionClass;
  /** One state says whether it holds, without the one before. */
  readonly ofOneState?: true;
  /** Whether it does, after a step. */
  holds(before: Capture, now: Capture): boolean;
}

const wrong = (text: string, why: string): Answer<never> =>
  refuse('usage', `"${text}" is no condition: ${why}`, {
    remedy:
      'Such as "rax == 5", "xfd & 0x40000", "tmm0:i32[0][0] != 0", "zmm3 changes", "TILEDATA in use", "AVX in init", "next is tile"',
  });

const componentUntil = (text: string, name: string, inUse: boolean, now: Capture): Answer<Until> => {
  const scope = parseScope(name);
  const bit = scope.ok && scope.value.kind === 'components' ? scope.value.bits[0] : undefined;
  if (bit === undefined) return wrong(text, `there is no component ${name}`);
  if (viewComponent(now.image, bit).state === 'absent') return wrong(text, `this vCPU has no ${componentLabel(bit)}`);
  const isInUse = (capture: Capture): boolean => viewComponent(capture.image, bit).state === 'inUse';
  return answer({
    words: `${componentLabel(bit)} ${inUse ? 'in use' : 'in init'}`,
    // One that is there already has to leave first: whichever it is now, the other is waited for.
    lookups: (capture) => xstateBvLookups(bit, !isInUse(capture)),
    holds: (before, capture) =>
      inUse
        ? conditionHolds({ kind: 'in-use', bit }, before, { capture, event: null })
        : conditionHolds({ kind: 'in-use', bit }, capture, { capture: before, event: null }),
  });
};

const pathOf = (text: string, path: string, now: Capture): Answer<RegisterPath> => {
  const parsed = parsePath(path);
  if (!parsed.ok) return wrong(text, describeProblem(parsed.problem));
  const value = readRegister(now, parsed.value);
  if (value.ok && value.value.state === 'absent') return wrong(text, `this vCPU has no ${parsed.value.register}`);
  if (value.ok && value.value.state === 'not-known') return wrong(text, `${path} is not read: ${value.value.why}`);
  return answer(parsed.value);
};

const changes = (now: Capture, path: RegisterPath): readonly Lookup[] | null => {
  const offsets = recordOffsets(now, path);
  return offsets === null ? null : changeLookups(offsets, (offset) => byteOfRecord(now, offset));
};

const changeUntil = (path: RegisterPath): Until => {
  const reader = pathReader(path);
  return {
    words: `${printPath(path)} changes`,
    lookups: (now) => changes(now, path),
    holds: (before, now) => reader.differs(before, now),
  };
};

const isInteger = (type: RegisterType): boolean => /^[iu]\d+$/.test(type);

const unsigned = (bytes: Uint8Array): bigint => bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);

/** One number: its bits as they are stored, and what it counts as. */
interface Single {
  readonly bits: bigint;
  readonly number: bigint | number;
}

const singleOf = (capture: Capture, path: RegisterPath): Single | null => {
  const read = readRegister(capture, path);
  if (!read.ok || !('bytes' in read.value)) return null;
  const { bytes, selection } = read.value;
  if (selection.kind === 'field') return { bits: BigInt(selection.value), number: BigInt(selection.value) };
  if (selection.kind === 'whole' && bytes.length <= 8) return { bits: unsigned(bytes), number: unsigned(bytes) };
  if (selection.kind !== 'element') return null;
  const { type, offsetBytes } = selection;
  const bits = unsigned(bytes.subarray(offsetBytes, offsetBytes + typeBytes(type)));
  const value = jsonTyped(type, bytes, offsetBytes);
  return { bits, number: isInteger(type) ? BigInt(value) : Number(value) };
};

const compare = (op: Comparison, is: Single, to: Single): boolean => {
  switch (op) {
    case '==':
      return is.bits === to.bits;
    case '!=':
      return is.bits !== to.bits;
    case '<':
      return is.number < to.number;
    case '<=':
      return is.number <= to.number;
    case '>':
      return is.number > to.number;
    case '>=':
      return is.number >= to.number;
    case '&':
      return (is.bits & to.bits) !== 0n;
  }
};

/** The number that a path is compared with, in the path's own type. */
const constantOf = (path: RegisterPath, text: string): Single | null => {
  if (path.type === null || path.field !== null) {
    const number = parseNumber(text);
    if (number === null || number.value >= 1n << 64n || number.value < -(1n << 63n)) return null;
    return { bits: BigInt.asUintN(64, number.value), number: BigInt.asUintN(64, number.value) };
  }
  const parsed = parseTyped(path.type, text);
  if (!parsed.ok || parsed.value.length > 8) return null;
  const value = jsonTyped(path.type, parsed.value, 0);
  return { bits: unsigned(parsed.value), number: isInteger(path.type) ? BigInt(value) : Number(value) };
};

const comparisonUntil = (
  text: string,
  path: RegisterPath,
  op: Comparison,
  value: string,
  now: Capture,
): Answer<Until> => {
  const constant = constantOf(path, value);
  if (constant === null) return wrong(text, `${value} is no value of ${printPath(path)}`);
  const isElement = path.type !== null && path.indexes.length > 0;
  if (singleOf(now, path) === null && !isElement)
    return wrong(text, `${printPath(path)} is not one number: name an element`);
  const isExact = path.field === null && (path.type === null || isInteger(path.type));
  return answer({
    words: `${printPath(path)} ${op} ${value}`,
    ofOneState: true,
    lookups: (capture) => {
      const offsets = isExact ? recordOffsets(capture, path) : null;
      if (offsets === null || offsets.length > 8) return changes(capture, path);
      return comparisonLookups(offsets, op, constant.bits, path.type?.startsWith('i') === true);
    },
    holds: (_before, capture) => {
      const is = singleOf(capture, path);
      return is !== null && compare(op, is, constant);
    },
  });
};

const classUntil = (text: string, name: string): Answer<Until> => {
  const wanted = name.toLowerCase().replace('avx-512', 'avx512').replace(/\s+/g, ' ');
  const before = (Object.keys(INSTRUCTION_CLASSES) as InstructionClass[]).find((one) => one === wanted);
  if (before === undefined)
    return wrong(text, `instructions are waited for as ${Object.keys(INSTRUCTION_CLASSES).join(', ')}`);
  return answer({ words: `next is ${before}`, before, lookups: () => [], holds: () => false });
};

/** @param now what is read now: a register that is not there cannot be waited for */
export const parseUntil = (text: string, now: Capture): Answer<Until> => {
  if (vectorNamed(text.trim()) !== null)
    return wrong(text, 'no state of the vCPU says it; its handler is a breakpoint, as in: tilescope break --pid P #NM');
  const next = /^next\s+is\s+(.+)$/i.exec(text.trim());
  if (next !== null) return classUntil(text, next[1] ?? '');
  const component = /^(\S+)\s+in\s+(use|init)$/i.exec(text.trim());
  if (component !== null) return componentUntil(text, component[1] ?? '', component[2]?.toLowerCase() === 'use', now);
  const change = /^(\S+)\s+changes$/i.exec(text.trim());
  if (change !== null) {
    const path = pathOf(text, change[1] ?? '', now);
    return path.ok ? answer(changeUntil(path.value)) : path;
  }
  const comparison = /^([^\s=!<>&]+)\s*(==|!=|<=|>=|<|>|&|=)\s*(\S+)$/.exec(text.trim());
  if (comparison === null) return wrong(text, 'it compares nothing');
  const path = pathOf(text, comparison[1] ?? '', now);
  if (!path.ok) return path;
  const op = comparison[2] === '=' ? '==' : (comparison[2] as Comparison);
  return comparisonUntil(text, path.value, op, comparison[3] ?? '', now);
};

/** Of a breakpoint: what it was before is not known there, for the guest has run on since it was looked at. */
export const parseWhen = (text: string, now: Capture): Answer<Until> => {
  const parsed = parseUntil(text, now);
  if (!parsed.ok || parsed.value.ofOneState === true) return parsed;
  return wrong(text, 'at a breakpoint a register is compared with a number');
};
