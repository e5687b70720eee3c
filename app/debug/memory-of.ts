import type { Facts } from '../capture/capture.ts';
import { cpuidEntry } from '../cpu/cpuid.ts';
import { type GuestMemory, openMemory } from '../memory/guest-memory.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import type { Target } from './target.ts';

/** CPUID 0x80000008: EAX[7:0] is how many bits a physical address has; a CPU without the leaf has 36. */
const PHYSICAL_BITS_LEAF = 0x80000008;
const LEAST_PHYSICAL_BITS = 36;

/** The memory of a vCPU that stands still, proved by the tables that these facts name. */
export const memoryOf = async (target: Target, facts: Facts): Promise<Answer<GuestMemory>> => {
  const { memory, ownMemory } = target;
  if (ownMemory !== undefined) return answer(ownMemory);
  const { control, general, segments } = facts;
  if (memory === null) return refuse('memory-unknown', `a ${target.identity.kind} target has no memory to be read`);
  if (control === null || general === null) {
    return refuse('memory-unknown', 'memory is not known: the control registers of the vCPU could not be read');
  }
  const physicalBits = (cpuidEntry(facts.guestCpuid, PHYSICAL_BITS_LEAF, 0)?.eax ?? 0) & 0xff;
  const own = [general.rip, general.rsp, segments?.fs_base ?? 0n, segments?.gs_base ?? 0n];
  return openMemory({ control, physicalBits: physicalBits || LEAST_PHYSICAL_BITS }, memory, own);
};
