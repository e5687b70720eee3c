import { hexShort } from '../bits/mask.ts';
import type { Capture, Facts } from '../capture/capture.ts';
import { MSR_INDEX, msrName } from '../cpu/msrs.ts';
import { compareWritten } from '../diff/compare.ts';
import type { StagedWrite } from '../edit/assign.ts';
import { firstDifference } from '../edit/general.ts';
import { stageRestore } from '../edit/restore.ts';
import type { Answer, Refusal } from '../refusals/answer.ts';
import { refusedBeforehand } from '../refusals/helper-refusal.ts';
import { answer, refusal, refuse } from '../refusals/refusal.ts';
import type { CallVerdict } from '../wire/call-verdict.ts';
import { componentLabel } from '../xsave/components.ts';
import { firstRefusal, preflight } from '../xsave/preflight.ts';
import type { Clock } from './clock.ts';
import { isStopped } from './run-state.ts';
import type { Target } from './target.ts';
import { isEmpty, msrValue, oppositeOf, type WriteSet, writeInOrder, writeSetOf } from './write.ts';

export interface WriteOutcome {
  /** The state that the write was drawn up from, read at the start of the same stop. */
  readonly over: Capture;
  /** Read back after the write, in the same stop. */
  readonly capture: Capture;
  readonly changes: StagedWrite['changes'];
  readonly writtenBytes: number;
  /** How long the vCPU stood still for it; null where it was frozen before and still is. */
  readonly pauseNs: bigint | null;
  /** Guest memory that others have written over since, and was left to them; not there: nothing was. */
  readonly leftAlone?: string;
}

/** What a write needs of its surroundings. */
export interface WriteRequest {
  /** Draws up the write from the state found; a refusal here writes nothing. */
  readonly stage: (now: Capture) => Answer<StagedWrite>;
  /** Called once before the first byte is written; a refusal of it stops the write. */
  readonly beforeWrite: (staged: StagedWrite) => Promise<Answer<null>>;
  /** Told when the vCPU holds what was written, or may: also where it could not be rolled back. */
  readonly stands?: (staged: StagedWrite) => void;
}

/** A vCPU that exits often is outside KVM_RUN part of the time: how many times it is stopped again to catch it inside. */
const HOLD_ATTEMPTS = 40;
const HOLD_PAUSE_MS = 2;

/** Why a vCPU stays outside KVM_RUN cannot be seen from here, so each cause is named with what to do about it. */
const howToContinue = (vmm: string): string =>
  vmm === 'QEMU'
    ? 'Where QEMU’s monitor or libvirt has paused the guest: cont in its monitor, or virsh resume. Where a gdb at QEMU’s -gdb has stopped it: continue there. Where it has halted under kernel-irqchip=off: once an interrupt wakes it'
    : 'Where the VMM has paused the guest, let it continue; where the guest has halted, once an interrupt wakes it';

/** Stops the vCPU inside KVM_RUN and reads it. Outside, the VMM holds the state and would overwrite what is written. */
export const holdAndRead = async (target: Target, clock: Clock): Promise<Answer<Capture>> => {
  const wasFrozen = isStopped(target);
  for (let attempt = 1; ; attempt += 1) {
    if (!wasFrozen) {
      const frozen = await target.freeze();
      if (!frozen.ok) return frozen;
    }
    const now = await target.capture();
    if (!now.ok || target.inMemory === true || now.value.facts.inKvmRun !== false) return now;
    if (wasFrozen || attempt === HOLD_ATTEMPTS) {
      const { vcpu, vmm } = target.identity;
      const onward = howToContinue(vmm);
      const refused = refusedBeforehand('OUTSIDE_KVM_RUN', {}, `vCPU ${vcpu}`);
      const remedy = wasFrozen ? `Resume it and freeze it again. ${onward}` : onward;
      return { ok: false, refusal: { ...refused, remedy } };
    }
    const resumed = await target.resume();
    if (!resumed.ok) return resumed;
    await clock.sleep(HOLD_PAUSE_MS);
  }
};

/** The facts that hold when the image reaches the kernel: IA32_XFD disarmed where it will be, XCR0 as it will be. */
const factsAtWrite = (facts: Facts, set: WriteSet): Facts => {
  const xfd = set.msrs.find((msr) => msr.index === MSR_INDEX.IA32_XFD);
  return {
    ...facts,
    xcr0: set.xcr0 ?? facts.xcr0,
    msrs: facts.msrs.map((msr) =>
      msr.index === MSR_INDEX.IA32_XFD && xfd !== undefined && msr.value !== null
        ? { ...msr, value: msr.value & xfd.value }
        : msr,
    ),
  };
};

/** The calls that a write is made with. */
const callsOf = ({ image, xcr0, msrs, general }: WriteSet): string[] => [
  ...(image === null ? [] : ['KVM_SET_XSAVE']),
  ...(xcr0 === null ? [] : ['KVM_SET_XCRS']),
  ...(msrs.length === 0 ? [] : ['KVM_SET_MSRS']),
  ...(general === null ? [] : ['KVM_SET_REGS']),
];

