import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { KVM_ABSENT } from '../models/guest.ts';
import { KernelGuest, LINKED_AT, MOVED_BY } from '../models/kernel-guest.ts';
import { tilescope, tilescopeJson } from '../models/tilescope.ts';

interface Who {
  readonly mode: string;
  readonly cpl: number;
  readonly pageTables: string;
  readonly rip: string;
  readonly task: {
    readonly name: string;
    readonly pid: number;
    readonly tgid: number;
    readonly address: string;
  } | null;
  readonly taskWhy: string | null;
  readonly entry: null;
  readonly entryWhy: string | null;
  readonly calls: readonly {
    readonly address: string;
    readonly symbol: { readonly name: string; readonly offset: string } | null;
    readonly framePointer: string | null;
  }[];
  readonly callsEnd: string;
  readonly callsBy: string;
}

const CALLS = ['default_idle', 'do_idle', 'rest_init', 'start_kernel'];
const hex = (value: bigint): string => `0x${value.toString(16)}`;

test.describe('who executes in a live guest whose kernel KASLR has moved', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  for (const { by, withOrc } of [
    { by: 'frame pointers', withOrc: false },
    { by: 'ORC', withOrc: true },
  ]) {
    test.describe(`calls by ${by}`, () => {
      let kernel: KernelGuest;
      test.beforeAll(async () => {
        kernel = await KernelGuest.start(withOrc ? 'orc' : 'frames', withOrc);
      });
      test.afterAll(async () => kernel?.stop());

      const asked = (...words: string[]): string[] => [
        ...['who', '--pid', String(kernel.guest.pid), '--symbols', kernel.systemMap, ...words],
      ];
      /** Eight bytes at a linear address, as QEMU's monitor reads them. */
      const word = async (linear: string): Promise<bigint> => {
        const text = await kernel.guest.monitor(`x /1gx ${linear}`);
        return BigInt(/: (0x[0-9a-f]+)/.exec(text)?.[1] ?? -1);
      };

      test(`[LT4] [LT2] [${withOrc ? 'LT5' : 'LT3'}] [SY3] mode, task and every call by its name, and nothing left in QEMU`, async () => {
        const footprint = kernel.guest.footprint();
        await expect
          .poll(async () => (await tilescopeJson<Who>(...asked())).calls.map(({ symbol }) => symbol?.name))
          .toEqual(CALLS);
        const who = await tilescopeJson<Who>(...asked('--btf', kernel.btf));
        expect(who).toMatchObject({ mode: '64-bit', cpl: 0, pageTables: '0x1000', taskWhy: null });
        expect(who.task).toMatchObject({ name: 'matmul', pid: 4243, tgid: 4242 });
        // [LT6] It was never in user mode, and its symbols do not say where that would stand.
        expect([who.entry, who.entryWhy]).toEqual([
          null,
          expect.stringContaining('name neither cpu_current_top_of_stack'),
        ]);
        expect(who.calls.map(({ symbol }) => symbol?.name)).toEqual(CALLS);
        expect(who.callsBy).toContain(by);
        // The ELF file alone says the same: it has symbols and BTF.
        const { task, calls } = await tilescopeJson<Who>(
          ...['who', '--pid', String(kernel.guest.pid), '--symbols', kernel.vmlinux],
        );
        expect([task, calls.slice(1)]).toEqual([who.task, who.calls.slice(1)]);
        const named = new Map(
          [...readFileSync(kernel.systemMap, 'utf8').matchAll(/^([0-9a-f]{16}) \w (\w+)$/gm)].map(
            ([, address, name]) => [name, BigInt(`0x${address}`)] as const,
          ),
        );
        expect(named.get('start_kernel')).toBe(LINKED_AT);
        for (const { address, symbol } of who.calls) {
          expect(BigInt(address)).toBe((named.get(symbol?.name) ?? 0n) + MOVED_BY + BigInt(symbol?.offset ?? -1));
        }
        expect(who.task?.address).toBe(hex((named.get('init_task') ?? 0n) + MOVED_BY));
        // The counter is where its symbol says, and goes on.
        const counter = hex((named.get('counter') ?? 0n) + MOVED_BY);
        const before = await word(counter);
        const [read] = await tilescopeJson<{ values: number[] }>(
          ...['mem', '--pid', String(kernel.guest.pid), 'counter:u64', '--symbols', kernel.systemMap],
        ).then(({ values }) => values);
        const after = await word(counter);
        expect(BigInt(read ?? -1) >= before && BigInt(read ?? -1) <= after, `${before} ${read} ${after}`).toBe(true);
        if (!withOrc) {
          for (const [at, { framePointer }] of who.calls.slice(0, -1).entries()) {
            const caller = who.calls[at + 1];
            expect(await word(hex(BigInt(framePointer ?? 0) + 8n))).toBe(BigInt(caller?.address ?? -1));
          }
        }
        const code = await tilescope(
          ...['disas', '--pid', String(kernel.guest.pid), 'do_idle', '--symbols', kernel.systemMap, '--count', '6'],
        );
        expect(code.out).toContain('default_idle');
        expect(kernel.guest.footprint()).toEqual(footprint);
      });

      test('[SY3] symbols of another kernel are refused, and nothing is named by them', async () => {
        const other = join(kernel.folder, 'other.map');
        let index = 0n;
        const moved = readFileSync(kernel.systemMap, 'utf8').replace(
          /^(ffffffff[0-9a-f]{8})( [Tt] )/gm,
          (_, at, kind) => {
            index += 0x1230n;
            return `${(BigInt(`0x${at}`) + index).toString(16)}${kind}`;
          },
        );
        writeFileSync(other, moved);
        const refused = await tilescope('who', '--pid', String(kernel.guest.pid), '--symbols', other);
        expect([refused.code, refused.out]).toEqual([3, '']);
        expect(refused.err).toContain('is of another kernel than the one that this vCPU runs');
      });
    });
  }
});
