import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat, readU32, readU64, writeU32, writeU64 } from '../bits/bytes.ts';
import { type Decoded, describeProblem } from '../bits/decoded.ts';
import { utf8FromText } from '../bits/text.ts';
import { KVM_REGS } from '../cpu/general-numbers.ts';
import { sampleCapture } from '../fixtures/samples.ts';
import { HELPER_REASONS } from '../refusals/helper-reasons.ts';
import { decodeRefusal } from '../refusals/helper-refusal.ts';
import { writeGeneral } from '../session/kvm-regs.ts';
import { decodeCaptureReply, SECTION_KIND } from './capture-reply.ts';
import { PROTOCOL_VERSION } from './frames.ts';
import { EVENTS, MESSAGES, type MessageName } from './messages.ts';
import { writeStruct } from './struct.ts';
import {
  ATTACH_REPLY,
  BOUNDS_HEAD,
  BREAKPOINTS_REPLY,
  CAPTURE_HEAD,
  CPUID_ENTRY,
  FAILED_CALL,
  HELLO_REPLY,
  LIST_HEAD,
  MAPPING_BOUNDS,
  MAPPING_RECORD,
  MAPPINGS_HEAD,
  MSR_VALUE,
  REFUSAL,
  SECTION,
  STEPS_EVENT,
  STOPPED_EVENT,
  TARGET_RECORD,
  THREAD_REPLY,
  TRANSLATE_HEAD,
  TRANSLATION,
  VCPU_RECORD,
  VCPU_REF,
  VERDICT,
  VERDICTS_HEAD,
  WRITE_REPLY,
  XCR_VALUE,
} from './structs.ts';
import { toCapture } from './to-capture.ts';

const sample = sampleCapture();
const padded = (bytes: Uint8Array): Uint8Array => concat([bytes, new Uint8Array((8 - (bytes.length % 8)) % 8)]);

const HELLO = {
  version: PROTOCOL_VERSION,
  pid: 77,
  uid: 1000,
  yamaScope: -1,
  capabilities: 1n << 19n,
  hostXcr0Supported: 0xe7n,
  kvmApiVersion: 12,
  kvmErrno: 0,
  debugfsKvm: 0,
  cpuidCount: sample.facts.hostCpuid.length,
  kernelRelease: '6.18.44',
};
const hello = concat([
  writeStruct(HELLO_REPLY, HELLO),
  ...sample.facts.hostCpuid.map((entry) => writeStruct(CPUID_ENTRY, { ...entry })),
]);

const record = (vcpuCount: number, executable: string, cmdline: string): Uint8Array => {
  const [exe, arguments_] = [utf8FromText(executable), utf8FromText(cmdline)];
  const vcpus = Array.from({ length: vcpuCount }, (_, index) =>
    writeStruct(VCPU_RECORD, {
      index,
      fd: 20 + index,
      tid: 4245 + index,
      vmFd: 19,
      seccompMode: 2,
      seccompFilters: 1,
      vmmNumber: index,
      reserved: 0,
    }),
  );
  const lists = concat([...vcpus, exe, arguments_]);
  const head = {
    recordBytes: TARGET_RECORD.bytes + padded(lists).length,
    pid: 4242,
    uid: 0,
    reason: HELPER_REASONS.YAMA.number,
    errnoOrScope: 1,
    tracerPid: 0,
    startTimeTicks: 918_273n,
    runningMs: 60_000n,
    vmCount: 1,
    vcpuCount,
    exeBytes: exe.length,
    cmdlineBytes: arguments_.length,
    vcpusLeftOut: 7,
    cmdlineCut: 1,
    seccompAction: 0,
    reserved: 0,
    call: '',
    comm: 'qemu-system-x86',
  };
  return concat([writeStruct(TARGET_RECORD, head), padded(lists)]);
};
const listTargets = concat([
  writeStruct(LIST_HEAD, { targetCount: 2, skippedCount: 3, moreAfterPid: 4242, reserved: 0 }),
  record(2, '/usr/bin/qemu-system-x86_64', 'qemu\0-name\0dé\0'),
  record(0, '/x', ''),
]);

const ATTACH = {
  ...{ tid: 4245, vcpuFd: 20, vmFd: 19, kvmFd: -1, startTimeTicks: 918_273n, capXsave2Vm: 4096, capXsave2System: -9 },
  ...{ guestPermission: 0xe7n, hostPermission: 0n, supportedXcr0: 0xe7n, known: 1, imageBytes: 4096, seccompMode: 0 },
  ...{ flags: 0, pauseNs: 184_000n, vmmNumber: -1, reserved: 0 },
};
const thread = writeStruct(THREAD_REPLY, { pauseNs: 5n, inKvmRun: 1, frozen: 0 });
const verdicts = concat([
  writeStruct(VERDICTS_HEAD, { count: 1, seccompMode: 2 }),
  writeStruct(VERDICT, { call: 'KVM_SET_XSAVE', number: 0x5000aea5n, action: 0x30000, known: 1 }),
]);
const written = concat([
  writeStruct(WRITE_REPLY, { pauseNs: 9n, imageBytes: 24, frozen: 1, value: 0xe7n }),
  new Uint8Array(24).fill(3),
]);

