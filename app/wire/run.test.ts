import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readU32, readU64, writeU32, writeU64 } from '../bits/bytes.ts';
import type { Capture } from '../capture/capture.ts';
import { sampleCapture } from '../fixtures/samples.ts';
import { writeGeneral } from '../session/kvm-regs.ts';
import { KVM_SREGS_BYTES } from '../session/segments.ts';
import { decodeStepsEvent, decodeStopped, encodeRun, RECORD } from './run.ts';
import { stepCaptures } from './step-capture.ts';
import { writeStruct } from './struct.ts';
import { STEPS_EVENT, STOPPED_EVENT } from './structs.ts';

const VCPU = { pid: 1, vcpuIndex: 0 };

/** DR7: enables in the low half, R/W and LEN of each from bit 16 on. (SDM vol. 3, 18.2.4) */
test('[RC2] DR7 says what each breakpoint watches', () => {
  const dr7 = (on: 'execute' | 'write' | 'access', bytes: number): bigint =>
    readU64(encodeRun({ ...VCPU, count: 1, breakpoints: [{ address: 0x1000n, on, bytes }] }), 48);
  expect(dr7('execute', 1)).toBe(0x401n);
  expect(dr7('write', 1)).toBe(0x10401n);
  expect(dr7('write', 2)).toBe(0x50401n);
  expect(dr7('access', 4)).toBe(0xf0401n);
  expect(dr7('write', 8)).toBe(0x90401n);
  expect(readU64(encodeRun({ ...VCPU, count: 1 }), 48)).toBe(0n);
  const two = [0x1000n, 0x2000n].map((address) => ({ address, on: 'write' as const, bytes: 4 }));
  expect(readU64(encodeRun({ ...VCPU, count: 1, breakpoints: two }), 48)).toBe(0xdd0405n);
});

describe('[RC5] a record', () => {
  const like = sampleCapture();
  const { general } = like.facts;
  if (general === null) throw new Error('the sample has general registers');
  const record = new Uint8Array(RECORD.image + like.image.bytes.length);
  record.set(writeGeneral({ ...general, rip: 0x4242n }), RECORD.regs);
  writeU64(record, RECORD.sregs + 240, 0x5000n); // CR3
  writeU32(record, RECORD.xcrs, 1);
  writeU64(record, RECORD.xcrs + 16, 0xe7n);
  writeU32(record, RECORD.msrs, 1);
  writeU32(record, RECORD.msrs + 8, 0x1c4);
  writeU64(record, RECORD.msrs + 16, 0x40000n);
  record.set(like.image.bytes, RECORD.image);
  record[RECORD.image + 160] = 0x99;
  const head = { ...VCPU, recordBytes: record.length, recordCount: 1 };
  const event = Uint8Array.from([...writeStruct(STEPS_EVENT, head), ...record]);

  test('becomes a capture: what an instruction can change from it, the rest as it was', () => {
    const decoded = decodeStepsEvent(event);
    if (!decoded.ok) throw new Error('not decoded');
    const [one] = decoded.value.records;
    const captures = stepCaptures(like, one === undefined ? [] : [one], 5);
    const capture = captures.ok ? captures.value[0] : undefined;
    if (capture === undefined) throw new Error('no capture');
    const { image, facts } = capture;
    expect([facts.general?.rip, facts.control?.cr3, facts.xcr0, facts.takenAtMs]).toEqual([0x4242n, 0x5000n, 0xe7n, 5]);
    expect(facts.msrs.find(({ index }) => index === 0x1c4)?.value).toBe(0x40000n);
    expect(image.bytes[160]).toBe(0x99);
    expect([facts.guestCpuid, facts.sizes, facts.failed]).toEqual([
      like.facts.guestCpuid,
      like.facts.sizes,
      like.facts.failed,
    ]);
  });

  /** As many records, each changed as is said, of which those that are not changed are as the one before. */
  const eventOf = (changes: readonly ((record: Uint8Array) => void)[]): Uint8Array => {
    const now = record.slice();
    const records = changes.flatMap((change) => {
      change(now);
      return [...now];
    });
    return Uint8Array.from([...writeStruct(STEPS_EVENT, { ...head, recordCount: changes.length }), ...records]);
  };

  test('[S2] what no instruction changes is one object in all of them, and in their captures', () => {
    const next = (one: Uint8Array): void => {
      one[RECORD.regs + 16 * 8] = (one[RECORD.regs + 16 * 8] ?? 0) + 1; // RIP
    };
    const decoded = decodeStepsEvent(
      eventOf([
        next,
        next,
        (one) => {
          one[RECORD.image + 160] = 0x77;
        },
        (one) => writeU64(one, RECORD.sregs + 240, 0x6000n), // CR3
        (one) => writeU64(one, RECORD.msrs + 16, 0n),
        next,
      ]),
    );
    if (!decoded.ok) throw new Error('not decoded');
    const captures = stepCaptures(like, decoded.value.records, 5);
    if (!captures.ok) throw new Error('no captures');
    const same = (of: (one: Capture) => unknown): boolean[] =>
      captures.value.slice(1).map((one, at) => of(one) === of(captures.value[at] as Capture));
    expect(same(({ image }) => image)).toEqual([true, false, true, true, true]);
    expect(same(({ image }) => image.bytes)).toEqual([true, false, true, true, true]);
    expect(same(({ facts }) => facts.control)).toEqual([true, true, false, false, true]);
    expect(same(({ facts }) => facts.segments)).toEqual([true, true, false, false, true]);
    expect(same(({ facts }) => facts.msrs)).toEqual([true, true, false, false, true]);
    expect(captures.value.map(({ facts }) => facts.general?.rip)).toEqual([
      ...[0x4243n, 0x4244n, 0x4244n, 0x4244n, 0x4244n, 0x4245n],
    ]);
    expect(captures.value.map(({ facts }) => facts.control?.cr3)).toEqual([
      ...[0x5000n, 0x5000n, 0x5000n, 0x6000n, 0x6000n, 0x6000n],
    ]);
    expect(captures.value.map(({ image }) => image.bytes[160])).toEqual([0x99, 0x99, 0x77, 0x77, 0x77, 0x77]);
  });

  test('is read as if it were the only one, whatever has changed since the one before', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.tuple(fc.nat(RECORD.image + 600), fc.nat(255)), { maxLength: 4 }), { maxLength: 6 }),
        (all) => {
          const bytes = eventOf(
            all.map((some) => (one: Uint8Array) => {
              for (const [at, byte] of some) one[at] = byte;
            }),
          );
          const together = decodeStepsEvent(bytes);
          const alone = all.flatMap((_, at) => {
            const from = STEPS_EVENT.bytes + at * record.length;
            const one = decodeStepsEvent(
              Uint8Array.from([...writeStruct(STEPS_EVENT, head), ...bytes.subarray(from, from + record.length)]),
            );
            return one.ok ? one.value.records : [];
          });
          expect(together.ok && together.value.records).toEqual(alone);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('of another size than it can have, or cut short, is a problem', () => {
    for (const length of [0, STEPS_EVENT.bytes - 1, STEPS_EVENT.bytes, event.length - 1])
      expect(decodeStepsEvent(event.subarray(0, length)).ok).toBe(false);
    for (const recordBytes of [0, 143, 145, RECORD.image]) {
      const bytes = Uint8Array.from([...writeStruct(STEPS_EVENT, { ...head, recordBytes }), ...record]);
      expect(decodeStepsEvent(bytes).ok).toBe(false);
    }
    expect(RECORD.sregs + KVM_SREGS_BYTES).toBe(RECORD.xcrs);
  });
});

