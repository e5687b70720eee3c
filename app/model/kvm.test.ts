import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readU32, readU64, writeU32, writeU64 } from '../bits/bytes.ts';
import { maskOf } from '../bits/mask.ts';
import { cpuidEntry } from '../cpu/cpuid.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import { xcr0Refusal } from '../xsave/bitmatrix.ts';
import { firstRefusal, kernelPreflight } from '../xsave/preflight.ts';
import { decodeCutImage } from '../xsave/view.ts';
import { createModelGuest, type ModelGuest } from './guest.ts';
import { createKvm, EBUSY, EFAULT, EINVAL, EOPNOTSUPP, EPERM, type ModelKvm } from './kvm.ts';
import { createMachine } from './machine.ts';

const guestAt = (id: string, steps: number): ModelGuest => {
  const guest = createModelGuest(id);
  if (guest === undefined) throw new Error(`no program ${id}`);
  for (let taken = 0; taken < steps; taken += 1) guest.step(1);
  return guest;
};

const freshVm = (): ModelKvm => createKvm(createMachine([], { rip: 0n, rsp: 0n, handlers: {} }));
const TILEDATA = 1n << 18n;
const BV = 512;

describe('[G4] sizes and permission', () => {
  test('4096 bytes before guest permission, 11008 after, and KVM_GET_XSAVE fails from then on', () => {
    const vm = freshVm();
    expect([vm.capXsave2(), vm.permission()]).toEqual([4096, 0x202e7n]);
    expect(vm.requestGuestPermission(18)).toBe(0);
    expect([vm.capXsave2(), vm.permission()]).toEqual([11008, 0x602e7n]);
    expect([vm.uabiBytes(), vm.legacyErrno()]).toEqual([4096, 0]);
    expect(vm.createVcpu(true)).toBe(0);
    expect([vm.uabiBytes(), vm.legacyErrno(), vm.getXsave2().length]).toEqual([11008, EINVAL, 11008]);
  });

  test('without permission AMX in CPUID is EPERM; after the first vCPU a request is EBUSY; other bits are not dynamic', () => {
    const vm = freshVm();
    expect(vm.requestGuestPermission(17)).toBe(EOPNOTSUPP);
    expect(vm.requestGuestPermission(20)).toBe(EINVAL);
    expect(vm.createVcpu(true)).toBe(EPERM);
    expect(vm.requestGuestPermission(18)).toBe(EBUSY);
    expect(vm.createVcpu(false)).toBe(0);
    const leaf = cpuidEntry(vm.cpuid(), 0xd, 0);
    expect([leaf?.eax, leaf?.ecx]).toEqual([0x2e7, 0xa88]);
    expect(cpuidEntry(vm.cpuid(), 0xd, 18)).toBeUndefined();
    expect(cpuidEntry(vm.cpuid(), 0x1d, 1)).toBeUndefined();
  });

  test('CPUID 0xD sizes follow XCR0', () => {
    const { kvm } = guestAt('no-permission', 0);
    const sizes = () => [cpuidEntry(kvm.cpuid(), 0xd, 0)?.ebx, cpuidEntry(kvm.cpuid(), 0xd, 1)?.ebx];
    expect(sizes()).toEqual([0x240, 0x240]);
    expect(kvm.setXcr0(0x2e7n)).toBe(0);
    expect(sizes()).toEqual([0xa88, 0x988]);
    const amx = guestAt('int8-product', 0).kvm;
    expect([cpuidEntry(amx.cpuid(), 0xd, 0)?.ebx, cpuidEntry(amx.cpuid(), 0xd, 1)?.ebx]).toEqual([0x2b00, 0x2a00]);
  });

  test('XCR0 is refused as bit rules and CPUID say, any value of it', () => {
    const { kvm, capture } = guestAt('int8-product', 0);
    const bits = fc.uniqueArray(fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 18, 19, 62, 63));
    fc.assert(
      fc.property(bits, (chosen) => {
        const value = maskOf(chosen);
        expect([value, kvm.setXcr0(value) === 0]).toEqual([value, xcr0Refusal(value, capture(0)) === null]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('[G5] KVM_GET_XSAVE2', () => {
  test('bytes of components in init are initial values, XCOMP_BV is 0, the host mask stands at 464', () => {
    const guest = guestAt('int8-product', 30);
    const bytes = guest.kvm.getXsave2();
    expect(readU64(bytes, BV)).toBe(0x60200n);
    expect([readU64(bytes, 520), readU64(bytes, 464)]).toEqual([0n, 0x602e7n]);
    expect([bytes[0], bytes[1], readU32(bytes, 24), readU32(bytes, 28)]).toEqual([0x7f, 3, 0x1f80, 0xffff]);
    writeU64(bytes, BV, 0x200n);
    expect(guest.kvm.setXsave(bytes)).toBe(0);
    expect(
      guest.kvm
        .getXsave2()
        .subarray(2752)
        .every((byte) => byte === 0),
    ).toBe(true);
  });

  test('what is written is read back, for any image that KVM takes', () => {
    const { kvm } = guestAt('int8-product', 30);
    const clean = kvm.getXsave2();
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 8192, maxLength: 8192 }),
        fc.integer({ min: 0, max: 0xffff }),
        (tiles, mxcsr) => {
          const image = clean.slice();
          image.set(tiles, 2816);
          writeU32(image, 24, mxcsr);
          writeU64(image, BV, 0x60202n);
          expect(kvm.setXsave(image)).toBe(0);
          expect(kvm.getXsave2()).toEqual(image);
        },
      ),
      { numRuns: 20 },
    );
  });

  test('MXCSR with x87 alone is lost; PKRU with its bit clear keeps its value, which comes back when the guest has run', () => {
    const guest = guestAt('int8-product', 1);
    const image = guest.kvm.getXsave2();
    writeU32(image, 24, 0x9fc0);
    writeU32(image, 2688, 0x55555554);
    writeU64(image, BV, 0x201n);
    expect(guest.kvm.setXsave(image)).toBe(0);
    expect(readU32(guest.kvm.getXsave2(), 24)).toBe(0x1f80);
    writeU64(image, BV, 4n);
    expect(guest.kvm.setXsave(image)).toBe(0);
    expect([readU32(guest.kvm.getXsave2(), 24), readU32(guest.kvm.getXsave2(), 2688)]).toEqual([0x9fc0, 0]);
    guest.step(1);
    expect([readU32(guest.kvm.getXsave2(), 24), readU32(guest.kvm.getXsave2(), 2688)]).toEqual([0x1f80, 0x55555554]);
  });
});

describe('[G6] KVM_SET_XSAVE', () => {
  const changed = (change: (image: Uint8Array) => void, id = 'int8-product'): number => {
    const { kvm } = guestAt(id, 3);
    const image = kvm.getXsave2();
    change(image);
    return kvm.setXsave(image);
  };

  test('each refusal has the errno of the kernel', () => {
    expect(changed(() => undefined)).toBe(0);
    const { kvm } = guestAt('int8-product', 3);
    expect(kvm.setXsave(kvm.getXsave2().subarray(0, 11007))).toBe(EFAULT);
    expect(changed((image) => writeU64(image, BV, 1n << 8n))).toBe(EINVAL);
    expect(changed((image) => writeU64(image, BV, TILEDATA))).toBe(0);
    expect(changed((image) => writeU64(image, BV, TILEDATA), 'no-permission')).toBe(EINVAL);
    expect(changed((image) => writeU64(image, 520, 1n << 63n))).toBe(EINVAL);
    expect(changed((image) => image.fill(1, 575, 576))).toBe(EINVAL);
    const reservedMxcsr = (bv: bigint) =>
      changed((image) => {
        writeU32(image, 24, 0x10000);
        writeU64(image, BV, bv);
      });
    expect([1n, 2n, 4n, 0x20n].map(reservedMxcsr)).toEqual([EINVAL, EINVAL, EINVAL, 0]);
  });

  test('a refused image changes nothing', () => {
    const { kvm } = guestAt('int8-product', 30);
    const before = kvm.getXsave2();
    const image = before.slice();
    image.fill(0xaa, 2752, 2900);
    image[530] = 1;
    expect(kvm.setXsave(image)).toBe(EINVAL);
    expect(kvm.getXsave2()).toEqual(before);
  });

  test('components that IA32_XFD arms are dropped without a word', () => {
    const { kvm } = guestAt('xfd-first-use', 6);
    const image = kvm.getXsave2();
    expect(kvm.getMsr(MSR_INDEX.IA32_XFD).value).toBe(TILEDATA);
    writeU64(image, BV, 0x60200n);
    expect(kvm.setXsave(image)).toBe(0);
    expect(readU64(kvm.getXsave2(), BV)).toBe(0x20200n);
  });

  test('it takes and refuses any image as the pre-flight of the kernel’s checks says', () => {
    const header = fc.record({
      bits: fc.uniqueArray(fc.constantFrom(0, 1, 2, 3, 5, 6, 7, 8, 9, 17, 18, 19, 62, 63), { maxLength: 5 }),
      xcomp: fc.constantFrom(0n, 0n, 0n, 1n << 63n, 1n),
      reserved: fc.constantFrom(null, null, null, 528, 551, 575),
      mxcsr: fc.constantFrom(0x1f80, 0x1f80, 0xffff, 0x10000, 0x2ffff, 0xffff_ffff),
      cutBytes: fc.constantFrom(0, 0, 0, 0, 1, 64, 4096),
      program: fc.constantFrom('int8-product', 'no-permission', 'xfd-first-use'),
      steps: fc.integer({ min: 0, max: 25 }),
    });
    const seen = new Set<string>();
    fc.assert(
      fc.property(header, ({ bits, xcomp, reserved, mxcsr, cutBytes, program, steps }) => {
        const guest = guestAt(program, steps);
        const { image, facts } = guest.capture(0);
        const bytes = image.bytes.slice(0, Math.max(576, image.bytes.length - cutBytes));
        writeU64(bytes, BV, maskOf(bits));
        // A compacted image does not decode as one of this layout: the bit is looked at by KVM alone.
        writeU64(bytes, 520, xcomp & 1n);
        writeU32(bytes, 24, mxcsr);
        if (reserved !== null) bytes[reserved] = 1;
        const decoded = decodeCutImage(bytes, image.layout);
        if (!decoded.ok) throw new Error('not an image');
        const expected = firstRefusal(kernelPreflight(decoded.value, facts));
        const errno = guest.kvm.setXsave(bytes);
        expect(errno).toBe(expected === null ? 0 : expected.errno === 'EFAULT' ? EFAULT : EINVAL);
        seen.add(expected?.id ?? 'taken');
      }),
      { numRuns: 1500, seed: 4 },
    );
    expect([...seen].sort()).toEqual(['mxcsr', 'permitted', 'reserved', 'size', 'supported', 'taken', 'xcomp-bv']);
  });
});
