import { expect, test } from 'vitest';
import { isStopped } from '../../app/debug/run-state.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';
import { type Frame, STATUS } from '../../app/wire/frames.ts';
import { EVENTS } from '../../app/wire/messages.ts';
import { writeStruct } from '../../app/wire/struct.ts';
import { VCPU_REF } from '../../app/wire/structs.ts';
import type { Helper } from '../helper/helper.ts';
import { openLive } from './live.ts';

const REPLIES: Readonly<Record<string, unknown>> = {
  listTargets: { targets: [], skippedCount: 0, moreAfterPid: 0 },
  attach: { tid: 4243, startTimeTicks: 918_273n },
  freeze: { pauseNs: 0n, inKvmRun: true, frozen: true },
};

/** A helper in this process: what it answers is written down above, and what it tells a test tells. */
const toldHelper = () => {
  const listeners = new Set<(frame: Frame) => void>();
  const helper: Helper = {
    ask: async (name) => (name in REPLIES ? answer(REPLIES[name]) : refuse('fault', 'not in this test')) as never,
    run: async () => refuse('fault', 'not in this test'),
    hello: async () => answer({ version: 9 } as never),
    life: 1,
    running: true,
    onDeath: () => () => undefined,
    onEvent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: async () => undefined,
  };
  const gone = (pid: number, vcpuIndex: number): void => {
    const payload = writeStruct(VCPU_REF, { pid, vcpuIndex });
    for (const listener of listeners)
      listener({ requestId: 0, code: EVENTS.targetGone.code, status: STATUS.EVENT, payload });
  };
  return { helper, gone };
};

test('[C92] an event is of the vCPU that it names, and of no other', async () => {
  const { helper, gone } = toldHelper();
  const opened = await openLive({ helper, pid: 4242, startTimeTicks: 0n, vcpu: 3, suspendSeccomp: false });
  if (!opened.ok) throw new Error(opened.refusal.what);
  const target = opened.value;
  const told: string[] = [];
  target.onGone(({ code }) => told.push(code));
  expect(await target.freeze()).toEqual(answer({ inKvmRun: true }));
  gone(4242, 2);
  gone(4241, 3);
  expect([told, isStopped(target)]).toEqual([[], true]);
  gone(4242, 3);
  gone(4242, 3);
  expect(told).toEqual(['target-gone']);
  expect(target.run.state).toBe('ended');
});
