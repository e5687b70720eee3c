import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { TargetList, TargetSummary } from '../../../app/bridge.ts';
import { type FakeTarget, fakeTarget } from '../../../app/debug/testing/fake-target.ts';
import { sampleCapture } from '../../../app/fixtures/samples.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import { captureText } from '../../../app/session/document.ts';
import { PRODUCT_VERSION } from '../../product.ts';
import type { Host } from '../../services/host.ts';
import { fakeHost, type Ran, runOn } from '../../testing/command-line.ts';
import { hostArguments } from '../host-arguments.ts';
import { runCli } from './cli.ts';
import { VERBS, type VerbRow } from './verbs.ts';

const SUMMARY: TargetSummary = {
  pid: 4242,
  vmm: 'QEMU',
  name: 'debian-12',
  executable: '/usr/bin/qemu-system-x86_64',
  user: 'root',
  runningMs: 1000,
  startTimeTicks: '918273',
  vcpus: [{ index: 0, vmmNumber: 0, tid: 4245, fd: 13, seccomp: 'none' }],
  vcpusLeftOut: 0,
  attachable: true,
  reason: null,
  remedy: null,
};

let folder: string;
let target: FakeTarget;
let attached: unknown[];
let host: Host;
let skipped: Pick<TargetList, 'skippedCount' | 'skippedRemedy'>;
/** Of each vCPU, KVM's number and the VMM's. */
let numbers: (readonly [number, number | null])[];

