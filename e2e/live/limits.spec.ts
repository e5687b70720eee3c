import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'playwright/test';
import { KVM_ABSENT } from '../models/guest.ts';
import { DEMO, isThere, LimitedVmm } from '../models/limited-vmm.ts';
import { newMemoryGroup } from '../models/memory-group.ts';
import { signalProcess } from '../models/signal.ts';
import { BUILT, builtFresh, builtTilescope } from '../models/tilescope.ts';

test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');
const root = process.geteuid?.() === 0;

let vmm: LimitedVmm | null = null;
let folder: string;
test.beforeAll(builtFresh);
test.beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-limits-'));
});
test.afterEach(async () => {
  await vmm?.end();
  vmm = null;
  rmSync(folder, { recursive: true, force: true });
});

const started = async (...words: string[]): Promise<LimitedVmm> => {
  vmm = await LimitedVmm.start(words);
  return vmm;
};

/** Why what a filter says of a call by its number says nothing of this helper's; empty: it does. */
const otherNumbers = process.env.TILESCOPE_OTHER_NUMBERS ?? '';

/** The list says no before attach does, both in the same words, and nothing happens to the VMM. */
const expectRefused = async (one: LimitedVmm, words: string): Promise<void> => {
  expect(await one.inList()).toMatchObject({ attachable: false, reason: expect.stringContaining(words) });
  const { code, err } = await one.show();
  expect(err).toContain(words);
  expect(code).toBe(1);
  expect(one.lives).toBe(true);
};

const expectWorks = async (one: LimitedVmm, ...options: string[]): Promise<void> => {
  const { code, err } = await one.show(...options);
  expect(err).toBe('');
  expect(code).toBe(0);
  expect(one.lives).toBe(true);
};