/** The first call of the write that the VMM's filter is known to forbid. */
const forbiddenCall = ({ verdicts, filterSuspended }: Target, set: WriteSet): CallVerdict | undefined =>
  filterSuspended === true
    ? undefined
    : verdicts.find(
        ({ call, verdict }) => (verdict === 'refused' || verdict === 'kills') && callsOf(set).includes(call),
      );

const checkBeforehand = (target: Target, now: Capture, staged: StagedWrite, set: WriteSet): Answer<null> => {
  const forbidden = forbiddenCall(target, set);
  if (forbidden !== undefined) {
    const { call, action: seccompAction } = forbidden;
    return {
      ok: false,
      refusal: refusedBeforehand('SECCOMP', { call, seccompAction }, `vCPU ${target.identity.vcpu}`),
    };
  }
  if (set.image === null || target.inMemory === true) return answer(null);
  const failed = firstRefusal(preflight(staged.image, factsAtWrite(now.facts, set)));
  if (failed === null) return answer(null);
  const reason = refusal('pre-flight', failed.sentence, {
    where: failed.label,
    remedy: 'Change the edit; nothing was written',
    call: 'KVM_SET_XSAVE',
  });
  return { ok: false, refusal: { ...reason, errno: failed.errno ?? null } };
};

/** A place where the vCPU does not hold what was written. */
interface Difference {
  readonly part: string;
  readonly sentence: string;
}

const differencesAfter = (set: WriteSet, after: Capture): readonly Difference[] => {
  const image = set.image === null ? null : { bytes: set.image, layout: after.image.layout };
  const found: Difference[] = (image === null ? [] : compareWritten(image, after.image.bytes)).map(
    ({ bit, kind, sentence }) => ({
      part: bit === null ? (kind === 'size' ? 'image' : 'MXCSR') : componentLabel(bit),
      sentence,
    }),
  );
  const add = (part: string): void => {
    found.push({ part, sentence: `${part} did not take the value written` });
  };
  if (set.xcr0 !== null && after.facts.xcr0 !== set.xcr0) add('XCR0');
  for (const { index, value } of set.msrs) if (msrValue(after, index) !== value) add(msrName(index));
  const { general } = after.facts;
  if (set.general === null) return found;
  const name = general === null ? null : firstDifference(set.general, general);
  if (general === null)
    found.push({ part: 'general registers', sentence: 'the general registers cannot be read back' });
  else if (name !== null) {
    const [written, read] = [hexShort(set.general[name]), hexShort(general[name])];
    found.push({ part: name, sentence: `${name} differs: written ${written}, read back ${read}` });
  }
  return found;
};

/** The first difference as a sentence, and by name what else there is; null: everything arrived. */
const readBackRefusal = (differences: readonly Difference[]): Refusal | null => {
  const [first, ...more] = differences;
  if (first === undefined) return null;
  const parts = [...new Set(differences.map(({ part }) => part))].join(', ');
  const others = more.length === 0 ? '' : `; ${more.length} more`;
  return refusal('read-back', `${first.sentence}${others}`, { where: `read back after the write: ${parts}` });
};

/** How many times the roll back is tried where the helper dies during it, too. */
const ROLL_BACK_ATTEMPTS = 3;
const HELPER_ENDED: readonly string[] = ['helper-gone', 'helper-timeout', 'helper-protocol', 'let-go'];

/** What a write was to be, and the state that it was drawn up from. */
interface Attempted {
  readonly staged: StagedWrite;
  readonly set: WriteSet;
  readonly before: Capture;
}

/** Of a vCPU that has run on since, of the image only the components that were written go back: the rest is the guest’s own progress. */
const wayBack = ({ staged, set, before }: Attempted, now: Capture, wasLetGo: boolean): WriteSet => {
  const back = oppositeOf(set, before, now);
  if (!wasLetGo || back.image === null) return back;
  const touched = stageRestore(now, before, { kind: 'components', bits: staged.touchedBits });
  return touched.ok ? { ...back, image: touched.value.image.bytes } : back;
};

/** The part of a write that the vCPU does not already hold: what the kernel has refused it never took, and would refuse again. */
const differing = (set: WriteSet, now: Capture): WriteSet => ({
  ...set,
  image:
    set.image === null || compareWritten({ bytes: set.image, layout: now.image.layout }, now.image.bytes).length === 0
      ? null
      : set.image,
  xcr0: set.xcr0 === now.facts.xcr0 ? null : set.xcr0,
  msrs: set.msrs.filter(({ index, value }) => msrValue(now, index) !== value),
  general:
    set.general === null || (now.facts.general !== null && firstDifference(set.general, now.facts.general) === null)
      ? null
      : set.general,
});

/** Whether anything had to go back. What did is read back too, before the vCPU may run on over it. */
const writeAndRead = async (target: Target, whole: WriteSet, now: Capture): Promise<Answer<boolean>> => {
  const set = differing(whole, now);
  if (isEmpty(set)) return answer(false);
  const written = await writeInOrder(target, set, now);
  if (!written.ok) return written;
  const after = await target.capture();
  if (!after.ok) return after;
  const differs = readBackRefusal(differencesAfter(set, after.value));
  return differs === null ? answer(true) : { ok: false, refusal: differs };
};

