import type { Facts } from '../capture/capture.ts';
import { type GuestMemory, openMemory } from '../memory/guest-memory.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { executionOf } from '../session/execution.ts';
import { pagingContextOf } from './paging-context.ts';
import type { Target } from './target.ts';

/** A CPU that does not say how many bits a physical address has has so many. */
const LEAST_PHYSICAL_BITS = 36;

/** The memory of a vCPU that stands still, proved by the tables that these facts name. */
export const memoryOf = async (target: Target, facts: Facts): Promise<Answer<GuestMemory>> => {
  const { memory, ownMemory } = target;
  if (ownMemory !== undefined) return answer(ownMemory);
  const { control, general, segments, descriptors } = facts;
  if (memory === null) return refuse('memory-unknown', `a ${target.identity.kind} target has no memory to be read`);
  if (control === null || general === null) {
    return refuse('memory-unknown', 'memory is not known: the control registers of the vCPU could not be read');
  }
  // Outside of 64-bit code the address of what is executed is not RIP alone.
  const next = executionOf(facts)?.next ?? general.rip;
  const tables = [descriptors?.idt_base ?? 0n, descriptors?.gdt_base ?? 0n];
  const own = [next, general.rsp, segments?.fs_base ?? 0n, segments?.gs_base ?? 0n, ...tables];
  return openMemory(pagingContextOf(control, facts.guestCpuid, LEAST_PHYSICAL_BITS), memory, own, next);
};
