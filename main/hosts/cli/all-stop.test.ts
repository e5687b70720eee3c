import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TargetList } from '../../../app/bridge.ts';
import type { RunControl, StepsAnswer } from '../../../app/debug/target.ts';
import { fakeRunControl } from '../../../app/debug/testing/fake-run-control.ts';
import { type FakeTarget, fakeTarget } from '../../../app/debug/testing/fake-target.ts';
import { sampleCapture } from '../../../app/fixtures/samples.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import { fakeHost, type Ran, runOn } from '../../testing/command-line.ts';

let folder: string;
let vcpus: FakeTarget[];
/** vCPUs that somebody else traces. */
let taken: number[];

const STARTED = 918_273n;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-cli-all-stop-'));
  taken = [];
  vcpus = [0, 1, 2].map((vcpu) => {
    const state = sampleCapture();
    const identity = { ...state.facts.target, kind: 'live', pid: 4242, startTimeTicks: STARTED, vcpu } as const;
    return fakeTarget({ ...state, facts: { ...state.facts, target: identity } });
  });
  Object.assign(vcpus[0] ?? {}, { runControl: fakeRunControl(vcpus[0] as FakeTarget) });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const listed = (numbers: readonly number[], vcpusLeftOut = 0): TargetList => ({
  skippedCount: 0,
  targets: [
    {
      ...{ pid: 4242, vmm: 'QEMU', name: 'debian-12', executable: '/usr/bin/qemu', user: 'mara', runningMs: 1 },
      ...{ startTimeTicks: String(STARTED), vcpusLeftOut, attachable: true, reason: null, remedy: null },
      vcpus: numbers.map((index) => ({ index, vmmNumber: index, tid: index + 1, fd: 20 + index, seccomp: 'none' })),
    },
  ],
});

const run = (args: readonly string[], list = listed([0, 1, 2])): Promise<Ran> =>
  runOn(
    fakeHost(folder, {
      listTargets: async () => answer(list),
      openLive: async (_pid, _ticks, vcpu) => {
        const number = typeof vcpu === 'number' ? vcpu : 0;
        const target = vcpus[number];
        if (target === undefined || taken.includes(number))
          return refuse('already-traced', 'gdb (pid 7) traces the thread');
        return answer(target);
      },
    }),
    [...args, '--pid', '4242'],
  );

/** What happens to the others while a request to the driven vCPU is under way. */
const during = (happens: () => void): void => {
  const target = vcpus[0] as FakeTarget;
  const { step, ...rest } = target.runControl as RunControl;
  const control: RunControl = {
    ...rest,
    step: async (...args): ReturnType<typeof step> => {
      happens();
      return step(...args);
    },
    // Nothing is hit: the guest waits.
    runTo: async () => {
      happens();
      const none: StepsAnswer = {
        stops: [],
        captures: [],
        made: 0,
        holds: false,
        ended: 'halted',
        interruptsBlocked: true,
      };
      return answer({ ...none, hit: [] });
    },
  };
  Object.assign(target, { runControl: control });
};

const states = (): readonly string[] => vcpus.map((one) => one.run.state);

describe('[RC12] --all-stop', () => {
  test.each([
    ['step', ['step', '3']],
    ['run', ['run', '--until', 'rax changes']],
    ['trace', ['trace', '--steps', '3', '--out', 'trace.json']],
  ])('%s: the others stand still for each request, and run on afterwards', async (_verb, [verb = '', ...words]) => {
    const seen: (readonly string[])[] = [];
    during(() => seen.push(states()));
    const at = words.indexOf('--out');
    if (at >= 0) words[at + 1] = join(folder, 'trace.json');
    const { code, err } = await run([verb, '--all-stop', ...words]);
    expect(err).toContain('held meanwhile: vCPU 1, vCPU 2\n');
    expect(code).toBe(0);
    expect(seen.length).toBeGreaterThan(0);
    for (const one of seen) expect(one).toEqual(['stopped', 'stopped', 'stopped']);
    expect(states()).toEqual(['running', 'running', 'running']);
    expect(vcpus.map(({ log }) => log.at(-1))).toEqual(['detach', 'detach', 'detach']);
    expect(vcpus[1]?.log).toEqual(['freeze', 'detach']);
  });

  test('without it they are not even attached to', async () => {
    const { code, err } = await run(['step', '3']);
    expect([code, err]).toEqual([0, '']);
    expect(vcpus[1]?.log).toEqual([]);
  });

  test('--json says no more on standard output than without it', async () => {
    const { out } = await run(['step', '2', '--all-stop', '--json']);
    expect(Object.keys(JSON.parse(out))).toEqual(['steps', 'stops', 'why']);
  });

  test('one that cannot be held: the act does not start, and it is named', async () => {
    taken = [2];
    const { code, out, err } = await run(['step', '3', '--all-stop']);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain('vCPU 2 cannot be held: gdb (pid 7) traces the thread');
    expect(vcpus[0]?.log).not.toContain('freeze');
    expect(vcpus[1]?.log).toEqual(['detach']);
  });

  test.each([
    ['more than are listed', listed([0, 1], 1), '1 vCPUs more than are listed cannot be held'],
    ['two VMs in one process', listed([0, 1, 0, 1]), 'the process runs several VMs'],
    ['a process that has ended', { targets: [], skippedCount: 0 }, 'the target has ended'],
  ])('%s: refused', async (_what, list, why) => {
    const { code, err } = await run(['step', '3', '--all-stop'], list);
    expect(code).not.toBe(0);
    expect(err).toContain(why);
    expect(vcpus[0]?.log).not.toContain('freeze');
  });

  test('a helper that dies lets its vCPU run: the act ends, it is said, and the others are let go', async () => {
    during(() => vcpus[2]?.loseHelper('the helper was ended by SIGKILL'));
    const { code, out, err } = await run(['break', '0x1000', '--all-stop', '--wait', '3600']);
    expect([code, out]).toEqual([1, 'a vCPU that was held is held no longer\n']);
    expect(err).toContain('vCPU 2 is held no longer, and runs on: the helper was ended by SIGKILL');
    expect(states()).toEqual(['running', 'running', 'running']);
  });

  test('Ctrl+C ends what waits for a vCPU that is held, and what was held is said', async () => {
    during(() => process.emit('SIGINT'));
    const { code, out, err } = await run(['break', '0x1000', '--all-stop', '--wait', '3600']);
    expect([code, out]).toEqual([1, 'stopped by Ctrl+C\n']);
    expect(err).toContain('held meanwhile: vCPU 1, vCPU 2; what only they could do was not done');
    expect(states()).toEqual(['running', 'running', 'running']);
  });

  test('the VMM quits meanwhile: refused as ever, and nothing waits for anybody', async () => {
    const target = vcpus[0] as FakeTarget;
    Object.assign(target, {
      runControl: { mostStepsAtOnce: 60, step: async () => refuse('target-gone', 'the target has ended') },
    });
    const { code, err } = await run(['step', '3', '--all-stop']);
    expect(code).toBe(4);
    expect(err).toContain('the target has ended');
    expect(vcpus.slice(1).map(({ log }) => log.at(-1))).toEqual(['detach', 'detach']);
  });
});

