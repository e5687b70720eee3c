import { describeProblem } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import type { ComponentBit } from '../capture/image.ts';
import { parsePath, printPath, type RegisterPath } from '../register/path.ts';
import { readRegister } from '../register/read.ts';
import { BIT, componentLabel } from '../xsave/components.ts';
import { hasInitialValues, viewComponent } from '../xsave/view.ts';
import { pathReader } from './last-change.ts';
import type { ModelEvent } from './model-event.ts';

/** What a run is to stop at. */
export type Condition =
  /** From init, or not there, to in use: one that is in use already has to leave it first. */
  | { readonly kind: 'in-use'; readonly bit: ComponentBit }
  /** A register, an element or a field has another value than at the reading before. */
  | { readonly kind: 'changes'; readonly path: RegisterPath }
  /** Only the model tells of exceptions. */
  | { readonly kind: 'exception'; readonly which: 'nm' | 'any' };

/** One reading of a run, and the exception that was raised on the way to it. */
export interface Reading {
  readonly capture: Capture;
  readonly event: ModelEvent | null;
}

/** Only an instruction that uses tiles puts them into XSTATE_BV: there zeros are values. */
const TILES: readonly number[] = [BIT.XTILECFG, BIT.XTILEDATA];

/**
 * In XSTATE_BV, and with a value of its own: a component that holds its initial values is put in, or taken out, by the CPU
 * whenever the thread is switched. A model's is not.
 */
const isInUse = ({ image, facts }: Capture, bit: ComponentBit): boolean =>
  viewComponent(image, bit).state === 'inUse' &&
  (facts.target.kind === 'model' || TILES.includes(bit) || !hasInitialValues(image, bit));

/** Whether the condition holds between two readings in a row. What came and went between them is not seen. */
export const conditionHolds = (condition: Condition, previous: Capture, { capture, event }: Reading): boolean => {
  switch (condition.kind) {
    case 'in-use':
      return !isInUse(previous, condition.bit) && isInUse(capture, condition.bit);
    case 'changes':
      return pathReader(condition.path).differs(previous, capture);
    case 'exception':
      return event !== null && (condition.which === 'any' || event.kind === condition.which);
  }
};

/** As typed in a dialog. */
export interface ConditionChoice {
  readonly kind: Condition['kind'];
  readonly bit: ComponentBit;
  readonly path: string;
  readonly which: 'nm' | 'any';
}

/** A condition that can be waited for, or why it cannot. */
export type CheckedCondition =
  | { readonly ok: true; readonly condition: Condition }
  /** Why it cannot be waited for: one sentence without a full stop. */
  | { readonly ok: false; readonly why: string };

const no = (why: string): CheckedCondition => ({ ok: false, why });

const checkPath = (text: string, now: Capture): CheckedCondition => {
  if (text.trim() === '') return no('type a register, such as zmm3 or tmm2:bf16[3][7]');
  const path = parsePath(text.trim());
  if (!path.ok) return no(describeProblem(path.problem));
  const name = printPath(path.value);
  const value = readRegister(now, path.value);
  if (value.ok && value.value.state === 'absent') return no(`this vCPU has no ${path.value.register}`);
  if (value.ok && value.value.state === 'not-known') return no(`${name} is not read: ${value.value.why}`);
  // An element outside a tile's shape is refused to a reader, and may come to be inside it as the guest runs.
  return { ok: true, condition: { kind: 'changes', path: path.value } };
};

/** The condition that was chosen, checked against what is read now. */
export const checkCondition = (choice: ConditionChoice, now: Capture): CheckedCondition => {
  switch (choice.kind) {
    case 'in-use':
      return viewComponent(now.image, choice.bit).state === 'absent'
        ? no(`this vCPU has no ${componentLabel(choice.bit)}`)
        : { ok: true, condition: { kind: 'in-use', bit: choice.bit } };
    case 'changes':
      return checkPath(choice.path, now);
    case 'exception':
      return now.facts.target.kind === 'model'
        ? { ok: true, condition: { kind: 'exception', which: choice.which } }
        : no('only the model tells of exceptions');
  }
};

/** Who it is about: a component's label, a path, or an exception. */
export const conditionSubject = (condition: Condition): string => {
  switch (condition.kind) {
    case 'in-use':
      return componentLabel(condition.bit);
    case 'changes':
      return printPath(condition.path);
    case 'exception':
      return condition.which === 'nm' ? '#NM' : 'an exception';
  }
};

const VERBS = {
  'in-use': { now: 'comes into use', past: 'came into use' },
  changes: { now: 'changes', past: 'changed' },
  exception: { now: 'is raised', past: 'was raised' },
} as const satisfies Record<Condition['kind'], { now: string; past: string }>;

export const conditionVerb = ({ kind }: Condition, tense: 'now' | 'past'): string => VERBS[kind][tense];

/** "TILEDATA comes into use", "zmm3:f32[5] changes", "#NM is raised". */
export const conditionWords = (condition: Condition): string =>
  `${conditionSubject(condition)} ${conditionVerb(condition, 'now')}`;
