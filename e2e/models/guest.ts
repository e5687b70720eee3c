import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PICTURED_XCR0 } from './described-host.ts';
import { fitting, PICTURED_HAVING } from './having.ts';
import { Monitor } from './monitor.ts';
import { pictured } from './pictured.ts';
import { tilescope } from './tilescope.ts';

const isThere = (program: string): boolean =>
  (process.env.PATH ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

const kvmAbsent = (): string | null => {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return null;
  } catch {
    return existsSync('/dev/kvm') ? '/dev/kvm cannot be opened by this user' : '/dev/kvm is absent';
  }
};

const programAbsent = (): string | null => {
  const absent = ['qemu-system-x86_64', 'as', 'ld'].find((program) => !isThere(program));
  return absent === undefined ? null : `${absent} is not installed`;
};

/** Why no guest of QEMU's can run here, whose CPU may be emulated, or null. */
export const QEMU_ABSENT: string | null = programAbsent();

/** Why no guest of QEMU's can run here, or null. */
export const KVM_ABSENT: string | null = process.env.TILESCOPE_NO_TARGETS ?? kvmAbsent() ?? QEMU_ABSENT;

/** What QEMU's own monitor prints of the vector state: a reader that shares no code with Tilescope. */
export interface MonitorRegisters {
  readonly mxcsr: string;
  readonly fcw: string;
  readonly fsw: string;
  /** Ten bytes as hex, exponent first, as they stand in ST(0) … ST(7). */
  readonly fpr: readonly string[];
  /** The widest registers that the guest has, 64 bytes each with AVX-512, as hex, highest byte first. */
  readonly zmm: readonly string[];
  readonly opmask: readonly string[];
}

/** What must be the same after Tilescope has gone as before it came. */
export interface Footprint {
  readonly threads: readonly string[];
  readonly maps: readonly string[];
  readonly descriptors: readonly string[];
  readonly signalMasks: readonly string[];
}

export interface GuestOptions {
  readonly name: string;
  readonly vcpus?: number;
  readonly debugThreads?: boolean;
  /** Every vCPU counts, not the first alone; the others wait for ever otherwise. */
  readonly allCount?: boolean;
  /** The loop runs in memory, at 0x8000, and not in the ROM. */
  readonly inMemory?: boolean;
  /** It calls functions there. */
  readonly calls?: boolean;
  /** Pictures of it are compared: it has the CPU of the machine that is pictured. */
  readonly pictured?: boolean;
  /** More words for QEMU. */
  readonly more?: readonly string[];
}

const RAM_BYTES = 64n * 1024n * 1024n;

/** A real QEMU process with KVM whose guest counts in a loop. */
export class Guest {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #monitor: Monitor;
  #ended = false;

  private constructor(child: ChildProcess, folder: string, monitor: Monitor) {
    if (child.pid === undefined) throw new Error('QEMU did not start');
    this.pid = child.pid;
    this.#child = child;
    this.#folder = folder;
    this.#monitor = monitor;
    child.once('exit', () => {
      this.#ended = true;
    });
  }

  static async start(options: GuestOptions): Promise<Guest> {
    const folder = mkdtempSync(join(tmpdir(), 'tilescope-guest-'));
    const cpu = options.pictured === true ? (await pictured()).guestCpu : null;
    // A KVM may show its guests all that the CPU has, whatever they are given.
    const rom = buildRom(folder, options, cpu === null ? null : PICTURED_XCR0);
    const socket = join(folder, 'monitor');
    const child = spawn(
      'qemu-system-x86_64',
      [
        ...[
          '-accel',
          'kvm',
          '-cpu',
          cpu ?? process.env.TILESCOPE_GUEST_CPU ?? 'host,-arch-capabilities',
          '-m',
          '64',
          '-smp',
          String(options.vcpus ?? 1),
        ],
        ...['-name', `guest=${options.name}${options.debugThreads === false ? '' : ',debug-threads=on'}`],
        ...['-display', 'none', '-nodefaults', '-serial', 'none', '-bios', rom],
        ...['-monitor', `unix:${socket},server=on,wait=off`],
        ...(options.more ?? []),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let words = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      words += chunk.toString();
    });
    const monitor = await Monitor.open(socket, () =>
      (child.exitCode ?? child.signalCode) === null
        ? null
        : `QEMU ended with ${child.exitCode ?? child.signalCode}: ${words}`,
    );
    const guest = new Guest(child, folder, monitor);
    for (let vcpu = 0; vcpu < (options.allCount === true ? (options.vcpus ?? 1) : 1); vcpu += 1) {
      await guest.progress(vcpu);
    }
    if (options.pictured === true) await guest.putOutOfInit(options.vcpus);
    await guest.settle();
    return guest;
  }

