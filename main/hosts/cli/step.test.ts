import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Capture } from '../../../app/capture/capture.ts';
import type { StepOptions, StepsMade } from '../../../app/debug/target.ts';
import { type FakeTarget, fakeTarget } from '../../../app/debug/testing/fake-target.ts';
import { sampleCapture } from '../../../app/fixtures/samples.ts';
import { PRODUCT_CODE, tracedLoop } from '../../../app/fixtures/traced-loop.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import type { Breakpoint } from '../../../app/wire/run.ts';
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
        const ended = ends < count ? end : 'done';
        return answer({ stops, captures: [], made: ends, holds: false, ended, interruptsBlocked: true });
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
    const asked: (readonly Breakpoint[])[] = [];
    Object.assign(target, {
      runControl: {
        mostStepsAtOnce: 60,
        runTo: async (breakpoints: readonly Breakpoint[]) => {
          asked.push(breakpoints);
          const ended = asked.length < 3 ? 'halted' : 'done';
          return answer({ stops: [], ended, interruptsBlocked: true, hit: [1] });
        },
      },
    });
    return asked;
  };

  test('runs on until it is hit; the state there is kept, and the guest runs on', async () => {
    const asked = hitLate();
    const out = join(folder, 'there.json');
    const { code, out: text } = await breakAt('--json', '0x1000', '0x2000:write:4', '--out', out);
    const rip = `0x${target.state.facts.general?.rip.toString(16)}`;
    expect(JSON.parse(text)).toEqual({
      ...{ hit: true, rip, why: null },
      breakpoints: [
        { breakpoint: '0x1000', hit: false, hits: 0 },
        { breakpoint: '0x2000:write:4', hit: true, hits: 1 },
      ],
    });
    expect(code).toBe(0);
    expect(asked).toEqual(
      Array(3).fill([
        { address: 0x1000n, on: 'execute', bytes: 1 },
        { address: 0x2000n, on: 'write', bytes: 4 },
      ]),
    );
    expect(existsSync(out)).toBe(true);
    expect(target.log.slice(-2)).toEqual(['resume', 'detach']);
  });

  test('of an exception the handler has to be found first', async () => {
    hitLate();
    const { code, err } = await breakAt('#nm');
    expect([code, err]).toEqual([1, expect.stringContaining('has no memory to be read')]);
  });

  test.each([
    [[]],
    [['0x1', '2', '3', '4', '5']],
    [['here']],
    [['0x1002:write:4']],
    [['1:execute:4']],
    [['1:read']],
    [['1', '--skip', 'x']],
    [['0x10000000000000000']],
    [['1', '--wait', '0']],
  ])('%j is refused', async (words) => {
    expect((await breakAt(...words)).code).toBe(2);
  });
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

describe('[RC8] tilescope step --over and --out', () => {
  test('where guest memory is not known that is said, and plain step offered; the guest runs on', async () => {
    drivable();
    for (const way of ['--over', '--out']) {
      const { code, err } = await run(way);
      expect([code, err]).toEqual([
        1,
        expect.stringMatching(/no memory to be read[\s\S]*Step one instruction instead/),
      ]);
      expect(target.log.slice(-2)).toEqual(['resume', 'detach']);
    }
  });

  test.each([
    ['--over', '--out'],
    ['--out', '3'],
    ['--wait', '5'],
    ['--over', '--wait', '0'],
  ])('%s %s is wrong usage', async (...words) => {
    drivable();
    expect((await run(...words)).code).toBe(2);
  });
});

