import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StepsMade } from '../../../app/debug/target.ts';
import { type FakeTarget, fakeTarget } from '../../../app/debug/testing/fake-target.ts';
import { sampleCapture } from '../../../app/fixtures/samples.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import { fakeHost, type Ran, runOn } from '../../testing/command-line.ts';

let folder: string;
let target: FakeTarget;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-cli-step-'));
  target = fakeTarget(sampleCapture());
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]): Promise<Ran> =>
  runOn(fakeHost(folder, { openLive: async () => answer(target) }), ['step', '--pid', '4242', ...args]);

/** RIP counts from 0x1000 on; `upTo` instructions end, and then this is the end. */
const drivable = (upTo = Number.POSITIVE_INFINITY, end: StepsMade['ended'] = 'halted') => {
  const asked: number[] = [];
  const { general } = target.state.facts;
  if (general === null) throw new Error('the sample has general registers');
  let made = 0;
  Object.assign(target, {
    runControl: {
      mostStepsAtOnce: 60,
      step: async (count: number) => {
        asked.push(count);
        const ends = Math.min(count, upTo - made);
        const stops = Array.from({ length: ends }, (_, at) => ({ ...general, rip: BigInt(0x1000 + made + at) }));
        made += ends;
        return answer({ stops, ended: ends < count ? end : 'done', interruptsBlocked: true });
      },
    },
  });
  return asked;
};

describe('[RC2] tilescope break', () => {
  const breakAt = (...args: string[]): Promise<Ran> =>
    runOn(fakeHost(folder, { openLive: async () => answer(target) }), ['break', '--pid', '4242', ...args]);

  /** Hit at the third request. */
  const hitLate = () => {
    const asked: (readonly bigint[])[] = [];
    Object.assign(target, {
      runControl: {
        mostStepsAtOnce: 60,
        runTo: async (breakpoints: readonly bigint[]) => {
          asked.push(breakpoints);
          return answer({ stops: [], ended: asked.length < 3 ? 'halted' : 'done', interruptsBlocked: true });
        },
      },
    });
    return asked;
  };

  test('runs on until it is hit; the state there is kept, and the guest runs on', async () => {
    const asked = hitLate();
    const out = join(folder, 'there.json');
    const { code, out: text } = await breakAt('--json', '0x1000', '0x2000', '--out', out);
    const rip = `0x${target.state.facts.general?.rip.toString(16)}`;
    expect(JSON.parse(text)).toEqual({ hit: true, rip, why: null });
    expect(code).toBe(0);
    expect(asked).toEqual(Array(3).fill([0x1000n, 0x2000n]));
    expect(existsSync(out)).toBe(true);
    expect(target.log.slice(-2)).toEqual(['resume', 'detach']);
  });

  test.each([[[]], [['0x1', '2', '3', '4', '5']], [['here']], [['0x10000000000000000']], [['1', '--wait', '0']]])(
    '%j is refused',
    async (words) => {
      expect((await breakAt(...words)).code).toBe(2);
    },
  );
});

describe('[RC1] tilescope step', () => {
  test('one instruction where no number is given, and the guest runs on', async () => {
    drivable();
    const { code, out } = await run('--json');
    expect(JSON.parse(out)).toEqual({ steps: 1, stops: [{ rip: '0x1000' }], why: null });
    expect(code).toBe(0);
    expect(target.log.slice(-3)).toEqual(['freeze', 'resume', 'detach']);
  });

  test('many, in parts, one stop for each', async () => {
    const asked = drivable();
    const { out } = await run('--json', '150');
    const { steps, stops } = JSON.parse(out);
    expect([steps, stops.length, stops[149].rip, asked]).toEqual([150, 150, '0x1095', [60, 60, 30]]);
  });

  test('fewer than were asked for: why, and another exit code', async () => {
    drivable(7);
    const { code, out } = await run('--json', '20');
    expect(JSON.parse(out)).toMatchObject({ steps: 7, why: expect.stringContaining('waits for an interrupt') });
    expect(code).toBe(1);
    drivable(2, 'busy');
    expect((await run('5')).err).toContain('more exits to answer');
  });

  test('where it cannot be driven, and where a step is refused, that is said and the guest runs on', async () => {
    expect(await run()).toMatchObject({ code: 1, out: '' });
    Object.assign(target, {
      runControl: { mostStepsAtOnce: 60, step: async () => refuse('seccomp', 'the filter would refuse it') },
    });
    expect((await run()).err).toContain('the filter would refuse it');
    expect(target.log.slice(-2)).toEqual(['resume', 'detach']);
  });

  test.each(['0', '-1', 'ten', '100001'])('%s is no number of steps', async (word) => {
    expect((await run(word)).code).toBe(2);
  });
});