  /**
   * Each component of a pictured guest holds something: where its values are the initial ones the CPU drops it from XSTATE_BV, or
   * puts it in, by itself, and a picture shows which. To be done again where the monitor was asked, for QEMU may put back a copy of
   * its own that lacks some.
   */
  async putOutOfInit(vcpus = 1): Promise<void> {
    const held = fitting(['zmm15:f32=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16', 'k7=7', 'fcw=0x27f'], PICTURED_HAVING);
    for (let vcpu = 0; vcpu < vcpus; vcpu += 1) {
      const { code, err } = await tilescope('set', '--pid', String(this.pid), '--vcpu', String(vcpu), ...held);
      if (code !== 0) throw new Error(err);
    }
  }

  get ended(): boolean {
    return this.#ended;
  }

  monitor(command: string): Promise<string> {
    return this.#monitor.ask(command);
  }

  /** How far a vCPU has counted. */
  async counter(vcpu = 0): Promise<bigint> {
    const text = await this.monitor(`xp /1gx 0x${(0x7e00 + vcpu * 0x40).toString(16)}`);
    const value = /:\s*(0x[0-9a-f]+)/.exec(text)?.[1];
    if (value === undefined) throw new Error(`the monitor did not show memory: ${text}`);
    return BigInt(value);
  }

  /** Resolves once a vCPU has counted on; one that does not is ended with the test. */
  async progress(vcpu = 0): Promise<void> {
    const from = await this.counter(vcpu);
    while ((await this.counter(vcpu)) <= from) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** QEMU's heap goes on growing for a moment after its start: footprints are comparable once it has stood still. */
  private async settle(): Promise<void> {
    let last = JSON.stringify(this.footprint());
    for (let quiet = 0; quiet < 5; ) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const now = JSON.stringify(this.footprint());
      quiet = now === last ? quiet + 1 : 0;
      last = now;
    }
  }

  /**
   * How far a vCPU has counted, out of QEMU's memory: the monitor waits for a vCPU that stands still, and has QEMU write its
   * copy of the registers back.
   */
  counted(vcpu = 0): bigint {
    return this.stored(0x7e00 + vcpu * 0x40, 8).readBigUInt64LE(0);
  }

