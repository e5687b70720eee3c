import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { encodeFrame } from '../../app/wire/frames.ts';
import { MESSAGES } from '../../app/wire/messages.ts';
import { signalProcess } from '../models/signal.ts';
import { BUILT_HELPER, builtFresh, builtTilescope } from '../models/tilescope.ts';
import { cleanUp, type VmmKind, vmmKinds } from '../models/vmm-kinds.ts';

/** The round of every VMM: list, capture, set, a second reader, restore, steps, a trace, a breakpoint, what is left behind, 50 helpers killed. */

/** Half of them while they attach and capture, half while the vCPU makes steps. */
const KILLS = 50;
const STEPS = 1_000;
const VALUE = '0xa5a5a5a5';

interface Row {
  readonly name: string;
  listed: string;
  read: string;
  write: string;
  second: string;
  restored: string;
  left: string;
  killed: string;
  eintr: string;
  steps: string;
  traced: string;
  breakpoint: string;
}

const rows: Row[] = [];
const out = mkdtempSync(join(tmpdir(), 'tilescope-round-'));

const nap = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Listed {
  readonly pid: number;
  readonly attachable: boolean;
  readonly reason: string | null;
  readonly remedy: string | null;
  readonly vcpus: readonly { readonly index: number; readonly vmmNumber: number | null }[];
}

/** It, or a process that it has started to be the VMM. */
const isOf = (pid: number, child: ChildProcess): boolean => {
  for (let at = pid; at > 1; ) {
    if (at === child.pid) return true;
    try {
      const stat = readFileSync(`/proc/${at}/stat`, 'utf8');
      at = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    } catch {
      return false;
    }
  }
  return false;
};

const listed = async (): Promise<readonly Listed[]> => JSON.parse((await builtTilescope({}, 'list', '--json')).out);

