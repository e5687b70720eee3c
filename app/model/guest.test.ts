import { describe, expect, test } from 'vitest';
import { readU64, writeU64 } from '../bits/bytes.ts';
import { hexShort, maskOf } from '../bits/mask.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import type { ModelEvent } from '../session/model-event.ts';
import { xstateBv } from '../xsave/header.ts';
import { encodeTileConfig } from '../xsave/tilecfg.ts';
import { createModelGuest, type ModelGuest } from './guest.ts';
import { createKvm } from './kvm.ts';
import { createMachine, type Machine } from './machine.ts';
import { bytesOfHex } from './memory.ts';
import { CODE_ADDRESS, STACK_ADDRESS } from './program.ts';
import { tileSizes } from './programs/data.ts';
import { runOne } from './run.ts';

const { IA32_XFD, IA32_XFD_ERR } = MSR_INDEX;
const TILEDATA = 1n << 18n;
type Sizes = readonly (readonly [rows: number, colsb: number])[];

const guestOf = (id: string): ModelGuest => {
  const guest = createModelGuest(id);
  if (guest === undefined) throw new Error(`no program ${id}`);
  return guest;
};
const msr = (guest: ModelGuest, index: number): bigint | null | undefined =>
  guest.capture(0).facts.msrs.find((row) => row.index === index)?.value;
const bv = (guest: ModelGuest): bigint => xstateBv(guest.capture(0).image);
const rip = (guest: ModelGuest): string => hexShort(guest.capture(0).facts.general?.rip ?? 0n);

/** A guest about to execute these bytes, with this TILECFG at RDI, row stride 64 in R8. */
const about = (code: string, config = tileSizes([4, 16], [4, 16], [4, 16]), startRow = 0): Machine => {
  const machine = createMachine(
    [
      { address: CODE_ADDRESS, bytes: bytesOfHex(code) },
      { address: 0x402000n, bytes: encodeTileConfig({ paletteId: 1, startRow, tiles: config }) },
    ],
    { rip: CODE_ADDRESS, rsp: STACK_ADDRESS, handlers: {} },
  );
  const kvm = createKvm(machine);
  kvm.requestGuestPermission(18);
  kvm.createVcpu(true);
  kvm.setXcr0(0x602e7n);
  machine.general[7] = 0x402000n;
  machine.general[8] = 64n;
  return machine;
};
const [LDTILECFG, TILELOADD, TILEZERO, TDPBSSD, TDPBF16PS, TILERELEASE, VPADDD_ZMM] = [
  'c4 e2 78 49 07',
  'c4 a2 7b 4b 04 07',
  'c4 e2 7b 49 c0',
  'c4 e2 6b 5e c1',
  'c4 e2 6a 5c c1',
  'c4 e2 78 49 c0',
  '62 e1 7d 40 fe c1',
];

