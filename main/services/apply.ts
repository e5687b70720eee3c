import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Refusal } from '../../app/bridge.ts';
import { MSR_INDEX } from '../../app/cpu/msrs.ts';
import type { StagedWrite } from '../../app/edit/assign.ts';
import { compareWritten } from '../../app/edit/compare.ts';
import type { Capture, Facts } from '../../app/session/capture.ts';
import { firstRefusal, preflight } from '../../app/xsave/preflight.ts';
import type { Target } from '../targets/target.ts';
import { answer, refusal, refuse } from './refusals.ts';
import { msrValue, oppositeOf, type WriteSet, writeInOrder } from './write.ts';

export interface WriteOutcome {
  /** Read back after the write, in the same stop. */
  readonly capture: Capture;
  readonly changes: StagedWrite['changes'];
  readonly writtenBytes: number;
  /** How long the vCPU stood still for it; null where it was frozen before and still is. */
  readonly pauseNs: bigint | null;
}

/** What a write needs of its surroundings. */
export interface WriteRequest {
  /** Draws up the write from the state found; a refusal here writes nothing. */
  readonly stage: (now: Capture) => Answer<StagedWrite>;
  /** Called once before the first byte is written; a refusal of it stops the write. */
  readonly beforeWrite: () => Promise<Answer<null>>;
}

/** A vCPU that exits often is outside KVM_RUN for a part of the time: it is caught again, up to this often. */
const HOLD_ATTEMPTS = 40;
const HOLD_PAUSE_MS = 2;

/** Stops the vCPU inside KVM_RUN and reads it. Outside, the VMM holds the state and would overwrite what is written. */
const holdAndRead = async (target: Target): Promise<Answer<Capture>> => {
  const wasFrozen = target.frozen;
  for (let attempt = 1; ; attempt += 1) {
    if (!wasFrozen) {
      const frozen = await target.freeze();
      if (!frozen.ok) return frozen;
    }
    const now = await target.capture();
    if (!now.ok || now.value.facts.inKvmRun !== false) return now;
    if (wasFrozen || attempt === HOLD_ATTEMPTS) {
      return refuse('outside-kvm-run', 'the vCPU is outside KVM_RUN, where the VMM would overwrite what is written', {
        where: `vCPU ${target.identity.vcpu}`,
        mend: wasFrozen ? 'Resume it and freeze it again' : 'If the VMM has paused the guest, let it continue first',
      });
    }
    const resumed = await target.resume();
    if (!resumed.ok) return resumed;
    await sleep(HOLD_PAUSE_MS);
  }
};

const writeSetOf = (staged: StagedWrite): WriteSet => ({
  image: staged.writtenBytes === 0 ? null : staged.image.bytes,
  xcr0: staged.xcr0,
  msrs: staged.msrs,
});

const isEmpty = (set: WriteSet): boolean => set.image === null && set.xcr0 === null && set.msrs.length === 0;

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

const checkBeforehand = (now: Capture, staged: StagedWrite, set: WriteSet): Answer<null> => {
  if (set.image === null) return answer(null);
  const failed = firstRefusal(preflight(staged.image, factsAtWrite(now.facts, set)));
  if (failed === null) return answer(null);
  const reason = refusal('pre-flight', failed.sentence, {
    where: failed.label,
    mend: 'Change the edit; nothing was written',
    call: 'KVM_SET_XSAVE',
  });
  return { ok: false, refusal: { ...reason, errno: failed.errno ?? null } };
};

/** Whether the vCPU holds what was written; the first place where it does not, as a sentence. */
const differenceAfter = (staged: StagedWrite, set: WriteSet, after: Capture): string | null => {
  const [mismatch] = set.image === null ? [] : compareWritten(staged.image, after.image.bytes);
  if (mismatch !== undefined) return mismatch.sentence;
  if (set.xcr0 !== null && after.facts.xcr0 !== set.xcr0) return 'XCR0 did not take the value written';
  const msr = set.msrs.find(({ index, value }) => msrValue(after, index) !== value);
  return msr === undefined ? null : `MSR 0x${msr.index.toString(16)} did not take the value written`;
};

/** Puts back what stood there before; says so in the refusal that is handed on, and louder where it failed. */
const rollBack = async (target: Target, set: WriteSet, before: Capture, cause: Refusal): Promise<Answer<never>> => {
  const now = await target.capture();
  const back = now.ok ? await writeInOrder(target, oppositeOf(set, before), now.value) : now;
  if (back.ok) {
    const done = 'The state before the write was put back';
    return { ok: false, refusal: { ...cause, mend: cause.mend === null ? done : `${done}. ${cause.mend}` } };
  }
  return refuse('roll-back', `${cause.what}; and the state before could not be put back: ${back.refusal.what}`, {
    where: cause.where,
    mend: 'Restore the state found at attach, which is kept, before the guest relies on this vCPU',
    call: back.refusal.call,
  });
};

interface Plan {
  readonly staged: StagedWrite;
  readonly set: WriteSet;
}

/** The write drawn up from a state and checked against it; null where nothing would change. */
const plan = (request: WriteRequest, now: Capture): Answer<Plan | null> => {
  const staged = request.stage(now);
  if (!staged.ok) return staged;
  const set = writeSetOf(staged.value);
  if (isEmpty(set)) return answer(null);
  const allowed = checkBeforehand(now, staged.value, set);
  return allowed.ok ? answer({ staged: staged.value, set }) : allowed;
};

const nothingToWrite = (request: WriteRequest, now: Capture): Answer<WriteOutcome> => {
  const staged = request.stage(now);
  return staged.ok ? answer({ capture: now, changes: staged.value.changes, writtenBytes: 0, pauseNs: null }) : staged;
};

const writeAndCompare = async (target: Target, request: WriteRequest, now: Capture): Promise<Answer<WriteOutcome>> => {
  const planned = plan(request, now);
  if (!planned.ok) return planned;
  if (planned.value === null) return nothingToWrite(request, now);
  const { staged, set } = planned.value;
  const written = await writeInOrder(target, set, now);
  if (!written.ok) return rollBack(target, set, now, written.refusal);
  const after = await target.capture();
  if (!after.ok) return rollBack(target, set, now, after.refusal);
  const difference = differenceAfter(staged, set, after.value);
  if (difference !== null) {
    return rollBack(target, set, now, refusal('read-back', difference, { where: 'read back after the write' }));
  }
  return answer({ capture: after.value, changes: staged.changes, writtenBytes: staged.writtenBytes, pauseNs: null });
};

/**
 * One write. First on paper, from a state read in passing: a write that is refused, or changes nothing, does not stop the
 * vCPU, and the journal's way to the disk does not prolong the stop. Then in one stop: read, stage, pre-flight, write, read
 * back, compare; so that what is compared is what was written, and the guest runs on either the old or the new state.
 */
export const applyWrite = async (target: Target, request: WriteRequest): Promise<Answer<WriteOutcome>> => {
  const wasFrozen = target.frozen;
  const preview = await target.capture();
  if (!preview.ok) return preview;
  const planned = plan(request, preview.value);
  if (!planned.ok) return planned;
  if (planned.value === null) return nothingToWrite(request, preview.value);
  const ready = await request.beforeWrite();
  if (!ready.ok) return ready;
  const now = await holdAndRead(target);
  const outcome = now.ok ? await writeAndCompare(target, request, now.value) : now;
  if (wasFrozen || !target.frozen) return outcome;
  const resumed = await target.resume();
  if (!outcome.ok) return outcome;
  return resumed.ok ? answer({ ...outcome.value, pauseNs: resumed.value }) : resumed;
};
