import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'playwright/test';
import { QEMU_ABSENT } from '../models/guest.ts';
import { LINUX_ABSENT, LinuxGuest } from '../models/linux-guest.ts';
import { tilescope, tilescopeJson } from '../models/tilescope.ts';

interface Who {
  readonly mode: string;
  readonly cpl: number;
  readonly rip: string;
  readonly task: { readonly name: string; readonly pid: number; readonly tgid: number } | null;
  readonly taskBy: string | null;
  readonly taskWhy: string | null;
  readonly entry: { readonly kind: string; readonly number?: number } | null;
  readonly calls: readonly { readonly symbol: { readonly name: string } | null }[];
  readonly callsEnd: string;
  readonly callsBy: string;
}

const namesOf = ({ calls }: Who): readonly (string | undefined)[] => calls.map(({ symbol }) => symbol?.name);

const absent = QEMU_ABSENT ?? LINUX_ABSENT;

/*
 * This machine's own Linux kernel in QEMU on an emulated CPU, moved by KASLR: what Tilescope says of its dump beside what the guest
 * prints of itself.
 */
test.describe('who executes in a dump of a real Linux guest', () => {
  test.skip(absent !== null, absent ?? '');

  let guest: LinuxGuest;
  test.beforeAll(async () => {
    guest = await LinuxGuest.start();
  });
  test.afterAll(async () => guest?.stop());

  test('[LT2] [LT4] [LT5] [LT6] [SY2] [SY3] task, pid, system call and calls by ORC are those that the guest prints; other files are told', async () => {
    const whoIn = (dump: string, ...more: string[]): Promise<Who> =>
      tilescopeJson<Who>('who', dump, '--symbols', guest.symbols, '--btf', guest.btf, ...more);
    let dump = await guest.dump();
    let who = await whoIn(dump);
    // It is in that system call for nearly all of the time; an interrupt, or the program itself, may stand there.
    while (who.cpl !== 0 || who.task?.name !== 'dd' || !namesOf(who).includes(guest.stack[0])) {
      await guest.ask('cont');
      dump = await guest.dump();
      who = await whoIn(dump);
    }
    expect(who).toMatchObject({ mode: '64-bit', cpl: 0, callsBy: 'ORC' });
    expect(who.task).toMatchObject({ name: 'dd', pid: guest.pid, tgid: guest.pid });
    // read() is number 0. (arch/x86/entry/syscalls/syscall_64.tbl)
    expect(who.entry).toEqual({ kind: 'system call', number: 0 });
    // The program itself called, and has no symbol.
    const names = namesOf(who);
    expect(guest.stack).toContain('vfs_read');
    expect(names.slice(-guest.stack.length - 1)).toEqual([...guest.stack, undefined]);
    expect(who.callsEnd).toContain('user');

    const text = await tilescope('who', dump, '--symbols', guest.symbols, '--btf', guest.btf);
    expect(text.out).toContain(`task dd, pid ${guest.pid}`);
    expect(text.out).toContain('the kernel was entered by system call 0\n');

    // The same entry without ORC, by what the CPU's own memory names as the top of the stack.
    const bare = `${guest.symbols}.bare`;
    const bareLines = readFileSync(guest.symbols, 'utf8')
      .split('\n')
      .filter((line) => !line.includes('orc_unwind'));
    writeFileSync(bare, bareLines.join('\n'));
    const byTop = await tilescopeJson<Who>('who', dump, '--symbols', bare, '--btf', guest.btf);
    expect([byTop.callsBy, byTop.entry]).toEqual(['frame pointers', who.entry]);

    // KASLR is solved: the same symbols, all of them 64 MiB further, give the same.
    const moved = `${guest.symbols}.moved`;
    const lines = readFileSync(guest.symbols, 'utf8').split('\n');
    const shifted = lines.map((line) => {
      const [, address, rest] = /^(ffffffff[0-9a-f]{8})( .*)$/.exec(line) ?? [];
      return address === undefined ? line : `${(BigInt(`0x${address}`) - 0x400_0000n).toString(16)}${rest}`;
    });
    writeFileSync(moved, shifted.join('\n'));
    const again = await tilescopeJson<Who>('who', dump, '--symbols', moved, '--btf', guest.btf);
    expect(again).toEqual(who);

    // Those of another kernel are refused.
    const other = `${guest.symbols}.other`;
    writeFileSync(
      other,
      lines
        .map((line, at) =>
          line.replace(
            /^(ffffffff[0-9a-f]{5})\w{3}( .* (?:asm_exc_|entry_))/,
            `$1${(at % 4096).toString(16).padStart(3, '0')}$2`,
          ),
        )
        .join('\n'),
    );
    const refused = await tilescope('who', dump, '--symbols', other, '--btf', guest.btf);
    expect([refused.code, refused.out]).toEqual([3, '']);
    expect(refused.err).toContain('of another kernel');
    expect((await tilescope('who', dump, '--thread', '1')).code).toBe(2);
  });

  test('[GM4] the kernel’s own words stand where its symbols say', async () => {
    const dump = await guest.dump();
    const line = readFileSync(guest.symbols, 'utf8')
      .split('\n')
      .find((one) => one.endsWith(' linux_banner'));
    const { hex } = await tilescopeJson<{ hex: string }>('mem', dump, `0x${line?.split(' ')[0]}`, '--bytes', '64');
    const said = Buffer.from(hex, 'hex').toString();
    expect(guest.banner.startsWith('Linux version ')).toBe(true);
    expect(guest.banner.slice(0, 64)).toBe(said);
  });
});
