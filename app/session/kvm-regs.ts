import { readU64, sameU64, writeU64 } from '../bits/bytes.ts';
import type { GeneralRegisters } from '../capture/capture.ts';
import { KVM_REGS } from '../cpu/general-numbers.ts';

const REGISTER_BYTES = 8;
export const KVM_REGS_BYTES = KVM_REGS.length * REGISTER_BYTES;

/** @param bytes KVM_REGS_BYTES of them */
export const readGeneral = (bytes: Uint8Array): GeneralRegisters =>
  Object.fromEntries(
    KVM_REGS.map((name, index) => [name, readU64(bytes, index * REGISTER_BYTES)]),
  ) as unknown as GeneralRegisters;

/**
 * As readGeneral, for bytes much like others: what is equal there is not read again, and is the same number.
 *
 * @param bytes KVM_REGS_BYTES of them
 * @param like the others, and what was read of them
 */
export const readGeneralLike = (
  bytes: Uint8Array,
  like: { readonly bytes: Uint8Array; readonly general: GeneralRegisters },
): GeneralRegisters => {
  const general = { ...like.general } as { -readonly [Name in keyof GeneralRegisters]: bigint };
  for (const [index, name] of KVM_REGS.entries()) {
    const at = index * REGISTER_BYTES;
    if (!sameU64(bytes, like.bytes, at)) general[name] = readU64(bytes, at);
  }
  return general;
};

/** struct kvm_regs: KVM_REGS_BYTES of them. */
export const writeGeneral = (registers: GeneralRegisters): Uint8Array => {
  const bytes = new Uint8Array(KVM_REGS_BYTES);
  KVM_REGS.forEach((name, index) => {
    writeU64(bytes, index * REGISTER_BYTES, registers[name]);
  });
  return bytes;
};