const section = (kind: number, ...parts: Uint8Array[]): Uint8Array => {
  const bytes = concat(parts);
  return concat([writeStruct(SECTION, { kind, bytes: bytes.length }), padded(bytes)]);
};
const kvmRegs = new Uint8Array(144);
writeU64(kvmRegs, 16 * 8, 0x401136n);
const kvmSregs = new Uint8Array(312);
writeU64(kvmSregs, 248, 0x3506f0n);
const captureOf = (
  sections: Uint8Array[],
  changes: { writtenBytes?: number; legacyErrno?: number } = {},
): Uint8Array => {
  const head = {
    pauseNs: 184_000n,
    takenRealtimeNs: 1_795_338_000_000_123_456n,
    inKvmRun: 1,
    frozen: 0,
    imageCall: 0x9000aecf,
    writtenBytes: sample.image.bytes.length,
    legacyErrno: 0,
    sectionCount: sections.length,
    ...changes,
  };
  return concat([writeStruct(CAPTURE_HEAD, head), ...sections]);
};
const imageSection = section(SECTION_KIND.IMAGE, sample.image.bytes);
const sections = [
  imageSection,
  section(SECTION_KIND.CPUID, ...sample.facts.guestCpuid.map((entry) => writeStruct(CPUID_ENTRY, { ...entry }))),
  section(SECTION_KIND.XCRS, writeStruct(XCR_VALUE, { index: 0, reserved: 0, value: 0xe7n })),
  section(
    SECTION_KIND.MSRS,
    writeStruct(MSR_VALUE, { index: 0x1c4, errnoValue: 0, value: 0n }),
    writeStruct(MSR_VALUE, { index: 0x6a0, errnoValue: 22, value: 0n }),
  ),
  section(SECTION_KIND.REGS, kvmRegs),
  section(SECTION_KIND.SREGS, kvmSregs),
  section(SECTION_KIND.FAILED, writeStruct(FAILED_CALL, { section: 1, errnoValue: 22, call: 'KVM_GET_XSAVE' })),
];
const capture = captureOf(sections);

/** The bytes that were asked for are a reply of any length; a run's has none. */
const UNSHAPED = ['readMemory', 'writeMemory', 'run'] as const;
type Shaped = Exclude<MessageName, (typeof UNSHAPED)[number]> | keyof typeof EVENTS;
const isShaped = (name: string): name is Shaped => !UNSHAPED.some((one) => one === name);

const REPLIES: Record<Shaped, Uint8Array> = {
  hello,
  listTargets,
  attach: writeStruct(ATTACH_REPLY, ATTACH),
  detach: thread,
  freeze: thread,
  resume: thread,
  verdicts,
  capture,
  setImage: written,
  setXcr0: written,
  setMsr: written,
  setRegs: concat([written, kvmRegs]),
  targetGone: writeStruct(VCPU_REF, { pid: 1, vcpuIndex: 0 }),
  steps: concat([
    writeStruct(STEPS_EVENT, { pid: 1, vcpuIndex: 0, recordBytes: 144, recordCount: 2 }),
    kvmRegs,
    kvmRegs,
  ]),
  stopped: writeStruct(STOPPED_EVENT, {
    ...{ pid: 1, vcpuIndex: 0, rip: 0x1000n, dr6: 0n, pauseNs: 1n, reason: 0, steps: 2, exitReason: 4 },
    ...{ detours: 0, irqsBlocked: 1, inKvmRun: 1, holds: 0, recordCount: 2 },
  }),
  breakpoints: writeStruct(BREAKPOINTS_REPLY, { known: 3, instructions: 1, data: 0, faults: 1 }),
  mappings: concat([
    writeStruct(MAPPINGS_HEAD, { count: 1, leftOut: 0 }),
    writeStruct(MAPPING_RECORD, { start: 0x1000n, end: 0x2000n }),
  ]),
  bounds: concat([
    writeStruct(BOUNDS_HEAD, { count: 1, reserved: 0 }),
    writeStruct(MAPPING_BOUNDS, { isOneThing: 1, reserved: 0 }),
  ]),
  translate: concat([
    writeStruct(TRANSLATE_HEAD, { count: 1, reserved: 0 }),
    writeStruct(TRANSLATION, { physical: 0x1234n, valid: 1, reserved: 0 }),
  ]),
};