describe('[G7] IA32_XFD', () => {
  test('LDTILECFG runs, the first tile load takes #NM at itself, the handler disarms, the load is retried', () => {
    const guest = guestOf('xfd-first-use');
    guest.step(6);
    expect([msr(guest, IA32_XFD), bv(guest), rip(guest)]).toEqual([TILEDATA, 0x20200n, '0x401018']);
    const { event } = guest.step(100);
    expect(event?.kind).toBe('nm');
    expect(event?.text).toContain('TILELOADD at 0x401029 raised #NM: IA32_XFD arms TILEDATA; IA32_XFD_ERR is 0x40000');
    expect([rip(guest), msr(guest, IA32_XFD_ERR), bv(guest)]).toEqual(['0x40105c', TILEDATA, 0x20200n]);
    expect(guest.position().at).toBe(10);
    guest.step(8);
    expect([rip(guest), msr(guest, IA32_XFD), msr(guest, IA32_XFD_ERR)]).toEqual(['0x401029', 0n, 0n]);
    expect(guest.step(1).event).toBeNull();
    expect(bv(guest)).toBe(0x60200n);
    expect(guest.step(100)).toEqual({ event: null, ended: true });
    expect([msr(guest, IA32_XFD), bv(guest)]).toEqual([TILEDATA, 0x200n]);
  });

  test('armed by the guest over its own tiles: they are gone when it is left', () => {
    const machine = about('0f 30');
    machine.xstate.setTile(0, new Uint8Array(1024).fill(7));
    machine.general[0] = TILEDATA;
    machine.general[1] = BigInt(IA32_XFD);
    expect(runOne(machine)).toBeNull();
    expect(machine.xstate.inUse & TILEDATA).toBe(0n);
    expect(machine.xstate.tile(0)).toEqual(new Uint8Array(1024));
  });

  test('the guard refuses to arm over tiles, and an image with them while armed; the safe order gives them up', () => {
    const guest = guestOf('int8-product');
    guest.step(15);
    const image = guest.kvm.getXsave2();
    expect(guest.writeMsr(IA32_XFD, TILEDATA, false)).toMatchObject({
      ok: false,
      refusal: { code: 'guard-arming-over-state' },
    });
    expect([msr(guest, IA32_XFD), bv(guest)]).toEqual([0n, 0x60200n]);
    expect(guest.writeMsr(IA32_XFD, TILEDATA, true).ok).toBe(true);
    expect([msr(guest, IA32_XFD), bv(guest)]).toEqual([TILEDATA, 0x20200n]);
    expect(guest.writeImage(image)).toMatchObject({ ok: false, refusal: { code: 'guard-xfd-covers-image' } });
    expect(guest.step(1).event?.kind).toBe('nm');
    expect(guest.step(1).ended).toBe(true);
  });

  test('an image may be shorter where nothing in use is cut off, as with the helper; never longer', () => {
    const guest = guestOf('int8-product');
    const image = guest.kvm.getXsave2();
    expect(guest.writeImage(image.subarray(0, 4096)).ok).toBe(true);
    const claims = image.slice(0, 4096);
    writeU64(claims, 512, TILEDATA);
    for (const bad of [claims, new Uint8Array(575), new Uint8Array(11009)]) {
      expect(guest.writeImage(bad)).toMatchObject({ ok: false, refusal: { code: 'bad-size' } });
    }
    expect(guest.writeMsr(0x10, 0n, false)).toMatchObject({ ok: false, refusal: { code: 'msr-not-listed' } });
    expect(guest.writeMsr(MSR_INDEX.IA32_U_CET, 1n, false)).toMatchObject({
      ok: false,
      refusal: { code: 'call-failed', call: 'KVM_SET_MSRS', errno: 'EINVAL' },
    });
    expect(guest.writeXcr0(0x5n)).toMatchObject({ ok: false, refusal: { call: 'KVM_SET_XCRS', errno: 'EINVAL' } });
  });
});

