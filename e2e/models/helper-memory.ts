import { concat } from '../../app/bits/bytes.ts';
import { memoryOf } from '../../app/debug/memory-of.ts';
import { pagingContextOf } from '../../app/debug/paging-context.ts';
import type { Target } from '../../app/debug/target.ts';
import type { GuestMemory, MemoryPort } from '../../app/memory/guest-memory.ts';
import { answer } from '../../app/refusals/refusal.ts';
import { MAX_READ_BYTES, MAX_TRANSLATIONS } from '../../app/wire/memory.ts';
import type { HelperClient } from './helper.ts';

/** A VMM's memory through the helper's own pipes, one request at a time; whatever is not an answer throws. */
const port = (helper: HelperClient, pid: number): MemoryPort => {
  const vcpu = { pid, vcpuIndex: 0 };
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(ask: () => Promise<T>): Promise<T> => {
    const asked = last.then(ask);
    last = asked.catch(() => undefined);
    return asked;
  };
  return {
    mappings: async () => answer((await inTurn(() => helper.must('mappings', vcpu))).mappings),
    bounds: async () => (await inTurn(() => helper.must('bounds', vcpu))).bounded,
    readHost: async (address, bytes) => {
      const parts: Uint8Array[] = [];
      for (let done = 0; done < bytes; done += MAX_READ_BYTES) {
        const some = Math.min(MAX_READ_BYTES, bytes - done);
        const read = await inTurn(() =>
          helper.ask('readMemory', { ...vcpu, address: address + BigInt(done), bytes: some }),
        );
        if (!read.ok) return null;
        parts.push(read.value.bytes);
      }
      return concat(parts);
    },
    translate: async (linear) => {
      const found = [];
      for (let done = 0; done < linear.length; done += MAX_TRANSLATIONS) {
        const some = linear.slice(done, done + MAX_TRANSLATIONS);
        found.push(...(await inTurn(() => helper.must('translate', { ...vcpu, linear: some }))).translations);
      }
      return found;
    },
  };
};

interface ProvedMemory {
  readonly memory: GuestMemory;
  readonly hasGigabytePages: boolean;
  /** The same proof once more. */
  proveAgain(): ReturnType<typeof memoryOf>;
}

/** The memory of a guest that waits, proved by the tables of its first vCPU as KVM translates. */
export const provedMemory = async (helper: HelperClient, pid: number): Promise<ProvedMemory> => {
  await helper.attach(pid);
  const { facts } = await helper.capture();
  const target = { ownMemory: undefined, memory: port(helper, pid) } as unknown as Target;
  const proveAgain = () => memoryOf(target, facts);
  const memory = await proveAgain();
  if (!memory.ok) throw new Error(`${memory.refusal.what}: ${memory.refusal.where}`);
  if (facts.control === null) throw new Error('its control registers were not read');
  const { hasGigabytePages = true } = pagingContextOf(facts.control, facts.guestCpuid, 52);
  return { memory: memory.value, hasGigabytePages, proveAgain };
};