test('[W17] the end of a run names its vCPU and says where it stands and why; failed, it says so in a refusal', () => {
  const head = {
    ...{ ...VCPU, rip: 0x4242n, dr6: 2n, pauseNs: 9n, reason: 0, steps: 3, exitReason: 4, detours: 0 },
    ...{ irqsBlocked: 1, inKvmRun: 1, holds: 1, recordCount: 1 },
  };
  const of = (changes: Partial<typeof head>, ...more: number[]) =>
    decodeStopped(Uint8Array.from([...writeStruct(STOPPED_EVENT, { ...head, ...changes }), ...more]));
  expect(of({})).toEqual({
    ok: true,
    value: {
      ...{ ...VCPU, rip: 0x4242n, reason: 'done', refusal: null, pauseNs: 9n, made: 3, recordCount: 1 },
      ...{ interruptsBlocked: true, holds: true, dr6: 2n },
    },
  });
  expect([1, 2, 3].map((reason) => of({ reason }))).toMatchObject(
    ['halted', 'busy', 'asked'].map((reason) => ({ value: { reason } })),
  );
  expect(of({ reason: 4 }, 7, 7)).toMatchObject({ ok: true, value: { refusal: Uint8Array.of(7, 7) } });
  expect(of({}, 7).ok).toBe(false);
});

test('[RC7] a request with the code that is known has it behind its lookups, and says so', () => {
  const lookup = { offset: 3, next: new Uint8Array(1024).fill(2) };
  const mayBeStepped = new Uint8Array(8192).fill(0xff);
  mayBeStepped[1] = 0xfd;
  const bytes = encodeRun({
    ...VCPU,
    count: 9,
    lookups: [lookup],
    code: { base: 0xffff_ffff_8100_0000n, mayBeStepped },
  });
  expect([bytes.length, readU32(bytes, 56)]).toEqual([64 + 1032 + 8200, 4]);
  expect([readU64(bytes, 64 + 1032), bytes[64 + 1032 + 8], bytes[64 + 1032 + 9]]).toEqual([
    0xffff_ffff_8100_0000n,
    0xff,
    0xfd,
  ]);
  const run = { ...VCPU, count: 1, breakpoints: [{ address: 0x1000n, on: 'execute' as const, bytes: 1 }] };
  expect(readU32(encodeRun({ ...run, notThere: true, noInterrupts: true }), 56)).toBe(24);
});