const value = <T>(result: Decoded<T>): T => {
  if (!result.ok) throw new Error(describeProblem(result.problem));
  return result.value;
};
const problem = (result: Decoded<unknown>): string => (result.ok ? 'decoded' : describeProblem(result.problem));

describe('hostile replies', () => {
  for (const [name, { decode }] of Object.entries({ ...MESSAGES, ...EVENTS })) {
    if (!isShaped(name)) continue;
    const reply = REPLIES[name];

    test(`[W4] the reply to ${name} decodes; cut short at any length, or with a byte more, it is a problem`, () => {
      expect(problem(decode(reply))).toBe('decoded');
      for (let length = 0; length < reply.length; length += 1) {
        const cut = decode(reply.subarray(0, length));
        if (cut.ok || cut.problem.kind !== 'truncated') expect.fail(`${length} bytes: ${problem(cut)}`);
      }
      expect(problem(decode(concat([reply, new Uint8Array(8)])))).toContain('8 bytes are left over');
    });

    test(`[W5] no change to the reply to ${name} makes decoding throw`, () => {
      fc.assert(
        fc.property(fc.nat(Math.min(reply.length, 400) - 1), fc.integer({ min: 0, max: 0xffffffff }), (at, number) => {
          const changed = reply.slice();
          writeU32(changed, Math.min(at, reply.length - 4), number);
          expect(() => decode(changed)).not.toThrow();
        }),
      );
    });
  }

  test('[W5] a count beyond the bytes there is refused before anything is read', () => {
    const many = hello.slice();
    writeU32(many, 44, 0xffffffff);
    expect(MESSAGES.hello.decode(many)).toMatchObject({ ok: false, problem: { kind: 'truncated' } });
    const targets = listTargets.slice();
    writeU32(targets, 0, 0xffffffff);
    expect(MESSAGES.listTargets.decode(targets)).toMatchObject({ ok: false, problem: { kind: 'truncated' } });
    const zero = listTargets.slice();
    writeU32(zero, LIST_HEAD.bytes, 0);
    expect(problem(MESSAGES.listTargets.decode(zero))).toContain('says 0 bytes');
  });

  test('[W5] sections are known, single, whole, and the image is the one announced', () => {
    const failure = (...some: Uint8Array[]) => problem(decodeCaptureReply(captureOf(some)));
    expect(failure(section(9, new Uint8Array(8)))).toContain('kind 9, which is not known');
    expect(failure(imageSection, imageSection)).toContain('two sections of kind IMAGE');
    expect(failure()).toContain('no image');
    expect(failure(imageSection, section(SECTION_KIND.MSRS, new Uint8Array(15)))).toContain('whole structs of 16');
    expect(failure(imageSection, section(SECTION_KIND.REGS, new Uint8Array(136)))).toContain('144 expected');
    expect(problem(decodeCaptureReply(captureOf([imageSection], { writtenBytes: 4095 })))).toContain(
      'its head says 4095',
    );
  });

  test('[W3] another version of the protocol is refused by name', () => {
    const newer = hello.slice();
    writeU32(newer, 0, PROTOCOL_VERSION + 1);
    expect(problem(MESSAGES.hello.decode(newer))).toContain(
      `version ${PROTOCOL_VERSION + 1} of the protocol, version ${PROTOCOL_VERSION} is needed`,
    );
  });
});