/** Where the helper died over the write the vCPU runs on since: it is caught again for this, and let go. */
const writeBack = async (target: Target, clock: Clock, attempted: Attempted): Promise<Answer<boolean>> => {
  for (let attempt = 1; ; attempt += 1) {
    const wasLetGo = !isStopped(target);
    const now = wasLetGo ? await holdAndRead(target, clock) : await target.capture();
    const back = now.ok ? await writeAndRead(target, wayBack(attempted, now.value, wasLetGo), now.value) : now;
    if (wasLetGo && isStopped(target)) await target.resume();
    if (back.ok || attempt === ROLL_BACK_ATTEMPTS || !HELPER_ENDED.includes(back.refusal.code)) return back;
  }
};

/** Restores the state from before the write, and says so in the refusal that is passed on; a failure of that is a refusal of its own. */
const rollBack = async (target: Target, clock: Clock, attempted: Attempted, cause: Refusal): Promise<Answer<never>> => {
  const back = await writeBack(target, clock, attempted);
  if (back.ok) {
    const done = back.value ? 'The state before the write was restored' : 'Nothing was changed';
    return { ok: false, refusal: { ...cause, remedy: cause.remedy === null ? done : `${done}. ${cause.remedy}` } };
  }
  // Nothing is left of what was half written, nor anything that it could be restored to.
  if (back.refusal.code === 'target-gone') return back;
  return refuse(ROLL_BACK, `${cause.what}; and the state before could not be restored: ${back.refusal.what}`, {
    where: cause.where,
    remedy: 'Restore the state found at attach, which is kept, before the guest relies on this vCPU',
    call: back.refusal.call,
  });
};

/** The code of a refusal after which the vCPU may hold neither the old state nor the new one. */
export const ROLL_BACK = 'roll-back';

interface Plan {
  readonly staged: StagedWrite;
  readonly set: WriteSet;
}

/** The write drawn up from a state and checked against it; null where nothing would change. */
const plan = (target: Target, request: WriteRequest, now: Capture): Answer<Plan | null> => {
  const staged = request.stage(now);
  if (!staged.ok) return staged;
  const set = writeSetOf(staged.value);
  if (isEmpty(set)) return answer(null);
  const allowed = checkBeforehand(target, now, staged.value, set);
  return allowed.ok ? answer({ staged: staged.value, set }) : allowed;
};

const nothingToWrite = (request: WriteRequest, now: Capture): Answer<WriteOutcome> => {
  const staged = request.stage(now);
  if (!staged.ok) return staged;
  return answer({ over: now, capture: now, changes: staged.value.changes, writtenBytes: 0, pauseNs: null });
};

const writeAndCompare = async (
  target: Target,
  clock: Clock,
  request: WriteRequest,
  now: Capture,
): Promise<Answer<WriteOutcome>> => {
  const planned = plan(target, request, now);
  if (!planned.ok) return planned;
  if (planned.value === null) return nothingToWrite(request, now);
  const { staged, set } = planned.value;
  const undone = async (cause: Refusal): Promise<Answer<never>> => {
    const refused = await rollBack(target, clock, { staged, set, before: now }, cause);
    if (!refused.ok && refused.refusal.code === ROLL_BACK) request.stands?.(staged);
    return refused;
  };
  const written = await writeInOrder(target, set, now);
  if (!written.ok) return undone(written.refusal);
  const after = await target.capture();
  if (!after.ok) return undone(after.refusal);
  const differs = readBackRefusal(differencesAfter(set, after.value));
  if (differs !== null) return undone(differs);
  request.stands?.(staged);
  const { changes, writtenBytes } = staged;
  return answer({ over: now, capture: after.value, changes, writtenBytes, pauseNs: null });
};

/**
 * One write. First on paper, from a state read in passing: a write that is refused, or changes nothing, does not stop the
 * vCPU, and the journal's way to the disk does not prolong the stop. Then in one stop: read, stage, pre-flight, write, read
 * back, compare; so that what is compared is what was written, and the guest runs on either the old or the new state.
 */
export const applyWrite = async (
  target: Target,
  clock: Clock,
  request: WriteRequest,
): Promise<Answer<WriteOutcome>> => {
  const wasFrozen = isStopped(target);
  const preview = await target.capture();
  if (!preview.ok) return preview;
  const planned = plan(target, request, preview.value);
  if (!planned.ok) return planned;
  if (planned.value === null) return nothingToWrite(request, preview.value);
  const ready = await request.beforeWrite(planned.value.staged);
  if (!ready.ok) return ready;
  const now = await holdAndRead(target, clock);
  const outcome = now.ok ? await writeAndCompare(target, clock, request, now.value) : now;
  if (wasFrozen || !isStopped(target)) return outcome;
  const resumed = await target.resume();
  if (!outcome.ok) return outcome;
  if (resumed.ok) return answer({ ...outcome.value, pauseNs: resumed.value });
  // Where the helper died over it, the kernel has let the vCPU go: what was written and read back stands, and is no failure.
  return isStopped(target) || resumed.refusal.code === 'target-gone' ? resumed : outcome;
};
