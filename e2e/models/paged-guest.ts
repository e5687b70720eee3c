import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assembleRom } from './guest.ts';
import { Monitor } from './monitor.ts';
import type { Mapped, Window } from './random-tables.ts';

export interface PagedOptions {
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  /** What is loaded into its memory. */
  readonly windows: readonly Window[];
  /** Words for QEMU: the machine and its memory. */
  readonly machine: readonly string[];
  /** Its CPU is emulated where nothing is said: that one has every paging mode. */
  readonly accelerator?: 'tcg' | 'kvm';
  /** A program and its words that start QEMU in its own place. */
  readonly through?: readonly string[];
}

export interface Control {
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
}

const CPU = {
  tcg: ['-accel', 'tcg', '-cpu', 'max'],
  kvm: ['-accel', 'kvm', '-cpu', process.env.TILESCOPE_GUEST_CPU ?? 'host,-arch-capabilities'],
} as const;

/** A guest of QEMU's that waits with its paging on. One whose CPU is emulated has been stopped. */
export class PagedGuest {
  readonly pid: number;
  readonly control: Control;
  readonly monitor: Monitor;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #memory: number;

  private constructor(child: ChildProcess, folder: string, monitor: Monitor, control: Control) {
    if (child.pid === undefined) throw new Error('QEMU did not start');
    this.pid = child.pid;
    this.control = control;
    this.monitor = monitor;
    this.#child = child;
    this.#folder = folder;
    this.#memory = openSync(`/proc/${child.pid}/mem`, 'r');
  }

  static async start(options: PagedOptions): Promise<PagedGuest> {
    const folder = mkdtempSync(join(tmpdir(), 'tilescope-paged-'));
    const { cr0, cr3, cr4, efer } = options;
    const rom = assembleRom(folder, 'paging', { CR0: cr0, CR3: cr3, CR4: cr4, EFER: efer });
    const loaded = options.windows.flatMap(({ physical, bytes }, index) => {
      const file = join(folder, `window-${index}`);
      writeFileSync(file, bytes);
      return ['-device', `loader,file=${file},addr=0x${physical.toString(16)},force-raw=on`];
    });
    const socket = join(folder, 'monitor');
    const words = [
      ...CPU[options.accelerator ?? 'tcg'],
      ...['-display', 'none', '-nodefaults', '-serial', 'none', '-bios', rom],
      ...['-monitor', `unix:${socket},server=on,wait=off`],
      ...options.machine,
      ...loaded,
    ];
    const [program = '', ...given] = [...(options.through ?? []), 'qemu-system-x86_64', ...words];
    const child = spawn(program, given, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const monitor = await Monitor.open(socket, () =>
      (child.exitCode ?? child.signalCode) === null ? null : `QEMU ended with ${child.exitCode}: ${said}`,
    );
    for (;;) {
      const control = controlIn(await monitor.ask('info registers'));
      if (control.cr3 === cr3 && (control.cr0 & cr0) === cr0) {
        // One that KVM runs is in HLT, and stays there.
        if (options.accelerator !== 'kvm') await monitor.ask('stop');
        return new PagedGuest(child, folder, monitor, control);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** What QEMU itself says is mapped, by `info tlb`: of each page its linear and physical address. Of PAE it prints NX with it. */
  async pages(): Promise<Pick<Mapped, 'linear' | 'physical'>[]> {
    const text = await this.monitor.ask('info tlb');
    return [...text.matchAll(/^([0-9a-f]{16}): ([0-9a-f]{16}) /gm)].map(([, linear, physical]) => ({
      linear: BigInt(`0x${linear}`),
      physical: BigInt.asUintN(63, BigInt(`0x${physical}`)),
    }));
  }

  /** QEMU's own translation; null: it has none. */
  async translation(linear: bigint): Promise<bigint | null> {
    const found = /^gpa: (0x[0-9a-f]+|0)/.exec(await this.monitor.ask(`gva2gpa 0x${linear.toString(16)}`));
    return found?.[1] === undefined ? null : BigInt(found[1]);
  }

  /** Eight bytes at a linear address, as QEMU prints them; null: it cannot read them. */
  async word(linear: bigint): Promise<bigint | null> {
    const found = /: (0x[0-9a-f]{16})/.exec(await this.monitor.ask(`x /1gx 0x${linear.toString(16)}`));
    return found?.[1] === undefined ? null : BigInt(found[1]);
  }

  /** Guest physical memory as QEMU saves it. */
  async saved(physical: bigint, bytes: number): Promise<Buffer> {
    const file = join(this.#folder, 'saved');
    const said = await this.monitor.ask(`pmemsave 0x${physical.toString(16)} ${bytes} "${file}"`);
    if (said !== '') throw new Error(said);
    return readFileSync(file);
  }

  /** What QEMU's dump-guest-memory writes: the path of the file. */
  async dump(): Promise<string> {
    const file = join(this.#folder, 'dump');
    await this.monitor.ask(`dump-guest-memory ${file}`);
    return file;
  }

  /** QEMU's readable and writable mappings. */
  mappings(): { readonly start: bigint; readonly end: bigint }[] {
    return [...readFileSync(`/proc/${this.pid}/maps`, 'utf8').matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw-/gm)].map(
      ([, start, end]) => ({ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) }),
    );
  }

  /** Of each of those whether it holds one thing alone: it is of a file, or QEMU has kept it from forks. */
  bounds(): boolean[] {
    const parts = readFileSync(`/proc/${this.pid}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
    return parts
      .filter((part) => /^\S+ rw-/.test(part))
      .map((part) => !/^\S+ \S+ \S+ \S+ 0 /.test(part) || /^VmFlags:.* dc\b/m.test(part));
  }

  /** Bytes of QEMU's own memory; null: they cannot be read. */
  readHost(address: bigint, bytes: number): Uint8Array | null {
    const found = Buffer.alloc(bytes);
    try {
      return readSync(this.#memory, found, 0, bytes, address) === bytes ? found : null;
    } catch {
      return null;
    }
  }

  async stop(): Promise<void> {
    this.monitor.close();
    closeSync(this.#memory);
    if ((this.#child.exitCode ?? this.#child.signalCode) === null) {
      const gone = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const controlIn = (text: string): Control => {
  const one = (pattern: RegExp): bigint => BigInt(`0x${pattern.exec(text)?.[1] ?? '0'}`);
  return {
    cr0: one(/CR0=([0-9a-f]+)/),
    cr3: one(/CR3=([0-9a-f]+)/),
    cr4: one(/CR4=([0-9a-f]+)/),
    efer: one(/EFER=([0-9a-f]+)/),
  };
};