describe('what replies say', () => {
  test('[W6] a target with its vCPUs, executable and command line', () => {
    const { targets, skippedCount, moreAfterPid } = value(MESSAGES.listTargets.decode(listTargets));
    expect([skippedCount, moreAfterPid]).toEqual([3, 4242]);
    expect(targets[0]).toMatchObject({
      pid: 4242,
      reasonCode: HELPER_REASONS.YAMA.number,
      startTimeTicks: 918_273n,
      executable: '/usr/bin/qemu-system-x86_64',
      commandLine: ['qemu', '-name', 'dé'],
      comm: 'qemu-system-x86',
      vcpusLeftOut: 7,
    });
    expect(targets[0]?.vcpus.map(({ index, tid, fd }) => [index, tid, fd])).toEqual([
      [0, 4245, 20],
      [1, 4246, 21],
    ]);
    expect(targets[1]).toMatchObject({ executable: '/x', commandLine: [], vcpus: [] });
  });

  test('[W10] general registers go out as struct kvm_regs after the vCPU, and come back behind the image', () => {
    const general = Object.fromEntries(KVM_REGS.map((name, index) => [name, BigInt(index) << 56n])) as never;
    const request = MESSAGES.setRegs.encode({ pid: 4242, vcpuIndex: 3, general });
    expect(request.length).toBe(8 + 144);
    expect([readU32(request, 0), readU32(request, 4)]).toEqual([4242, 3]);
    KVM_REGS.forEach((_name, index) => {
      expect(readU64(request, 8 + index * 8)).toBe(BigInt(index) << 56n);
    });
    const reply = value(MESSAGES.setRegs.decode(concat([written, writeGeneral(general)])));
    expect(reply).toMatchObject({ frozen: true, value: 0xe7n, readBack: new Uint8Array(24).fill(3), general });
  });

  test('[W6] what could not be asked is null', () => {
    const attach = value(MESSAGES.attach.decode(REPLIES.attach));
    expect(attach).toMatchObject({ guestPermission: 0xe7n, hostPermission: null, supportedXcr0: null, kvmFd: -1 });
    const raw = value(decodeCaptureReply(captureOf([imageSection], { legacyErrno: -1 })));
    expect(raw).toMatchObject({ general: null, control: null, legacyErrno: null, guestCpuid: [], msrs: [] });
  });

  test('[W8] a capture has the host’s layout, and every fact of the replies', () => {
    const made = value(
      toCapture(
        value(decodeCaptureReply(capture)),
        value(MESSAGES.attach.decode(REPLIES.attach)),
        value(MESSAGES.hello.decode(hello)),
        sample.facts.target,
      ),
    );
    expect(made.image).toEqual(sample.image);
    expect(made.image.layout.source).toBe('host CPUID 0xD');
    expect(made.facts).toMatchObject({
      target: sample.facts.target,
      takenAtMs: 1_795_338_000_000,
      pauseNs: 184_000n,
      inKvmRun: true,
      frozen: false,
      imageCall: 'KVM_GET_XSAVE2',
      kernelRelease: '6.18.44',
      guestCpuid: sample.facts.guestCpuid,
      hostCpuid: sample.facts.hostCpuid,
      xcr0: 0xe7n,
      msrs: [
        { index: 0x1c4, value: 0n, errno: 0 },
        { index: 0x6a0, value: null, errno: 22 },
      ],
      guestPermission: 0xe7n,
      hostPermission: null,
      supportedXcr0: 0xe7n,
      sizes: { capXsave2Vm: 4096, capXsave2System: null, writtenBytes: 4096, legacyErrno: 0 },
      failed: [
        { call: 'KVM_CHECK_EXTENSION(KVM_CAP_XSAVE2) on /dev/kvm', errno: 9 },
        { call: 'KVM_GET_XSAVE', errno: 22 },
      ],
    });
    expect(made.facts.general?.rip).toBe(0x401136n);
    expect(made.facts.control?.cr4).toBe(0x3506f0n);
  });

  test('[W8] without the host’s leaf 0xD there is no capture', () => {
    const blind = value(MESSAGES.hello.decode(writeStruct(HELLO_REPLY, { ...HELLO, cpuidCount: 0 })));
    const attach = value(MESSAGES.attach.decode(REPLIES.attach));
    const made = toCapture(value(decodeCaptureReply(capture)), attach, blind, sample.facts.target);
    expect(problem(made)).toContain('leaf 0xD is not in the table');
  });

  test('[W4] a refusal decodes whole or not at all', () => {
    const bytes = writeStruct(REFUSAL, {
      reason: HELPER_REASONS.CALL_FAILED.number,
      errnoValue: 22,
      otherPid: 0,
      seccompAction: 0,
      mask: 0n,
      call: 'KVM_SET_XSAVE',
      detail: 'x'.repeat(400),
    });
    expect(value(decodeRefusal(bytes))).toMatchObject({
      reason: 'CALL_FAILED',
      errno: 22,
      call: 'KVM_SET_XSAVE',
      detail: 'x'.repeat(191),
    });
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decodeRefusal(bytes.subarray(0, length))).toMatchObject({ ok: false, problem: { kind: 'truncated' } });
    }
  });
});

describe('requests', () => {
  test('[W1] are the struct of the header, with what follows it', () => {
    const image = MESSAGES.setImage.encode({ pid: 1, vcpuIndex: 2, image: Uint8Array.of(9, 8) });
    expect(Array.from(image)).toEqual([1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9, 8]);
    const msr = MESSAGES.setMsr.encode({ pid: 1, vcpuIndex: 0, index: 0x1c4, value: 1n << 18n, putToInitFirst: true });
    expect(Array.from(msr)).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0xc4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0]);
    const attach = MESSAGES.attach.encode({ pid: 1, vcpuIndex: 0, startTimeTicks: 5n, suspendSeccomp: false });
    expect(Array.from(attach.subarray(8))).toEqual([5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(Array.from(MESSAGES.hello.encode(null))).toEqual([PROTOCOL_VERSION, 0, 0, 0, 0, 0, 0, 0]);
  });
});