describe('[G8] exceptions of the guest', () => {
  const raised = (machine: Machine): ModelEvent['kind'] | null => runOne(machine)?.kind ?? null;

  test.each<[string, Machine, 'ud' | 'gp' | 'nm' | null]>([
    ['LDTILECFG of a valid configuration', about(LDTILECFG), null],
    ['LDTILECFG with 17 rows', about(LDTILECFG, tileSizes([17, 64])), 'gp'],
    ['LDTILECFG with 65 bytes a row', about(LDTILECFG, tileSizes([16, 65])), 'gp'],
    ['LDTILECFG with rows and no bytes', about(LDTILECFG, tileSizes([16, 0])), 'gp'],
    ['TILEZERO without a configuration', about(TILEZERO), 'ud'],
    ['TILELOADD without a configuration', about(TILELOADD), 'ud'],
    ['TDPBSSD without a configuration', about(TDPBSSD), 'ud'],
    ['TILERELEASE without a configuration', about(TILERELEASE), null],
    ['an instruction that the model does not have', about('0f 05'), 'ud'],
  ])('%s', (_name, machine, kind) => {
    expect(raised(machine)).toBe(kind);
  });

  test.each<[string, string, Sizes, number, 'ud' | null]>([
    [
      'a product of fitting tiles',
      TDPBSSD,
      [
        [4, 16],
        [4, 16],
        [4, 16],
      ],
      0,
      null,
    ],
    [
      'a bf16 product of fitting tiles',
      TDPBF16PS,
      [
        [4, 16],
        [4, 16],
        [4, 16],
      ],
      0,
      null,
    ],
    [
      'C and A of different rows',
      TDPBSSD,
      [
        [3, 16],
        [4, 16],
        [4, 16],
      ],
      0,
      'ud',
    ],
    [
      'C and B of different columns',
      TDPBSSD,
      [
        [4, 12],
        [4, 16],
        [4, 16],
      ],
      0,
      'ud',
    ],
    [
      'A and B of different K',
      TDPBSSD,
      [
        [4, 16],
        [4, 20],
        [4, 16],
      ],
      0,
      'ud',
    ],
    ['a tile of 6 bytes a row', TILELOADD, [[4, 6]], 0, 'ud'],
    [
      'a load of a tile that is not configured',
      TILELOADD,
      [
        [0, 0],
        [4, 16],
      ],
      0,
      'ud',
    ],
    ['start_row behind the tile', TILELOADD, [[4, 16]], 4, 'ud'],
    ['start_row inside the tile', TILELOADD, [[4, 16]], 2, null],
  ])('%s', (_name, code, sizes, startRow, kind) => {
    const machine = about(`${LDTILECFG} ${code}`, tileSizes(...sizes), startRow);
    expect(raised(machine)).toBeNull();
    expect(raised(machine)).toBe(kind);
  });

  test('a product of one tile with itself is #UD', () => {
    const machine = about(`${LDTILECFG} c4 e2 7b 5e c1`);
    expect([raised(machine), raised(machine)]).toEqual([null, 'ud']);
  });

  test('start_row: rows before it keep what they held, and it is zero again afterwards', () => {
    const machine = about(`${LDTILECFG} ${TILELOADD}`, tileSizes([4, 16]), 2);
    runOne(machine);
    machine.xstate.setTile(0, new Uint8Array(1024).fill(9));
    runOne(machine);
    const tile = machine.xstate.tile(0);
    expect([tile[0], tile[127], tile[128]]).toEqual([9, 9, machine.memory.read(0x402080n, 1)?.[0]]);
    expect(machine.xstate.tileConfig().startRow).toBe(0);
  });

  test('a fault half way through a load leaves its row in start_row', () => {
    const machine = about(`${LDTILECFG} ${TILELOADD}`, tileSizes([16, 64]));
    runOne(machine);
    machine.general[7] = 0x410000n - 3n * 64n;
    expect(raised(machine)).toBe('gp');
    expect(machine.xstate.tileConfig().startRow).toBe(3);
  });

  test.each([
    ['AMX', 0x2e7n, LDTILECFG],
    ['AVX-512', 7n, VPADDD_ZMM],
  ])('%s is #UD where XCR0 does not enable it', (_name, xcr0, code) => {
    const machine = about(code);
    machine.xcr0 = xcr0;
    expect(raised(machine)).toBe('ud');
  });

  test('the model ends where there is no handler, and says so', () => {
    const machine = about(TILEZERO);
    expect(runOne(machine)?.text).toBe(
      'TILEZERO at 0x401000 raised #UD: tiles are not configured; there is no handler, so the guest shuts down',
    );
    expect(machine.ended).toBe(true);
  });

  test('a TILECFG that LDTILECFG would refuse, put there by KVM_SET_XSAVE, is gone once the guest has run', () => {
    const guest = guestOf('int8-product');
    guest.step(8);
    const image = guest.kvm.getXsave2();
    image[2752 + 48] = 200;
    expect(guest.kvm.setXsave(image)).toBe(0);
    expect(readU64(guest.kvm.getXsave2(), 512)).toBe(0x60200n);
    expect(guest.step(1).event?.kind).toBe('ud');
    expect(bv(guest)).toBe(0x200n);
  });
});

describe('[G9] a capture of a model', () => {
  test('says that it is a model, and holds what KVM would say', () => {
    const { facts } = guestOf('int8-product').capture(1234);
    expect(facts.target).toMatchObject({ kind: 'model', vmm: 'model', name: 'int8-product', pid: null, tid: null });
    expect(facts).toMatchObject({ takenAtMs: 1234, kernelRelease: 'model', xcr0: 0x602e7n, supportedXcr0: 0x602e7n });
    expect(facts.sizes).toEqual({ capXsave2Vm: 11008, capXsave2System: 11008, writtenBytes: 11008, legacyErrno: 22 });
    expect(guestOf('no-permission').capture(0).facts).toMatchObject({
      guestPermission: 0x202e7n,
      sizes: { capXsave2Vm: 4096, capXsave2System: 4096, writtenBytes: 4096, legacyErrno: 0 },
    });
    expect(facts.msrs.filter((row) => row.errno !== 0).every((row) => row.value === null)).toBe(true);
  });

  test('a guest without permission learns it by #GP and #UD, goes on, and uses AVX-512', () => {
    const guest = guestOf('no-permission');
    const events = Array.from({ length: 3 }, () => guest.step(100));
    expect(events.map(({ event, ended }) => [event?.kind ?? null, ended])).toEqual([
      ['gp', false],
      ['ud', false],
      [null, true],
    ]);
    const { image, facts } = guest.capture(0);
    expect([facts.xcr0, xstateBv(image), image.bytes.length]).toEqual([0x2e7n, maskOf([1, 2, 6, 9]), 4096]);
  });

  test('no program of that name is no guest', () => {
    expect(createModelGuest('linux')).toBeUndefined();
  });
});