  /** Bytes of its memory, out of QEMU's. */
  stored(physical: number, bytes: number): Buffer {
    return this.#inMemory('r', (memory, base) => {
      const found = Buffer.alloc(bytes);
      readSync(memory, found, 0, bytes, base + BigInt(physical));
      return found;
    });
  }

  /** Writes into its memory, as another vCPU of it would. */
  store(physical: number, bytes: Uint8Array): void {
    this.#inMemory('r+', (memory, base) => writeSync(memory, bytes, 0, bytes.length, Number(base) + physical));
  }

  #inMemory<T>(mode: 'r' | 'r+', use: (memory: number, base: bigint) => T): T {
    const base = readFileSync(`/proc/${this.pid}/maps`, 'utf8')
      .split('\n')
      .flatMap((line) => {
        const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw-p 0+ 00:00 0\s*$/.exec(line) ?? [];
        return from !== undefined && BigInt(`0x${to}`) - BigInt(`0x${from}`) === RAM_BYTES ? [BigInt(`0x${from}`)] : [];
      })[0];
    if (base === undefined) throw new Error("the guest's memory is not among QEMU's mappings");
    const memory = openSync(`/proc/${this.pid}/mem`, mode);
    try {
      return use(memory, base);
    } finally {
      closeSync(memory);
    }
  }

  /** Resolves once a vCPU has counted on, by counted(). */
  async counts(vcpu: number): Promise<void> {
    const from = this.counted(vcpu);
    while (this.counted(vcpu) === from) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Thread of each vCPU, from QEMU itself. */
  async vcpuThreads(): Promise<number[]> {
    return [...(await this.monitor('info cpus')).matchAll(/thread_id=(\d+)/g)].map((match) => Number(match[1]));
  }

  async registers(): Promise<MonitorRegisters> {
    const text = await this.monitor('info registers');
    const one = (pattern: RegExp): string => {
      const found = pattern.exec(text)?.[1];
      if (found === undefined) throw new Error(`the monitor prints no ${pattern}: ${text}`);
      return found;
    };
    const all = (pattern: RegExp): string[] =>
      [...text.matchAll(pattern)].map((match) => (match[1] ?? '').replace(/\s+/g, ''));
    return {
      mxcsr: one(/MXCSR=([0-9a-f]+)/),
      fcw: one(/FCW=([0-9a-f]+)/),
      fsw: one(/FSW=([0-9a-f]+)/),
      fpr: [...text.matchAll(/FPR\d=([0-9a-f]{16}) ([0-9a-f]{4})/g)].map((match) => `${match[2]}${match[1]}`),
      zmm: all(/[XYZ]MM\d\d=((?:[0-9a-f]{16} ?){2,8})/g),
      opmask: all(/Opmask\d\d=([0-9a-f]{16})/g),
    };
  }

  footprint(): Footprint {
    const proc = `/proc/${this.pid}`;
    const tids = readdirSync(`${proc}/task`);
    return {
      threads: tids.map((tid) => `${tid} ${readFileSync(`${proc}/task/${tid}/comm`, 'utf8').trim()}`),
      maps: readFileSync(`${proc}/maps`, 'utf8').trim().split('\n'),
      descriptors: readdirSync(`${proc}/fd`).map((fd) => `${fd} ${readlinkSync(`${proc}/fd/${fd}`)}`),
      signalMasks: tids.map((tid) => {
        const status = readFileSync(`${proc}/task/${tid}/status`, 'utf8');
        return `${tid} ${[...status.matchAll(/^(?:SigPnd|ShdPnd|SigBlk|SigIgn|SigCgt|TracerPid):.*$/gm)].map((match) => match[0]).join(' ')}`;
      }),
    };
  }

  async stop(): Promise<void> {
    this.#monitor.close();
    if (!this.#ended) {
      const gone = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const buildRom = (folder: string, { allCount, inMemory, calls }: GuestOptions, xcr0: bigint | null): string =>
  assembleRom(folder, 'rom', {
    ...(xcr0 === null ? {} : { XCR0: xcr0 }),
    ...(allCount === true ? { SMP: 1n } : {}),
    ...(inMemory === true ? { RAM: 1n } : {}),
    ...(calls === true ? { CALLS: 1n } : {}),
  });

/** A ROM for -bios, of a source in e2e/guest with these symbols. */
export function assembleRom(folder: string, name: string, symbols: Readonly<Record<string, bigint>>): string {
  const source = join(import.meta.dirname, `../guest/${name}.S`);
  const object = join(folder, `${name}.o`);
  const rom = join(folder, `${name}.bin`);
  const defined = Object.entries(symbols).flatMap(([symbol, value]) => ['--defsym', `${symbol}=${value}`]);
  execFileSync('as', [...defined, '-o', object, source]);
  execFileSync('ld', ['-m', 'elf_x86_64', '-Ttext=0', '--oformat', 'binary', '-o', rom, object]);
  return rom;
}