describe('[RC15] break --any-vcpu', () => {
  /** Of these vCPUs one comes there at so many requests; the others wait until they are stopped. */
  const comes = (which: number | null): void => {
    for (const [vcpu, target] of vcpus.entries())
      Object.assign(target, {
        runControl: {
          mostStepsAtOnce: 60,
          runTo: async (
            ...[, , { isOver = () => true } = {}]: Parameters<RunControl['runTo']>
          ): ReturnType<RunControl['runTo']> => {
            const none = { stops: [], captures: [], made: 0, holds: false, interruptsBlocked: true } as const;
            if (vcpu === which) return answer({ ...none, ended: 'done', hit: [0] });
            while (!isOver()) await new Promise((resolve) => setImmediate(resolve));
            return answer({ ...none, ended: 'halted', hit: [] });
          },
        },
      });
  };

  test.each([0, 1, 2])('whichever comes there first is told, and all run on: vCPU %i', async (which) => {
    comes(which);
    const words = ['break', '0x1000', '--any-vcpu', '--wait', '3600'];
    const { code, out } = await run([...words, '--json']);
    expect([code, JSON.parse(out)]).toMatchObject([0, { hit: true, why: null, vcpu: which }]);
    expect(states()).toEqual(['running', 'running', 'running']);
    expect(vcpus.map(({ log }) => log.at(-1))).toEqual(['detach', 'detach', 'detach']);
    expect((await run(words)).out).toMatch(new RegExp(`^vCPU ${which}  rip 0x`));
  });

  test('none comes there: Ctrl+C ends it on all of them', async () => {
    comes(null);
    const [one] = vcpus;
    const { runControl } = one as FakeTarget;
    Object.assign(one ?? {}, {
      runControl: {
        ...runControl,
        runTo: async (...args: Parameters<RunControl['runTo']>) => {
          process.emit('SIGINT');
          return (runControl as RunControl).runTo(...args);
        },
      },
    });
    const { code, out } = await run(['break', '0x1000', '--any-vcpu', '--wait', '3600']);
    expect([code, out]).toEqual([1, 'stopped by Ctrl+C\n']);
    expect(states()).toEqual(['running', 'running', 'running']);
  });

  test('one that cannot be driven, or attached to: refused, and all that run, run on', async () => {
    comes(null);
    Object.assign(vcpus[2] ?? {}, {
      runControl: { mostStepsAtOnce: 60, runTo: async () => refuse('seccomp', 'the filter would refuse it') },
    });
    const refused = await run(['break', '0x1000', '--any-vcpu', '--wait', '3600']);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('the filter would refuse it')]);
    taken = [1];
    const other = await run(['break', '0x1000', '--any-vcpu', '--wait', '3600']);
    expect([other.code, other.err]).toEqual([1, expect.stringContaining('gdb (pid 7) traces the thread')]);
    expect(states()).toEqual(['running', 'running', 'running']);
  });

  test.each([['--skip', '3'], ['--all-stop'], ['--vcpu', '1']])('%s does not go with it', async (...words) => {
    expect((await run(['break', '0x1000', '--any-vcpu', ...words])).code).toBe(2);
  });
});