beforeEach(() => {
  skipped = { skippedCount: 0 };
  numbers = [[0, 0]];
  folder = mkdtempSync(join(tmpdir(), 'tilescope-cli-'));
  target = fakeTarget(sampleCapture());
  attached = [];
  host = fakeHost(folder, {
    listTargets: async () => {
      const vcpus = SUMMARY.vcpus.flatMap((one) => numbers.map(([index, vmmNumber]) => ({ ...one, index, vmmNumber })));
      return answer({ targets: [{ ...SUMMARY, vcpus }], ...skipped });
    },
    openLive: async (...given) => {
      attached.push(given);
      return given[0] === 4242 ? answer(target) : refuse('no-such-process', 'there is no such process');
    },
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]): Promise<Ran> => runOn(host, args);

const json = async (...args: string[]): Promise<unknown> => {
  const { code, out, err } = await run(...args, '--json');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out);
};

describe('[C16] the fixed shapes', () => {
  test('list', async () => {
    expect(await json('list')).toEqual([
      {
        pid: 4242,
        vmm: 'QEMU',
        name: 'debian-12',
        vcpus: [{ index: 0, vmmNumber: 0, tid: 4245, fd: 13 }],
        attachable: true,
        reason: null,
        remedy: null,
      },
    ]);
  });

  test('[C60] list: both numbers of each vCPU, where they differ', async () => {
    expect((await run('list')).out).not.toContain('= CPU');
    numbers = [
      [0, 0],
      [4, 3],
      [5, null],
    ];
    expect((await run('list')).out).toContain(
      "4242: KVM's number = the VMM's: vCPU 0 = CPU 0, vCPU 4 = CPU 3, vCPU 5 = CPU not known\n",
    );
    expect(await json('list')).toMatchObject([
      {
        vcpus: [
          { index: 0, vmmNumber: 0 },
          { index: 4, vmmNumber: 3 },
          { index: 5, vmmNumber: null },
        ],
      },
    ]);
  });

  test('[C63] list: the processes that may hide a VMM are counted, with what to do, on standard error where JSON is read', async () => {
    const words = (processes: string): string =>
      `${processes} of other users could not be looked into\n  to do: run as root\n`;
    skipped = { skippedCount: 2, skippedRemedy: 'run as root' };
    expect((await run('list')).out).toMatch(new RegExp(`\n${words('2 processes')}$`));
    skipped = { skippedCount: 1, skippedRemedy: 'run as root' };
    const { code, out, err } = await run('list', '--json');
    expect([code, JSON.parse(out), err]).toEqual([0, [expect.objectContaining({ pid: 4242 })], words('1 process')]);
    skipped = { skippedCount: 0 };
    expect((await run('list')).out).not.toContain('looked into');
    expect((await run('list', '--json')).err).toBe('');
  });

  test('show: a path as it was typed is the key', async () => {
    const shown = await json('show', '--pid', '4242', 'MXCSR', 'xmm0:f32[1]', 'k1', 'xmm2:i32');
    expect(Object.keys(shown as object)).toEqual(['MXCSR', 'xmm0:f32[1]', 'k1', 'xmm2:i32']);
    expect(shown).toMatchObject({ 'xmm0:f32[1]': 2.5, k1: '0x000000000000ffff' });
    expect(shown).toMatchObject({ 'xmm2:i32': [1, -2, 2147483647, -2147483648] });
    expect(target.log).toEqual(['capture', 'detach']);
  });

  test('show without a path: facts and every component with its state', async () => {
    const all = (await json('show', '--pid', '4242')) as {
      facts: object;
      components: { name: string; state: string }[];
    };
    expect(all.facts).toMatchObject({ target: { pid: 4242 }, xcr0: '0xe7' });
    const states = Object.fromEntries(all.components.map(({ name, state }) => [name, state]));
    expect(states).toMatchObject({ SSE: 'inUse', XTILEDATA: 'absent' });
    expect((await run('show', '--pid', '4242')).out).toMatch(/SSE +in use +160 +256/);
  });

  test('set, and what it leaves', async () => {
    const report = await json('set', '--pid', '4242', 'k3=0xbeef', 'zmm5:i32[0]=-7');
    expect(report).toMatchObject({ changes: [{ path: 'k3' }, { path: 'zmm5:i32[0]', after: '-7' }], pauseNs: 5000 });
    expect(Object.keys(report as object)).toEqual(['changes', 'writtenBytes', 'pauseNs', 'overwritten']);
    expect(target.log.slice(-3)).toEqual(['resume', 'capture', 'detach']);
  });

  test('capture into a file, show from it, restore from it', async () => {
    const file = join(folder, 'saved.json');
    expect(await json('capture', '--pid', '4242', '--vcpu', '0', '--out', file)).toMatchObject({
      out: file,
      imageBytes: 4096,
    });
    expect(await json('show', file, 'xcr0')).toEqual({ xcr0: '0x00000000000000e7' });
    await json('set', '--pid', '4242', 'k3=0xbeef');
    await json('restore', '--pid', '4242', file);
    expect(target.state.image.bytes).toEqual(sampleCapture().image.bytes);
  });
});

describe('[C17] exit codes, and errors on stderr in one block', () => {
  test.each<[number, string[]]>([
    [2, []],
    [2, ['frob']],
    [2, ['list', '--frob']],
    [2, ['list', 'more']],
    [2, ['show']],
    [2, ['show', '--pid', 'x']],
    [2, ['show', '--pid', '4242', 'zmm99']],
    [2, ['show', '--pid', '4242', '--vcpu', '-1']],
    [2, ['set', '--pid', '4242']],
    [2, ['set', '--pid', '4242', 'k1']],
    [2, ['set', 'k1=1']],
    [2, ['capture', '--pid', '4242']],
    [2, ['restore', '--pid', '4242']],
    [3, ['show', '/nowhere/at/all']],
    [3, ['restore', '--pid', '4242', '/nowhere/at/all']],
    [3, ['capture', '--pid', '4242', '--out', '/nowhere/at/all']],
    [4, ['show', '--pid', '7']],
    [1, ['set', '--pid', '4242', 'cr0=0x1']],
    [1, ['set', '--pid', '4242', 'rflags=0x0']],
  ])('%i: %j', async (code, args) => {
    const ran = await run(...args);
    expect({ code: ran.code, out: ran.out }).toEqual({ code, out: '' });
    expect(ran.err).toMatch(/^tilescope: .+\n( {2}\S.+\n)*$/);
  });

  test('a wrong word costs no attach', async () => {
    await run('show', '--pid', '4242', 'zmm99');
    await run('set', '--pid', '4242', 'nonsense=1');
    expect(attached).toEqual([]);
  });

  const WITH_A_PLACE: Readonly<Record<string, readonly string[]>> = {
    capture: [],
    mem: ['rsp:u64x8'],
    break: ['0x1000'],
    run: ['--until', 'rax == 5'],
    trace: ['--steps', '3'],
  };
  const livePlaces = VERBS.filter((verb: VerbRow) => verb.options.includes('pid') && verb.options.includes('out'));

  test.each(livePlaces.filter((verb: VerbRow) => verb.flags?.out === undefined).map(({ name }) => name))(
    '[C52] %s: a place that is no file is refused before a target is attached to for it',
    async (verb) => {
      const pipe = join(folder, 'pipe');
      expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
      const { code, err } = await run(verb, '--pid', '4242', ...(WITH_A_PLACE[verb] ?? ['no words']), '--out', pipe);
      expect({ code, attached }).toEqual({ code: 3, attached: [] });
      expect(err).toContain('it is a pipe, not a file');
    },
  );

  test('no capture goes to another vCPU without a word', async () => {
    const other = sampleCapture();
    const saved = { ...other, facts: { ...other.facts, target: { ...other.facts.target, startTimeTicks: 1n } } };
    const file = join(folder, 'other.json');
    writeFileSync(file, captureText(saved));
    const refused = await run('restore', '--pid', '4242', file);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('--force');
    expect((await run('restore', '--force', '--pid', '4242', file)).code).toBe(0);
  });

  test('seccomp is suspended by the explicit word alone', async () => {
    await run('show', '--pid', '4242', 'k1');
    await run('show', '--pid', '4242', '--suspend-seccomp', '--vcpu', '3', 'k1');
    expect(attached).toEqual([
      [4242, 0n, 0, false],
      [4242, 0n, { either: 3 }, true],
    ]);
  });

  test('help and version', async () => {
    expect((await run('--help')).out).toContain('tilescope set --pid PID');
    expect((await run('set', '--help')).code).toBe(0);
    expect((await run('--version')).out).toBe(`Tilescope ${PRODUCT_VERSION}\n`);
    const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
    expect(PRODUCT_VERSION).toBe(manifest.version);
  });
});

describe('[C17] words that nobody takes', () => {
  const lost = (code: string): Error => Object.assign(new Error(`write ${code}`), { code });
  let [said, listeners]: [string, readonly unknown[]] = ['', []];
  beforeEach(() => {
    said = '';
    listeners = process.stdout.listeners('error');
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      said += String(text);
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    for (const one of process.stdout.listeners('error') as (() => void)[]) {
      if (!listeners.includes(one)) process.stdout.off('error', one);
    }
  });

  test.each([
    ['EPIPE', ''],
    ['ENOSPC', 'tilescope: standard output cannot be written: write ENOSPC\n'],
  ])('%s: the exit code of what was done stands, or says that they are lost', async (code, words) => {
    const atExit = vi.spyOn(process, 'once').mockReturnThis();
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    expect(await runCli(['presets'])).toBe(0);
    process.stdout.emit('error', lost(code));
    expect(said).toBe(words);
    expect(atExit.mock.calls.filter(([event]) => String(event) === 'exit')).toHaveLength(words === '' ? 0 : 1);
  });
});

describe('[C18] arguments of the window and the web host', () => {
  test('a file and switches', () => {
    expect(hostArguments(['a.json', '--port', '8080', '--no-open', '--deterministic'])).toEqual({
      ok: true,
      value: { file: 'a.json', port: 8080, open: false, deterministic: true },
    });
  });

  test.each([[['--port', '70000']], [['--port', 'x']], [['a', 'b']], [['--frob']]])('%j is refused', (args) => {
    expect(hostArguments(args)).toMatchObject({ ok: false, refusal: { code: 'usage' } });
  });
});
