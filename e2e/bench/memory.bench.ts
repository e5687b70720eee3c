import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { findIn } from '../../app/debug/find-memory.ts';
import { besideFloor, medianNs as median } from '../../app/fixtures/measured.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { HelperClient, NativeTools } from '../models/helper.ts';
import { provedMemory } from '../models/helper-memory.ts';

const ROUNDS = 41;
const MIB = 1 << 20;
/** Mapped, and not executed: nothing but zeros is in it. */
const AREA = 0x10_0000n;

interface Floors {
  /** Nanoseconds: process_vm_readv of 8 bytes, and of 1 MiB. */
  readonly read8: number;
  readonly read1MiB: number;
}

const floorsBy = ({ folder }: NativeTools): Floors => {
  const native = join(import.meta.dirname, '../../native');
  execFileSync('make', ['-s', '-C', native, `OUT=${folder}`, `${folder}/bench-floor`]);
  return JSON.parse(execFileSync(join(folder, 'bench-floor'), { encoding: 'utf8' })) as Floors;
};

const medianNs = (work: () => unknown): Promise<number> => median(ROUNDS, () => performance.now(), work);

const row = (...words: Parameters<typeof besideFloor>): void => console.log(besideFloor(...words));

/** What the memory of a live guest costs, the helper's pipes included, beside the system call alone and beside a capture. */
test('memory of a live guest: its proof, a walk, 1 MiB, a search', async () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');
  test.setTimeout(300_000);
  const tools = new NativeTools();
  const guest = await Guest.start({ name: 'bench-memory', inMemory: true });
  const helper = new HelperClient(tools);
  try {
    const { read8, read1MiB } = floorsBy(tools);
    const { memory, proveAgain } = await provedMemory(helper, guest.pid);
    const capture = await medianNs(() => helper.capture());
    const proof = await medianNs(async () => expect((await proveAgain()).ok).toBe(true));
    row('proving where the memory of a live guest lies', proof, 'a capture', capture);
    const walk = await medianNs(async () => expect((await memory.translate(AREA)).ok).toBe(true));
    row('walking one address of a live guest', walk, 'process_vm_readv of 8 bytes', read8);
    const read = await medianNs(async () => expect((await memory.readLinear(AREA, MIB)).ok).toBe(true));
    row('1 MiB of a live guest by linear addresses', read, 'process_vm_readv of 1 MiB', read1MiB);
    const wanted = { as: 'bytes', bytes: [0xde, 0xad, null, 0xef], stepBytes: 1 } as const;
    const search = await medianNs(async () => {
      const found = await findIn(memory, AREA, false, wanted);
      expect([found.found, found.searchedBytes]).toEqual([null, MIB]);
    });
    row('looking through 1 MiB of a live guest', search, 'process_vm_readv of 1 MiB', read1MiB);
  } finally {
    await helper.stop();
    await guest.stop();
    tools.remove();
  }
});