const startVmm = async ({ name, words, environment, saysReady }: VmmKind): Promise<[ChildProcess, Listed]> => {
  const [program = '', ...args] = words;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2000);
    });
  }
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}: ${said}`);
    const found = (await listed()).find(({ pid }) => isOf(pid, child));
    if (found !== undefined && (!saysReady || said.includes('ready'))) return [child, found];
    await nap(50);
  }
};

/** What must be the same before and after. Of the mappings, those that have no room to grow by themselves. */
const portrait = (pid: number): string => {
  const proc = `/proc/${pid}`;
  const threads = readdirSync(`${proc}/task`).map((tid) => {
    const status = readFileSync(`${proc}/task/${tid}/status`, 'utf8');
    return `${tid} ${[...status.matchAll(/^(?:SigBlk|TracerPid):.*$/gm)].map(([line]) => line).join(' ')}`;
  });
  const descriptors = readdirSync(`${proc}/fd`).map((fd) => `${fd} ${readlinkSync(`${proc}/fd/${fd}`)}`);
  return [...threads, ...descriptors, readFileSync(`${proc}/maps`, 'utf8')].join('\n');
};

/** native/vcpu/session.h: where scratch memory lies in a target, and nothing else does. */
const isScratch = (address: string): boolean => BigInt(`0x${address}`) >> 45n === 1n;

/** Of a VMM whose own threads and mappings never rest: what a helper could have left. */
const ours = (pid: number): string => {
  const maps = readFileSync(`/proc/${pid}/maps`, 'utf8').matchAll(/^([0-9a-f]+)-([0-9a-f]+) \S+ 0+ 00:00 0\s*$/gm);
  const scratch = [...maps].filter(([, from]) => isScratch(from ?? '0'));
  const tracers = readdirSync(`/proc/${pid}/task`).map(
    (tid) => /^TracerPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8'))?.[1] ?? '0',
  );
  const descriptors = readdirSync(`/proc/${pid}/fd`).length;
  return JSON.stringify([scratch.map(([line]) => line), tracers.filter((tracer) => tracer !== '0'), descriptors]);
};

/** A VMM's own heap and workers come and go: until two looks agree. */
const settled = async (pid: number, kind: VmmKind): Promise<string> => {
  if (kind.neverRests) return ours(pid);
  let last = portrait(pid);
  for (let quiet = 0; quiet < 5; ) {
    await nap(50);
    const now = portrait(pid);
    quiet = now === last ? quiet + 1 : 0;
    last = now;
  }
  return last;
};

interface Kill {
  readonly pid: number;
  readonly vcpuIndex: number;
  readonly suspendSeccomp: boolean;
  /** It is killed while the vCPU makes steps, else while it attaches and captures. */
  readonly steps: boolean;
}

const killOne = async ({ pid, vcpuIndex, suspendSeccomp, steps }: Kill): Promise<void> => {
  const helper = spawn(BUILT_HELPER, [], { stdio: ['pipe', 'pipe', 'ignore'] });
  helper.stdin.on('error', () => undefined);
  const ask = (requestId: number, code: number, payload: Uint8Array): void => {
    helper.stdin.write(encodeFrame({ requestId, code, status: 0, payload }));
  };
  const answered = (): Promise<unknown> => new Promise((resolve) => helper.stdout.once('data', resolve));
  const ref = { pid, vcpuIndex };
  ask(1, MESSAGES.hello.code, MESSAGES.hello.encode(null));
  await answered();
  ask(2, MESSAGES.attach.code, MESSAGES.attach.encode({ ...ref, startTimeTicks: 0n, suspendSeccomp }));
  if (steps) await answered();
  helper.stdout.resume();
  // One run: what is asked behind it would stop it.
  if (steps) ask(3, MESSAGES.run.code, MESSAGES.run.encode({ ...ref, count: STEPS, keepState: true }));
  else for (let id = 3; id < 10; id += 1) ask(id, MESSAGES.capture.code, MESSAGES.capture.encode(ref));
  const until = process.hrtime.bigint() + BigInt(Math.floor(Math.random() * (steps ? 60_000_000 : 6_000_000)));
  while (process.hrtime.bigint() < until);
  helper.kill('SIGKILL');
  await new Promise((resolve) => helper.once('close', resolve));
};

/** CPU time of all its threads grows: its guest runs. */
const runsOn = async (pid: number): Promise<boolean> => {
  const used = (): number =>
    readdirSync(`/proc/${pid}/task`)
      .map((tid) => Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]))
      .reduce((sum, ns) => sum + ns, 0);
  const before = used();
  for (let i = 0; i < 200; i += 1) {
    await nap(20);
    if (used() > before) return true;
  }
  return false;
};

type Cli = (verb: string, ...words: string[]) => ReturnType<typeof builtTilescope>;

/** Where an instruction of that RIP is for a breakpoint. The guests of this round stay in one segment, which in real mode does not begin at 0. */
const linear = async (cli: Cli, rip: string): Promise<string> => {
  const file = join(out, `segment-${rows.length}.json`);
  const { code, err } = await cli('capture', '--out', file);
  if (code !== 0) throw new Error(err);
  const { descriptors } = JSON.parse(readFileSync(file, 'utf8')).facts;
  return `0x${(BigInt(descriptors.cs_base) + BigInt(rip)).toString(16)}`;
};

/** The guest driven: steps, a trace, and an instruction that they came by as a breakpoint. What cannot be done is refused, and says so. */
const drive = async (cli: Cli, row: Row): Promise<void> => {
  const refusal = ({ out: said, err }: Awaited<ReturnType<Cli>>): string => {
    const why = said === '' ? null : (JSON.parse(said).why as string | null);
    return why === null ? refusedAs(err) : `no: ${why}`;
  };
  const stepped = await cli('step', String(STEPS), '--json');
  const stops: readonly { readonly rip: string }[] = stepped.code === 0 ? JSON.parse(stepped.out).stops : [];
  row.steps = stepped.code === 0 ? String(stops.length) : refusal(stepped);
  const file = join(out, `trace-${rows.length}.json`);
  const traced = await cli('trace', '--steps', String(STEPS), '--out', file, '--json');
  row.traced = traced.code === 0 ? String(JSON.parse(traced.out).steps) : refusal(traced);
  const rip = stops[stops.length >> 1]?.rip;
  if (rip === undefined) return;
  const hit = await cli('break', await linear(cli, rip), '--json');
  row.breakpoint = hit.code === 0 ? (JSON.parse(hit.out).rip === rip ? 'hit' : 'ELSEWHERE') : refusal(hit);
};

const round = async (kind: VmmKind, row: Row): Promise<void> => {
  const [child, found] = await startVmm(kind);
  const { pid } = found;
  const eintrBefore = kind.eintr?.() ?? 0;
  const last = found.vcpus.at(-1) ?? { index: 0, vmmNumber: null };
  const index = found.vcpus.length > 1 ? last.index : 0;
  const options = kind.suspend ? ['--suspend-seccomp'] : [];
  const on =
    (vcpu: number): Cli =>
    (verb, ...words) =>
      builtTilescope({}, verb, '--pid', String(pid), '--vcpu', `kvm:${vcpu}`, ...options, ...words);
  const cli = on(index);
  // A vCPU that has not been started makes no step.
  const first = found.vcpus[0]?.index ?? 0;
  // By meaning: a component in its initial state, and one that is in use and holds those values, are the same.
  const lane = async (): Promise<string> => {
    const { out: said, err } = await cli('show', '--json', 'xmm3:u32');
    if (said === '') throw new Error(err);
    const { 'xmm3:u32': value } = JSON.parse(said);
    return Array.isArray(value) ? value.join(' ') : '0 0 0 0';
  };
  try {
    row.listed = found.attachable
      ? 'yes'
      : found.reason && found.remedy
        ? 'no, told why'
        : 'no, and not told what to do';
    // What the list said is what attach says, asked for no more than the list knows of.
    const plain = await builtTilescope({}, 'show', '--pid', String(pid), '--vcpu', `kvm:${index}`, 'xcr0');
    if ((plain.code === 0) !== found.attachable || (found.reason !== null && !plain.err.includes(found.reason)))
      row.listed = `${row.listed}, AND ATTACH SAYS: ${plain.code} ${plain.err.split('\n')[0]}`;
    // A vCPU that has not been started has no state that a write would keep.
    const before = await settled(pid, kind);
    const file = join(out, `${rows.length}.json`);
    const captured = await cli('capture', '--out', file);
    row.read = captured.code === 0 ? (kind.suspend ? 'suspended' : 'yes') : `no: ${captured.err.split('\n')[0]}`;
    if (captured.code !== 0) return;
    const old = await lane();
    const set = await cli('set', `xmm3:u32[0]=${VALUE}`);
    row.write = set.code === 0 ? (kind.suspend ? 'suspended' : 'yes') : refusedAs(set.err);
    if (set.code === 0) {
      row.second = (await lane()) === old ? 'NOT SEEN' : 'yes';
      const back = await cli('restore', file);
      const now = await lane();
      row.restored = back.code === 0 && now === old ? 'yes' : `NO: ${old} is ${now} ${back.err.split('\n')[0]}`;
    }
    await drive(on(first), row);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const steps = kill % 2 === 1 && row.steps === String(STEPS);
      await killOne({ pid, vcpuIndex: steps ? first : index, suspendSeccomp: kind.suspend, steps });
      if (child.signalCode === null) continue;
      // What --suspend-seccomp is said to risk: the helper was killed in a call that only the suspended filter allowed.
      row.killed = `${child.signalCode} at the ${kill + 1}th`;
      return;
    }
    // The next helper on that vCPU finds and gives back what the killed ones left.
    if (first !== index) await on(first)('show', 'xcr0');
    const after = await cli('show', 'xcr0');
    row.killed =
      after.code === 0 && child.exitCode === null && (await runsOn(pid)) ? `${KILLS}` : `DIED OR STUCK: ${after.err}`;
    const now = await settled(pid, kind);
    row.left = now === before ? 'nothing' : 'SOMETHING';
    if (now !== before)
      console.log(
        now
          .split('\n')
          .filter((line) => !before.split('\n').includes(line))
          .join('\n'),
      );
    if (kind.harmed !== undefined && kind.harmed() > 0) row.left = `HARMED ${kind.harmed()} times`;
  } finally {
    row.eintr = kind.eintr === undefined ? '' : String(kind.eintr() - eintrBefore);
    if (pid !== child.pid && isOf(pid, child)) signalProcess(pid, 'SIGKILL');
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null)
      await new Promise((resolve) => child.once('exit', resolve));
  }
};

const refusedAs = (err: string): string => {
  const call = /call: {2}(\S+)/.exec(err)?.[1];
  return call === undefined ? `no: ${(err.split('\n')[0] ?? '').replace('tilescope: ', '')}` : `no: ${call}`;
};

const HEAD = [
  'VMM',
  'list',
  'read',
  'write',
  'second reader',
  'restored',
  'left behind',
  'helpers killed',
  'EINTR seen',
  'steps',
  'traced',
  'breakpoint',
];

const table = (): string => {
  const cells = rows.map((row) => [
    ...[row.name, row.listed, row.read, row.write, row.second, row.restored, row.left, row.killed, row.eintr],
    ...[row.steps, row.traced, row.breakpoint],
  ]);
  return [HEAD, HEAD.map(() => '---'), ...cells].map((line) => `| ${line.join(' | ')} |`).join('\n');
};

test.beforeAll(builtFresh);
test.afterAll(() => {
  rmSync(out, { recursive: true, force: true });
  cleanUp();
  console.log(`\n${table()}\n`);
});

for (const kind of vmmKinds()) {
  test(kind.name, async () => {
    const row: Row = {
      ...{
        name: kind.name,
        listed: '',
        read: '',
        write: '',
        second: '',
        restored: '',
        left: '',
        killed: '',
        eintr: '',
        steps: '',
        traced: '',
        breakpoint: '',
      },
    };
    rows.push(row);
    await round(kind, row);
    const worked = kind.suspend ? 'suspended' : 'yes';
    if (kind.isGiven !== true)
      expect([row.listed, row.read, row.write]).toEqual([kind.listed ?? 'yes', worked, kind.written ?? worked]);
    if (!kind.suspend || !row.killed.startsWith('SIGSYS')) {
      expect([row.left, row.killed]).toEqual(['nothing', String(KILLS)]);
    }
    if (kind.isGiven !== true) for (const said of [row.steps, row.traced]) expect(said).toMatch(/^(1000$|no: )/);
    if (row.steps === String(STEPS)) expect(row.breakpoint).toBe('hit');
    if (row.write === worked) expect([row.second, row.restored]).toEqual(['yes', 'yes']);
    // EINTR, and what an odd kill under a suspended filter may end, are of chance; what README says of the rest is so.
    const quoted = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
      .split('\n')
      .find((line) => line.startsWith(`| ${row.name} |`));
    const cells = [row.name, row.listed, row.read, row.write, row.second, row.restored];
    if (quoted !== undefined)
      expect(quoted.split(' |').slice(0, cells.length).join(' |')).toBe(`| ${cells.join(' | ')}`);
  });
}
