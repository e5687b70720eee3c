import type { Decoded } from '../bits/decoded.ts';
import { errnoName } from '../wire/errno.ts';
import { atEnd, readStruct } from '../wire/struct.ts';
import { REFUSAL } from '../wire/structs.ts';
import type { Refusal } from './answer.ts';
import { codeOfReason } from './codes.ts';
import { HELPER_REASONS, type HelperFacts, type Reason, type RefusalContext, reasonOf } from './helper-reasons.ts';

/** A refusal of the helper. */
export interface HelperRefusal extends HelperFacts {
  /** Null: a number that is not in the catalogue. */
  readonly reason: Reason | null;
  readonly reasonCode: number;
}

/** struct refusal of the wire. A problem where it is cut short or too long. */
export const decodeRefusal = (bytes: Uint8Array): Decoded<HelperRefusal> => {
  const read = readStruct(REFUSAL, bytes, 0, 'refusal');
  if (!read.ok) return read;
  const { reason, errnoValue, ...rest } = read.value;
  const refusal = { ...rest, reason: reasonOf(reason), reasonCode: reason, errno: errnoValue };
  return atEnd(refusal, REFUSAL.bytes, bytes, 'refusal');
};

/** Where the errno field holds an errno and not something else. */
const hasErrno = ({ reason, errno }: HelperRefusal): boolean => errno > 0 && reason !== 'YAMA';

const NO_FACTS: HelperFacts = { errno: 0, otherPid: 0, seccompAction: 0, mask: 0n, call: '', detail: '' };

const DEFAULT_CONTEXT: RefusalContext = { helperPath: 'PATH/tilescope-helper' };

/** The helper's refusal as the bridge carries it. where: the target, or null. */
export const refusalToBridge = (
  refusal: HelperRefusal,
  where: string | null = null,
  context: RefusalContext = DEFAULT_CONTEXT,
): Refusal => {
  const { reason, reasonCode, detail } = refusal;
  const { what, remedy } =
    reason === null
      ? {
          what: `the helper refused with reason ${reasonCode}${detail && `: ${detail}`}`,
          remedy: 'build helper and program from the same source',
        }
      : HELPER_REASONS[reason].words(refusal, context);
  return {
    code: codeOfReason(reason),
    what,
    where,
    remedy,
    call: refusal.call === '' ? null : refusal.call,
    errno: hasErrno(refusal) ? errnoName(refusal.errno) : null,
  };
};

/** What the helper would refuse, in its words, where that is known without asking it. */
export const refusedBeforehand = (reason: Reason, facts: Partial<HelperFacts>, where: string): Refusal =>
  refusalToBridge({ ...NO_FACTS, ...facts, reason, reasonCode: HELPER_REASONS[reason].number }, where);

/** Why a listed target cannot be attached, in the words of a refusal; null where nothing stands in the way. */
export const targetObstacle = (
  target: {
    readonly reasonCode: number;
    readonly errnoOrScope: number;
    readonly tracerPid: number;
    readonly call?: string;
    readonly seccompAction?: number;
  },
  context: RefusalContext = DEFAULT_CONTEXT,
): Refusal | null => {
  const reason = reasonOf(target.reasonCode);
  if (reason === 'NONE') return null;
  const { reasonCode, errnoOrScope: errno, tracerPid: otherPid, call = '', seccompAction = 0 } = target;
  return refusalToBridge({ ...NO_FACTS, reason, reasonCode, errno, otherPid, seccompAction, call }, null, context);
};
