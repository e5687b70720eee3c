import { concat } from '../../app/bits/bytes.ts';
import type { Answer } from '../../app/bridge.ts';
import type { MemoryPort } from '../../app/memory/guest-memory.ts';
import { answer } from '../../app/refusals/refusal.ts';
import { MAX_READ_BYTES, MAX_TRANSLATIONS } from '../../app/wire/memory.ts';
import type { MessageName, ReplyOf, RequestOf } from '../../app/wire/messages.ts';
import type { VcpuRef } from '../../app/wire/vcpu-ref.ts';

type Ask = <Name extends MessageName>(name: Name, request: RequestOf<Name>) => Promise<Answer<ReplyOf<Name>>>;

/** A VMM's memory over the helper: long reads and long lists go in several frames. */
export const vmmMemory = (ask: Ask, ref: VcpuRef): MemoryPort => ({
  mappings: async () => {
    const listed = await ask('mappings', ref);
    return listed.ok ? answer(listed.value.mappings) : listed;
  },
  bounds: async () => {
    const asked = await ask('bounds', ref);
    return asked.ok ? asked.value.bounded : null;
  },
  readHost: async (address, bytes) => {
    const parts: Uint8Array[] = [];
    for (let done = 0; done < bytes; done += MAX_READ_BYTES) {
      const wanted = Math.min(MAX_READ_BYTES, bytes - done);
      const read = await ask('readMemory', { ...ref, address: address + BigInt(done), bytes: wanted });
      if (!read.ok || read.value.bytes.length !== wanted) return null;
      parts.push(read.value.bytes);
    }
    return concat(parts);
  },
  writeHost: async (address, before, after) => {
    const written = await ask('writeMemory', { ...ref, address, before, after });
    return written.ok ? answer(written.value.bytes) : written;
  },
  translate: async (linear) => {
    const found: { readonly valid: boolean; readonly physical: bigint }[] = [];
    for (let done = 0; done < linear.length; done += MAX_TRANSLATIONS) {
      const some = linear.slice(done, done + MAX_TRANSLATIONS);
      const reply = await ask('translate', { ...ref, linear: some });
      if (!reply.ok || reply.value.translations.length !== some.length) return null;
      found.push(...reply.value.translations);
    }
    return found;
  },
});
