import { readU64, writeU64 } from '../bits/bytes.ts';
import type { GeneralRegisters } from '../capture/capture.ts';
import { KVM_REGS } from '../cpu/general-numbers.ts';

const REGISTER_BYTES = 8;
export const KVM_REGS_BYTES = KVM_REGS.length * REGISTER_BYTES;

/** @param bytes KVM_REGS_BYTES of them */
export const readGeneral = (bytes: Uint8Array): GeneralRegisters =>
  Object.fromEntries(
    KVM_REGS.map((name, index) => [name, readU64(bytes, index * REGISTER_BYTES)]),
  ) as unknown as GeneralRegisters;

/** struct kvm_regs: KVM_REGS_BYTES of them. */
export const writeGeneral = (registers: GeneralRegisters): Uint8Array => {
  const bytes = new Uint8Array(KVM_REGS_BYTES);
  KVM_REGS.forEach((name, index) => {
    writeU64(bytes, index * REGISTER_BYTES, registers[name]);
  });
  return bytes;
};
