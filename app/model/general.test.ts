import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GeneralRegisters } from '../capture/capture.ts';
import { KVM_REGS } from '../cpu/general-numbers.ts';
import { createModelGuest, type ModelGuest } from './guest.ts';

const guestOf = (id: string): ModelGuest => {
  const guest = createModelGuest(id);
  if (guest === undefined) throw new Error(`no program ${id}`);
  return guest;
};

describe('[G10] general registers', () => {
  test('what is written is read back and captured, whatever the values; bit 1 of RFLAGS is set', () => {
    const guest = guestOf('int8-product');
    const u64 = fc.bigInt({ min: 0n, max: 0xffffffffffffffffn });
    const user = fc.bigInt({ min: 0n, max: 0x7fffffffffffn });
    fc.assert(
      fc.property(fc.array(u64, { minLength: 16, maxLength: 16 }), user, fc.boolean(), (values, rip, upper) => {
        const written = Object.fromEntries(KVM_REGS.map((name, index) => [name, values[index] ?? 0n]));
        const general = { ...written, rip: upper ? ~rip & 0xffffffffffffffffn : rip, rflags: 0x41n } as never;
        expect(guest.writeGeneral(general)).toEqual({ ok: true, value: null });
        const read = { ...(general as GeneralRegisters), rflags: 0x43n };
        expect(guest.general()).toEqual(read);
        expect(guest.capture(0).facts.general).toEqual(read);
      }),
    );
  });

  test('the guest goes on with them: from RIP, with RDI where the program loads from', () => {
    const guest = guestOf('int8-product');
    guest.step(1);
    const before = guest.general();
    expect(guest.writeGeneral({ ...before, rip: 0x401000n, rdi: 7n }).ok).toBe(true);
    expect(guest.position().disassembly[0]).toMatchObject({ address: '0x401000', current: true });
    guest.step(1);
    expect(guest.general()).toEqual({ ...before, rdi: 0x402000n });
  });

  test('what the CPU would not enter the guest with is refused, and changes nothing', () => {
    const guest = guestOf('int8-product');
    const before = guest.general();
    const reserved = [3, 5, 15, 22, 31, 32, 63].map((bit) => ({ rflags: 2n | (1n << BigInt(bit)) }));
    for (const change of [...reserved, { rflags: 1n << 17n }, { rip: 1n << 47n }, { rip: 0xfffen << 48n }]) {
      expect(guest.writeGeneral({ ...before, rax: 1n, ...change })).toMatchObject({
        ok: false,
        refusal: { code: 'guard-regs', call: 'KVM_SET_REGS' },
      });
    }
    expect(guest.general()).toEqual(before);
  });
});
