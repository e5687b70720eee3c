import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { smallBtf } from '../../app/disas/testdata/small-btf.ts';
import { Guest } from './guest.ts';

/** Where its symbols say that it lies, and where it does. */
export const LINKED_AT = 0xffff_ffff_8100_0000n;
/** So many pages of 2 MiB behind the first ones. */
export const MOVED_BY = 0x0600_0000n;

const PHYSICAL = 0x40_0000;
/** Present, writable, accessed, dirty; of 2 MiB. */
const [USED, LARGE] = [0x63n, 0x80n];
const [PML4, PDPT, DIRECTORY] = [0x1000, 0x4000, 0x5000];

const word = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
};

/** A guest that executes what looks like a Linux kernel which KASLR has moved. */
export class KernelGuest {
  readonly guest: Guest;
  /** As nm prints it. */
  readonly systemMap: string;
  readonly btf: string;
  /** The ELF file, which has the BTF too. */
  readonly vmlinux: string;
  readonly folder: string;

  private constructor(guest: Guest, folder: string, systemMap: string, btf: string) {
    this.guest = guest;
    this.folder = folder;
    this.systemMap = systemMap;
    this.btf = btf;
    this.vmlinux = join(folder, 'vmlinux');
  }

  /** @param withOrc its functions keep no frame pointers: tables in it say where frames lie */
  static async start(name: string, withOrc: boolean): Promise<KernelGuest> {
    const folder = mkdtempSync(join(tmpdir(), 'tilescope-kernel-'));
    const at = (file: string): string => join(folder, file);
    const source = join(import.meta.dirname, '../guest/kernel.S');
    execFileSync('as', [...(withOrc ? ['--defsym', 'ORC=1'] : []), '-o', at('kernel.o'), source]);
    execFileSync('ld', [
      ...['-m', 'elf_x86_64', '-e', 'start_kernel', `-Ttext=0x${LINKED_AT.toString(16)}`],
      ...['--section-start=.percpu=0', '-o', at('vmlinux'), at('kernel.o')],
    ]);
    execFileSync('objcopy', ['-O', 'binary', '-j', '.text', at('vmlinux'), at('image')]);
    writeFileSync(at('System.map'), execFileSync('nm', ['-n', at('vmlinux')]));
    writeFileSync(at('btf'), smallBtf());
    execFileSync('objcopy', ['--add-section', `.BTF=${at('btf')}`, at('vmlinux')]);
    const loader = `loader,file=${at('image')},addr=0x${PHYSICAL.toString(16)},force-raw=on`;
    const guest = await Guest.start({ name, inMemory: true, more: ['-device', loader] });
    const entry = LINKED_AT + MOVED_BY;
    const index = (shift: bigint): number => Number((entry >> shift) & 511n) * 8;
    guest.store(DIRECTORY + index(21n), word(BigInt(PHYSICAL) | USED | LARGE));
    guest.store(PDPT + index(30n), word(BigInt(DIRECTORY) | USED));
    guest.store(PML4 + index(39n), word(BigInt(PDPT) | USED));
    // Its loop's jump goes to a jump to the kernel: mov rax, entry; jmp rax.
    guest.store(0x8020, Buffer.concat([Buffer.from([0x48, 0xb8]), word(entry), Buffer.from([0xff, 0xe0])]));
    guest.store(0x8004, Buffer.from([0x20 - 5]));
    return new KernelGuest(guest, folder, at('System.map'), at('btf'));
  }

  /** The jump of its loop becomes UD2. */
  raiseUndefined(): void {
    const increment = readFileSync(join(this.folder, 'image')).indexOf(Buffer.from([0x48, 0xff, 0x05]));
    this.guest.store(PHYSICAL + increment + 7, Buffer.from([0x0f, 0x0b]));
  }

  async stop(): Promise<void> {
    await this.guest.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
