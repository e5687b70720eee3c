import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Capture } from '../../app/capture/capture.ts';
import { isStopped } from '../../app/debug/run-state.ts';
import { type FakeTarget, fakeTarget, withRegisters } from '../../app/debug/testing/fake-target.ts';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { refuse } from '../../app/refusals/refusal.ts';
import { encodeCapture } from '../../app/session/document.ts';
import { createKeptSession } from './kept-session.ts';

/** Every step of a transaction on a CPU with AMX: IA32_XFD disarmed, image, XCR0, another MSR, general registers, armed. */
const EDITS = [
  { path: 'zmm5:u32[0]', value: '7' },
  { path: 'k1', value: '0x9' },
  { path: 'xcr0', value: '0x7' },
  { path: 'xfd_err', value: '0x40000' },
  { path: 'xfd', value: '0x40000' },
  { path: 'rax', value: '5' },
];
const first = withRegisters(sampleCapture(), { xfd: 0n });
const CALLS = [
  'capture',
  'freeze',
  'resume',
  'writeImage',
  'writeXcr0',
  'writeMsr',
  'writeGeneral',
] as const satisfies readonly (keyof FakeTarget)[];

interface Death {
  /** The number of the call over which the helper dies, the first is 0. */
  readonly at: number;
  /** Whether the kernel had done what was asked. */
  readonly when: 'before' | 'after';
  /** How many helpers die in a row, each over its first call. */
  readonly deaths: number;
}

/** A vCPU whose helper dies over one call: the kernel lets the thread go, frozen or not, and the next call finds another. */
const mortal = (target: FakeTarget, { at, when, deaths }: Death): { calls: number } => {
  const seen = { calls: 0 };
  for (const name of CALLS) {
    const call = target[name].bind(target) as (...args: unknown[]) => Promise<unknown>;
    Object.assign(target, {
      [name]: async (...args: unknown[]) => {
        const now = seen.calls;
        seen.calls += 1;
        if (now < at || now >= at + deaths) return call(...args);
        if (when === 'after') await call(...args);
        if (isStopped(target)) await resumeOf.call(target);
        return refuse('helper-gone', 'the helper was ended by SIGKILL', { remedy: 'The VMM runs on' });
      },
    });
  }
  return seen;
};
let resumeOf: FakeTarget['resume'];

/** All that a transaction can change. */
const stateOf = ({ image, facts }: Capture): unknown => {
  const { image: document } = encodeCapture({ image, facts: { ...facts, frozen: false, inKvmRun: true } });
  return { document, xcr0: facts.xcr0, msrs: facts.msrs, general: facts.general };
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-faults-'));
});
const forgetAll = (): void => {
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
};
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = async (death: Death, freezes: boolean) => {
  const target = fakeTarget(first);
  const session = createKeptSession('ab'.repeat(16), target, first, folder);
  if (freezes) await session.freeze();
  resumeOf = target.resume;
  const seen = mortal(target, death);
  const outcome = await session.assign(EDITS);
  return { target, session, outcome, calls: seen.calls };
};

describe('[C6] the helper dies over a step of a transaction', () => {
  test('the steps are all there', async () => {
    const { target, outcome } = await run({ at: 99, when: 'before', deaths: 0 }, false);
    expect(outcome).toMatchObject({ ok: true });
    expect(target.log).toEqual([
      ...['capture', 'freeze', 'capture', 'image', 'xcr0=7', 'msr 1c5=40000', 'general', 'msr 1c4=40000'],
      ...['capture', 'resume'],
    ]);
  });

  describe.each([false, true])('frozen before: %s', (freezes) => {
    test.each(['before', 'after'] as const)(
      '%s it was done, at each of them: all of the old state, or all of the new',
      async (when) => {
        const undisturbed = await run({ at: 99, when, deaths: 0 }, freezes);
        const written = stateOf(undisturbed.target.state);
        await undisturbed.session.abandon();
        forgetAll();
        const seen = { restored: 0, whole: 0 };
        for (let at = 0; at < undisturbed.calls; at += 1) {
          const { target, outcome } = await run({ at, when, deaths: 1 }, freezes);
          expect(isStopped(target), `call ${at}`).toBe(false);
          expect(stateOf(target.state), `call ${at}`).toEqual(outcome.ok ? written : stateOf(first));
          if (outcome.ok) expect(readdirSync(folder)).toHaveLength(1);
          if (outcome.ok) seen.whole += 1;
          else {
            seen.restored += 1;
            expect(outcome.refusal.code).toBe('helper-gone');
          }
          forgetAll();
        }
        // Over the last step, which lets the vCPU run on, nothing is left to be undone.
        expect(seen).toEqual({ restored: undisturbed.calls - (freezes ? 0 : 1), whole: freezes ? 0 : 1 });
      },
    );
  });

  test('and the next one over the roll back: it is tried again', async () => {
    const { target, outcome } = await run({ at: 5, when: 'after', deaths: 3 }, false);
    expect(outcome).toMatchObject({ refusal: { code: 'helper-gone' } });
    expect(outcome.ok ? '' : outcome.refusal.remedy).toContain('The state before the write was restored');
    expect(stateOf(target.state)).toEqual(stateOf(first));
  });

  test('and every one after it: it is said, what was found at attach stays on disk, and restore puts it back', async () => {
    const { target, session, outcome } = await run({ at: 5, when: 'after', deaths: 4 }, false);
    expect(outcome).toMatchObject({ refusal: { code: 'roll-back' } });
    expect(stateOf(target.state)).not.toEqual(stateOf(first));
    expect(readdirSync(folder)).toHaveLength(1);
    expect(await session.restore({ kind: 'all' })).toMatchObject({ ok: true });
    expect(stateOf(target.state)).toEqual(stateOf(first));
    expect(readdirSync(folder)).toHaveLength(0);
  });
});
