import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { memoryOf } from '../../app/debug/memory-of.ts';
import type { Target } from '../../app/debug/target.ts';
import type { GuestMemory, MemoryPort } from '../../app/memory/guest-memory.ts';
import type { Answer } from '../../app/refusals/answer.ts';
import { answer } from '../../app/refusals/refusal.ts';
import { kvmAbsent } from '../boot/kvm.mjs';
import { createHelper } from '../helper/helper.ts';
import { openLive } from './live.ts';

/** The memory of the demo guest, a mapping of 1 MiB, beside what its VMM itself has there. */
const at = (file: string): string => fileURLToPath(new URL(`../../dist/native/${file}`, import.meta.url));
const [HELPER, VMM] = [at('tilescope-helper'), at('demo-vmm')];

const whyNot = ((): string | null => {
  for (const path of [HELPER, VMM]) if (!existsSync(path)) return `${path} is not built: npm run build`;
  return kvmAbsent();
})();
if (whyNot !== null) process.stderr.write(`main/targets/demo-memory.test.ts is skipped: ${whyNot}\n`);

const MIB = 1 << 20;
const HOLE = { start: 0xa0000, end: 0x100000 };
/** The one table whose entry is a page (native/demo/guest_area.h, GUEST_PD). */
const DIRECTORY = 0xa000n;

let vmm: (ChildProcess & { pid: number }) | null = null;
let target: Target | null = null;
afterEach(async () => {
  await target?.detach();
  vmm?.kill('SIGKILL');
  [vmm, target] = [null, null];
});

/** Frozen, in 64-bit code that every CPU can execute. */
const start = async (): Promise<{ readonly memory: MemoryPort; readonly host: bigint; readonly pid: number }> => {
  vmm = spawn(VMM, ['--program', 'general', '--held'], { stdio: 'ignore' }) as ChildProcess & { pid: number };
  const { pid } = vmm;
  const lister = createHelper({ path: HELPER });
  await expect
    .poll(async () => {
      const listed = await lister.ask('listTargets', { afterPid: 0 });
      return listed.ok && listed.value.targets.some((one) => one.pid === pid && one.vcpus.length === 1);
    })
    .toBe(true);
  await lister.stop();
  const helper = createHelper({ path: HELPER });
  const opened = await openLive({ helper, pid, startTimeTicks: 0n, vcpu: 0, suspendSeccomp: false });
  if (!opened.ok) throw new Error(opened.refusal.what);
  target = opened.value;
  expect(await target.freeze()).toMatchObject({ ok: true });
  const [host] = readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .map((line) => /^([0-9a-f]+)-([0-9a-f]+) rw-s .*memfd:demo/.exec(line))
    .flatMap((found) => (found === null ? [] : [[BigInt(`0x${found[1]}`), BigInt(`0x${found[2]}`)] as const]))
    .filter(([from, to]) => to - from === BigInt(MIB))
    .map(([from]) => from);
  if (target.memory === null || host === undefined) throw new Error('the demo VMM has no memory of 1 MiB');
  return { memory: target.memory, host, pid };
};

/** As the target has it, or through another port. */
const opened = async (port: MemoryPort): Promise<Answer<GuestMemory>> => {
  const now = await target?.capture();
  if (target === null || !now?.ok) throw new Error('the vCPU cannot be read');
  return memoryOf({ ...target, run: target.run, memory: port }, now.value.facts);
};

/** By no way of ours. */
const ownBytes = (pid: number, host: bigint, bytes: number): Buffer => {
  const file = openSync(`/proc/${pid}/mem`, 'r');
  try {
    const found = Buffer.alloc(bytes);
    readSync(file, found, 0, bytes, host);
    return found;
  } finally {
    closeSync(file);
  }
};

describe.skipIf(whyNot !== null)('[GM2] the memory of the demo guest', () => {
  test('every byte is the VMM’s own, by both addresses; the hole and what is behind it is not known', async () => {
    const { memory, host, pid } = await start();
    const known = await opened(memory);
    if (!known.ok) throw new Error(known.refusal.what);
    const theirs = ownBytes(pid, host, MIB).subarray(0, HOLE.start);
    for (const read of [await known.value.readPhysical(0n, HOLE.start), await known.value.readLinear(0n, HOLE.start)]) {
      expect(read.ok && theirs.equals(read.value.bytes)).toBe(true);
    }
    expect(theirs.some((byte) => byte !== 0)).toBe(true);
    for (const physical of [HOLE.start, HOLE.end - 1, HOLE.end, HOLE.end + 4096]) {
      expect(await known.value.readPhysical(BigInt(physical), 1)).toMatchObject({
        refusal: { code: 'memory-unknown' },
      });
    }
    // Mapped by its large page, and no memory.
    expect(await known.value.readLinear(BigInt(MIB), 1)).toMatchObject({ refusal: { code: 'memory-unknown' } });
  });

  test('where a table is not what KVM walks, or a copy of all of it is mapped too, nothing is known', async () => {
    const { memory, host } = await start();
    const spoilt: MemoryPort = {
      ...memory,
      readHost: async (address, bytes) => {
        const read = await memory.readHost(address, bytes);
        const inside = Number(host + DIRECTORY - address);
        // The page begins 2 MiB further.
        if (read !== null && inside >= 0 && inside < bytes) read[inside + 2] = (read[inside + 2] ?? 0) ^ 0x20;
        return read;
      },
    };
    expect(await opened(spoilt)).toMatchObject({ refusal: { code: 'memory-unknown' } });

    const copy = host + (1n << 40n);
    const inCopy = (address: bigint): boolean => address >= copy && address < copy + BigInt(MIB);
    const twice: MemoryPort = {
      ...memory,
      mappings: async () => {
        const listed = await memory.mappings();
        return listed.ok ? answer([...listed.value, { start: copy, end: copy + BigInt(MIB) }]) : listed;
      },
      readHost: (address, bytes) => memory.readHost(inCopy(address) ? address - copy + host : address, bytes),
    };
    expect(await opened(twice)).toMatchObject({ refusal: { code: 'memory-unknown' } });

    // One byte of its table is another: the guest's own is known again, and that one is not it.
    const decoy: MemoryPort = {
      ...twice,
      readHost: async (address, bytes) => {
        const read = await twice.readHost(address, bytes);
        const inside = Number(copy + DIRECTORY - address);
        if (read !== null && inCopy(address) && inside >= 0 && inside < bytes)
          read[inside + 2] = (read[inside + 2] ?? 0) ^ 0x20;
        return read;
      },
    };
    const known = await opened(decoy);
    expect(known.ok && known.value.proof.regions.map((one) => one.host)).toEqual([host]);
  });
});