describe('[RC4] tilescope run, [RC5] tilescope trace', () => {
  const call = (...args: string[]): Promise<Ran> =>
    runOn(fakeHost(folder, { openLive: async () => answer(target) }), args);

  /** RAX counts the instructions; nothing is looked up, and the host looks by itself. */
  const counting = () => {
    const { general } = target.state.facts;
    if (general === null) throw new Error('the sample has general registers');
    let at = 0;
    Object.assign(target, {
      runControl: {
        mostStepsAtOnce: 7,
        step: async (count: number, { keepLast = false, lookups = [] }: StepOptions = {}) => {
          const captures: Capture[] = [];
          while (captures.length < count && !(lookups.length > 0 && at === 20 && captures.length > 0)) {
            at += 1;
            captures.push({
              ...target.state,
              facts: { ...target.state.facts, general: { ...general, rax: BigInt(at), rip: 0x1000n } },
            });
          }
          const last = captures.at(-1);
          if (last !== undefined) target.state = last;
          const kept = keepLast ? captures.slice(-1) : captures;
          const holds = at === 20 && lookups.length > 0;
          const stops = kept.map(({ facts }) => facts.general);
          return answer({
            stops,
            captures: kept,
            made: captures.length,
            holds,
            ended: 'done',
            interruptsBlocked: true,
          });
        },
      },
    });
  };

  test('run: at the instruction, the state there kept; the guest runs on', async () => {
    counting();
    const out = join(folder, 'there.json');
    const { code, out: text } = await call('run', '--pid', '4242', '--until', 'rax == 20', '--out', out, '--json');
    expect(JSON.parse(text)).toMatchObject({ holds: true, steps: 20, rip: '0x1000', why: null });
    expect(code).toBe(0);
    expect((await call('show', out, 'rax')).out).toContain('0x0000000000000014');
    expect(target.log.slice(-2)).toEqual(['resume', 'detach']);
  });

  test('run: not in so many instructions is exit code 1, with why', async () => {
    counting();
    const { code, out } = await call('run', '--pid', '4242', '--until', 'rax == 0', '--steps', '15');
    expect([code, out]).toEqual([1, expect.stringContaining('rax == 0: not in 15 instructions')]);
  });

  test('trace: a session whose stops are the attach and each step, and FILE@N is one of them', async () => {
    counting();
    const out = join(folder, 'trace.json');
    const { code, out: text } = await call('trace', '--pid', '4242', '--steps', '30', '--out', out, '--json');
    expect(JSON.parse(text)).toMatchObject({ out, steps: 30, stops: 31, why: null });
    expect(code).toBe(0);
    expect((await call('show', `${out}@1`, 'rax')).out).not.toContain('0x000000000000001d');
    expect((await call('show', `${out}@30`, 'rax')).out).toContain('0x000000000000001d');
    expect(target.log.slice(-2)).toEqual(['resume', 'detach']);
  });

  test('[TP4] trace --check: each tile product beside the reference; a wrong one is exit code 1', async () => {
    const stops = tracedLoop('TDPBSSD', 4, (tiles, round) => {
      if (round === 3) tiles.set([0x77], 64);
    });
    const [first] = stops;
    if (first === undefined) throw new Error('the loop has a stop');
    let at = 0;
    target.state = first.capture;
    // Tables at 0x1000: the page at 0x401000 is that at 0x5000.
    const memory = new Uint8Array(1 << 20);
    const tables = [0x1000, 0x2063, 0x2000, 0x3063, 0x3010, 0x4063, 0x4008, 0x5063];
    for (let index = 0; index < tables.length; index += 2) {
      new DataView(memory.buffer).setBigUint64(tables[index] ?? 0, BigInt(tables[index + 1] ?? 0), true);
    }
    memory.set([...PRODUCT_CODE.TDPBSSD, 0x90, 0xeb, 0xf8], 0x5000);
    Object.assign(target, {
      memory: {
        mappings: async () => answer([{ start: 0n, end: BigInt(memory.length) }]),
        readHost: async (address: bigint, bytes: number) => memory.slice(Number(address), Number(address) + bytes),
        translate: async (linear: readonly bigint[]) =>
          linear.map((one) => ({ valid: true, physical: one - 0x3f_c000n })),
      },
      runControl: {
        mostStepsAtOnce: 4,
        step: async (count: number) => {
          const captures = stops.slice(at + 1, at + 1 + count).map(({ capture }) => capture);
          at += captures.length;
          const ended = captures.length < count ? 'halted' : 'done';
          return answer({ stops: [], captures, made: captures.length, holds: false, ended, interruptsBlocked: true });
        },
      },
    });
    const out = join(folder, 'checked.json');
    const ran = await call('trace', '--pid', '4242', '--steps', '12', '--check', '--out', out, '--json');
    expect(JSON.parse(ran.out).products).toMatchObject({ checked: 4, unknownSteps: 0, differing: [{ stop: 10 }] });
    expect(ran.code).toBe(1);
    expect((await call('product', out)).out).toContain('checked.json@10, rip 0x401000: TDPBSSD');
  });

  test.each([
    ['run', '--until', 'nothing'],
    ['run'],
    ['run', '--until', 'rax == 1', '--steps', '0'],
    ['trace', '--steps', '5'],
    ['trace', '--out', 'x.json'],
    ['trace', '--steps', '100000', '--out', 'x.json'],
  ])('%s %s %s is wrong usage', async (verb, ...args) => {
    counting();
    expect((await call(verb, '--pid', '4242', ...args)).code).toBe(2);
  });
});