test.describe('[C66] a refusal’s remedy, carried out, works; the list says what attach will say', () => {
  test('stopped by a signal: let go on', async () => {
    const one = await started(DEMO, '--program', 'integer');
    await expectWorks(one);
    signalProcess(one.pid, 'SIGSTOP');
    await expectRefused(one, 'is stopped by a signal');
    signalProcess(one.pid, 'SIGCONT');
    await expectWorks(one);
  });

  test('a frozen control group: thawed', async () => {
    const group = newGroup();
    test.skip(group === null, 'no control group can be made here');
    if (group === null) return;
    const one = await started(DEMO, '--program', 'integer');
    try {
      group.take(one.pid);
      group.freeze();
      await expect.poll(() => group.isFrozen()).toBe(true);
      await expectRefused(one, 'control group of the process is frozen');
      group.thaw();
      await expectWorks(one);
    } finally {
      group.thaw();
      await one.end();
      await expect.poll(() => group.remove()).toBe(true);
    }
  });

  test('a tracer: ended', async () => {
    test.skip(!isThere('strace'), 'strace is not installed');
    const one = await started(DEMO, '--program', 'integer');
    const tracer = spawn('strace', ['-f', '-o', '/dev/null', '-p', String(one.pid)], { stdio: 'ignore' });
    await expect.poll(() => tracerOf(one.pid)).toBe(tracer.pid);
    await expectRefused(one, `already traced by pid ${tracer.pid}`);
    tracer.kill('SIGTERM');
    await new Promise((resolve) => tracer.once('exit', resolve));
    await expectWorks(one);
  });

  test('gdb: detached', async () => {
    test.skip(!isThere('gdb'), 'gdb is not installed');
    const one = await started(DEMO, '--program', 'integer');
    const gdb = spawn('gdb', ['-q', '-nx', '-iex', 'set debuginfod enabled off', '-p', String(one.pid)], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await expect.poll(() => tracerOf(one.pid)).toBe(gdb.pid);
    await expectRefused(one, `already traced by pid ${gdb.pid}`);
    gdb.stdin.end('detach\nquit\n');
    await new Promise((resolve) => gdb.once('exit', resolve));
    await expectWorks(one);
  });

  test('a filter that refuses the call: suspended by the explicit word', async () => {
    test.skip(!root, 'reading and suspending a filter takes root');
    test.skip(otherNumbers !== '', otherNumbers);
    const one = await started(DEMO, '--program', 'integer', '--seccomp', 'trap-get');
    await expectRefused(one, 'seccomp filter would refuse KVM_GET_XSAVE2');
    await expectWorks(one, '--suspend-seccomp');
  });

  test('what Firecracker’s filter allows is enough to read, and to refuse a write before it is made', async () => {
    test.skip(!root, 'reading a filter takes root');
    test.skip(otherNumbers !== '', otherNumbers);
    const one = await started(DEMO, '--program', 'integer', '--seccomp', 'firecracker');
    await expectWorks(one);
    const own = { XDG_STATE_HOME: folder };
    for (const assignment of ['mxcsr=0x3f80', 'xmm1=0x1', 'xcr0=7', 'rax=1']) {
      const { code, err } = await builtTilescope(own, 'set', '--pid', String(one.pid), assignment);
      expect(err).toMatch(/seccomp filter would refuse KVM_SET_(XSAVE|XCRS|REGS)/);
      expect(err).not.toMatch(/could not be|restore/);
      expect(code).toBe(1);
    }
    // Nothing was written, so that there is nothing to be put back.
    expect(JSON.parse((await builtTilescope(own, 'journal', '--json')).out)).toEqual([]);
    await expectWorks(one);
  });

  test('a filter from before KVM_GET_XSAVE2: read by KVM_GET_XSAVE', async () => {
    test.skip(!root, 'reading a filter takes root');
    test.skip(otherNumbers !== '', otherNumbers);
    const one = await started(DEMO, '--program', 'integer', '--seccomp', 'trap-get2');
    await expectWorks(one);
    expect(await one.inList()).toMatchObject({ attachable: true });
  });

  test('Cloud Hypervisor’s filter: suspended by the explicit word', async () => {
    test.skip(!root, 'reading and suspending a filter takes root');
    const one = await started(DEMO, '--program', 'integer', '--seccomp', 'cloud-hypervisor');
    await expectRefused(one, 'seccomp filter would refuse');
    await expectWorks(one, '--suspend-seccomp');
  });

  test('the VMM’s own limit of memory: raised', async () => {
    test.skip(!isThere('prlimit'), 'prlimit is not installed');
    const one = await started(DEMO, '--program', 'integer');
    const status = readFileSync(`/proc/${one.pid}/status`, 'utf8');
    for (const [name, option, used] of [
      ['RLIMIT_AS', '--as', 'VmSize'],
      ['RLIMIT_DATA', '--data', 'VmData'],
    ] as const) {
      const bytes = Number(new RegExp(`^${used}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
      const prlimit = ['prlimit', '--pid', String(one.pid)] as const;
      expect(spawnSync(prlimit[0], [...prlimit.slice(1), `${option}=${bytes}:unlimited`]).status).toBe(0);
      await expectRefused(one, `its ${name} is reached`);
      const remedy = (await one.inList())?.remedy;
      expect(remedy).toBe(`sudo ${prlimit.join(' ')} ${option}=unlimited`);
      expect(spawnSync('sh', ['-c', remedy?.replace('sudo ', '') ?? '']).status).toBe(0);
      await expectWorks(one);
    }
  });

  test('what it may lock, where it locks all that it maps: raised', async () => {
    test.skip(
      !root,
      'who may lock without a limit is the kernel’s privileged alone, of which root has to take itself out',
    );
    const library = join(folder, 'lock.so');
    const source =
      '#include <sys/mman.h>\n__attribute__((constructor)) static void lock(void) { mlockall(MCL_FUTURE); }\n';
    const compiled = spawnSync('cc', ['-shared', '-fPIC', '-x', 'c', '-', '-o', library], { input: source });
    test.skip(compiled.status !== 0 || !isThere('setpriv') || !isThere('prlimit'), 'cc, setpriv or prlimit is missing');
    // Small stacks, which count too: what every user may lock has room for them.
    const one = await started(
      ...['setpriv', '--bounding-set=-ipc_lock', '--inh-caps=-ipc_lock', 'prlimit', '--stack=262144:'],
      ...['env', `LD_PRELOAD=${library}`, DEMO, '--program', 'integer'],
    );
    await expectWorks(one);
    const locked = /^VmLck:\s+(\d+) kB/m.exec(readFileSync(`/proc/${one.pid}/status`, 'utf8'))?.[1];
    expect(Number(locked)).toBeGreaterThan(0);
    const prlimit = ['prlimit', '--pid', String(one.pid)] as const;
    const lower = `--memlock=${Number(locked) * 1024}:`;
    expect(spawnSync(prlimit[0], [...prlimit.slice(1), lower]).status).toBe(0);
    // That it locks what it maps shows in the call alone.
    const refused = await one.show();
    expect(refused.err).toContain('its RLIMIT_MEMLOCK is reached');
    expect(refused.code).toBe(1);
    expect(one.lives).toBe(true);
    const remedy = /^ {2}to do: sudo (.+)$/m.exec(refused.err)?.[1];
    expect(remedy).toBe(`${prlimit.join(' ')} --memlock=unlimited`);
    // A root without CAP_SYS_RESOURCE, as in many a container, raises it as far as the hard limit goes.
    const mayRaise = spawnSync('prlimit', ['--memlock=unlimited', 'true']).status === 0;
    const hard = spawnSync('prlimit', [...prlimit.slice(1), '--memlock', '--output=HARD', '--noheadings']).stdout;
    const raised = mayRaise ? remedy : remedy?.replace('unlimited', `${String(hard).trim()}:`);
    expect(spawnSync('sh', ['-c', raised ?? '']).status).toBe(0);
    await expectWorks(one);
  });

  test('a control group without room, where the kernel would end the VMM for what is written into it: given more', async () => {
    const group = newMemoryGroup(basename(folder));
    test.skip(group === null, 'no control group with a limit of memory can be made here');
    if (group === null) return;
    // Its guest's memory is no file, so nothing of it can be given up.
    const one = await started('sh', '-c', `echo $$ > ${group.members}; exec ${DEMO} --program integer`);
    try {
      await expectWorks(one);
      group.leave(0x20000);
      await expectRefused(one, `no room for more memory (${group.limitName})`);
      expect((await one.inList())?.remedy).toContain(`raise ${group.limitName} of the group`);
      group.leave(0x1000000);
      await expectWorks(one);
      const stepped = await builtTilescope({}, 'step', '--pid', String(one.pid), '16');
      expect(stepped.code, stepped.err).toBe(0);
      expect(one.lives).toBe(true);
    } finally {
      await one.end();
      await expect.poll(() => group.remove()).toBe(true);
    }
  });

  test('a filter on a vCPU that a paused VMM has parked: suspended', async () => {
    test.skip(!root, 'reading and suspending a filter takes root');
    const one = await started(DEMO, '--program', 'integer', '--park', '--seccomp', 'cloud-hypervisor');
    await expectRefused(one, 'seccomp filter would refuse');
    const { code, err } = await one.show('--suspend-seccomp');
    expect(err).toContain('is outside KVM_RUN');
    expect(code).toBe(0);
    expect(one.lives).toBe(true);
  });
});

const tracerOf = (pid: number): number =>
  Number(/TracerPid:\t(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

test.describe('[C66] odd places that are no limit', () => {
  test('an executable that was deleted since', async () => {
    const copy = join(folder, 'demo-vmm');
    copyFileSync(DEMO, copy);
    const one = await started(copy, '--program', 'integer');
    rmSync(copy);
    await expectWorks(one);
  });

  test('pid and mount namespaces of its own', async () => {
    test.skip(!root || !isThere('unshare'), 'namespaces are made by root, with unshare');
    const one = await started(
      'unshare',
      '-p',
      '-f',
      '-m',
      '--mount-proc',
      '--kill-child',
      DEMO,
      '--program',
      'integer',
    );
    await expectWorks(one);
  });

  test('a user namespace of its own', async () => {
    test.skip(spawnSync('unshare', ['-Ur', 'true']).status !== 0, 'user namespaces are not to be had');
    await expectWorks(await started('unshare', '-Ur', '--kill-child', '-f', DEMO, '--program', 'integer'));
  });

  test('rootless: a user namespace of an unprivileged user, looked into by that user', async () => {
    test.skip(!root || !isThere('unshare') || !isThere('setpriv'), 'another user is played by root, with setpriv');
    const user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const rootless = [...user, 'unshare', '-Ur'];
    test.skip(spawnSync(user[0] ?? '', [...rootless.slice(1), 'true']).status !== 0, 'user namespaces take root here');
    for (const part of ['main', 'native']) cpSync(join(BUILT, part), join(folder, part), { recursive: true });
    copyFileSync(process.execPath, join(folder, 'node'));
    writeFileSync(
      join(folder, 'start'),
      // A /dev/kvm that is anybody's, in this mount namespace alone.
      `set -e; mount -t tmpfs tmpfs /mnt; mknod -m 666 /mnt/kvm c 10 232; mount --bind /mnt/kvm /dev/kvm
       exec ${rootless.join(' ')} ${folder}/native/demo-vmm --program integer`,
    );
    chmodSync(folder, 0o755);
    const one = await started('unshare', '-m', '--propagation', 'private', 'sh', join(folder, 'start'));
    const script = 'process.exitCode = await (await import(process.argv[1])).runCli(process.argv.slice(2))';
    const words = ['--input-type=module', '-e', script, '--', join(folder, 'main/cli.js')];
    const environment = { PATH: process.env.PATH, XDG_STATE_HOME: '/nonexistent' };
    const asUser = (...verb: string[]) =>
      spawnSync(user[0] ?? '', [...user.slice(1), join(folder, 'node'), ...words, ...verb], {
        encoding: 'utf8',
        env: environment,
      });
    const listed: { pid: number; attachable: boolean }[] = JSON.parse(asUser('list', '--json').stdout);
    expect(listed.find(({ pid }) => pid === one.pid)).toMatchObject({ attachable: true });
    const { status, stderr } = asUser('show', '--pid', String(one.pid), 'xcr0');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    await expectWorks(one);
  });

  test('a root of its own', async () => {
    test.skip(!root, 'chroot and mknod take root');
    const { stdout } = spawnSync('ldd', [DEMO], { encoding: 'utf8' });
    const libraries = [...stdout.matchAll(/(\/\S+) \(/g)].map((match) => match[1] ?? '');
    for (const path of [DEMO, ...libraries]) {
      const to = join(folder, path === DEMO ? '/demo-vmm' : path);
      mkdirSync(dirname(to), { recursive: true });
      copyFileSync(path, to);
    }
    mkdirSync(join(folder, 'dev'));
    expect(spawnSync('mknod', [join(folder, 'dev/kvm'), 'c', '10', '232']).status).toBe(0);
    await expectWorks(await started('chroot', folder, '/demo-vmm', '--program', 'integer'));
  });

  test('six at once on one vCPU: each reads it, or is told who does', async () => {
    const one = await started(DEMO, '--program', 'integer');
    const all = await Promise.all(Array.from({ length: 6 }, () => one.show()));
    expect(all.some(({ code }) => code === 0)).toBe(true);
    for (const { code, err } of all) if (code !== 0) expect(err).toMatch(/already (attached to|traced) by/);
    await expectWorks(one);
  });
});

interface Group {
  take(pid: number): void;
  freeze(): void;
  thaw(): void;
  isFrozen(): boolean;
  remove(): boolean;
}

/** A control group that can be frozen: of version 2, else of version 1; null: neither can be made here. */
function newGroup(): Group | null {
  const name = `tilescope-${process.pid}-${basename(folder)}`;
  const make = (path: string): boolean => {
    try {
      mkdirSync(path);
      return true;
    } catch {
      return false;
    }
  };
  const remove = (path: string) => (): boolean => {
    try {
      rmdirSync(path);
    } catch {
      return !existsSync(path);
    }
    return true;
  };
  for (const mount of ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']) {
    const path = join(mount, name);
    if (!existsSync(join(mount, 'cgroup.procs')) || !make(path)) continue;
    if (!existsSync(join(path, 'cgroup.freeze'))) {
      remove(path)();
      continue;
    }
    return {
      take: (pid) => writeFileSync(join(path, 'cgroup.procs'), String(pid)),
      freeze: () => writeFileSync(join(path, 'cgroup.freeze'), '1'),
      thaw: () => existsSync(path) && writeFileSync(join(path, 'cgroup.freeze'), '0'),
      isFrozen: () => readFileSync(join(path, 'cgroup.events'), 'utf8').includes('frozen 1'),
      remove: remove(path),
    };
  }
  const path = join('/sys/fs/cgroup/freezer', name);
  if (!existsSync('/sys/fs/cgroup/freezer/cgroup.procs') || !make(path)) return null;
  return {
    take: (pid) => writeFileSync(join(path, 'cgroup.procs'), String(pid)),
    freeze: () => writeFileSync(join(path, 'freezer.state'), 'FROZEN'),
    thaw: () => existsSync(path) && writeFileSync(join(path, 'freezer.state'), 'THAWED'),
    isFrozen: () => readFileSync(join(path, 'freezer.state'), 'utf8').includes('FROZEN'),
    remove: remove(path),
  };
}
