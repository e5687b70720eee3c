import { struct } from './struct.ts';

/** The structs of native/wire/protocol.h, names turned to camel case. */

const VCPU = { pid: 'i32', vcpuIndex: 'u32' } as const;

export const VCPU_REF = struct('vcpu_ref', VCPU);

export const REFUSAL = struct('refusal', {
  reason: 'u32',
  errnoValue: 'i32',
  otherPid: 'i32',
  seccompAction: 'u32',
  mask: 'u64',
  call: 40,
  detail: 192,
});

export const HELLO_REQUEST = struct('hello_request', { version: 'u32', reserved: 'u32' });
export const CPUID_ENTRY = struct('cpuid_entry', {
  leaf: 'u32',
  subleaf: 'u32',
  eax: 'u32',
  ebx: 'u32',
  ecx: 'u32',
  edx: 'u32',
});
export const HELLO_REPLY = struct('hello_reply', {
  version: 'u32',
  pid: 'u32',
  uid: 'u32',
  yamaScope: 'i32',
  capabilities: 'u64',
  hostXcr0Supported: 'u64',
  kvmApiVersion: 'u32',
  kvmErrno: 'i32',
  debugfsKvm: 'u32',
  cpuidCount: 'u32',
  kernelRelease: 64,
});

export const LIST_REQUEST = struct('list_request', { afterPid: 'i32', reserved: 'u32' });
export const LIST_HEAD = struct('list_head', {
  targetCount: 'u32',
  skippedCount: 'u32',
  moreAfterPid: 'i32',
  reserved: 'u32',
});
export const VCPU_RECORD = struct('vcpu_record', {
  index: 'u32',
  fd: 'i32',
  tid: 'i32',
  vmFd: 'i32',
  seccompMode: 'u32',
  seccompFilters: 'u32',
  vmmNumber: 'i32',
  reserved: 'u32',
});
export const TARGET_RECORD = struct('target_record', {
  recordBytes: 'u32',
  pid: 'i32',
  uid: 'u32',
  reason: 'u32',
  errnoOrScope: 'i32',
  tracerPid: 'i32',
  startTimeTicks: 'u64',
  runningMs: 'u64',
  vmCount: 'u32',
  vcpuCount: 'u32',
  exeBytes: 'u32',
  cmdlineBytes: 'u32',
  vcpusLeftOut: 'u32',
  cmdlineCut: 'u32',
  seccompAction: 'u32',
  reserved: 'u32',
  call: 40,
  comm: 16,
});

export const ATTACH_REQUEST = struct('attach_request', {
  ...VCPU,
  startTimeTicks: 'u64',
  flags: 'u32',
  reserved: 'u32',
});
export const ATTACH_REPLY = struct('attach_reply', {
  tid: 'i32',
  vcpuFd: 'i32',
  vmFd: 'i32',
  kvmFd: 'i32',
  startTimeTicks: 'u64',
  capXsave2Vm: 'i32',
  capXsave2System: 'i32',
  guestPermission: 'u64',
  hostPermission: 'u64',
  supportedXcr0: 'u64',
  known: 'u32',
  imageBytes: 'u32',
  seccompMode: 'u32',
  flags: 'u32',
  pauseNs: 'u64',
  vmmNumber: 'i32',
  reserved: 'u32',
});
export const THREAD_REPLY = struct('thread_reply', { pauseNs: 'u64', inKvmRun: 'u32', frozen: 'u32' });

export const VERDICTS_HEAD = struct('verdicts_head', { count: 'u32', seccompMode: 'u32' });
export const VERDICT = struct('verdict', { call: 40, number: 'u64', action: 'u32', known: 'u32' });

export const CAPTURE_HEAD = struct('capture_head', {
  pauseNs: 'u64',
  takenRealtimeNs: 'u64',
  inKvmRun: 'u32',
  frozen: 'u32',
  imageCall: 'u32',
  writtenBytes: 'u32',
  legacyErrno: 'i32',
  sectionCount: 'u32',
});
export const SECTION = struct('section', { kind: 'u32', bytes: 'u32' });
export const XCR_VALUE = struct('xcr_value', { index: 'u32', reserved: 'u32', value: 'u64' });
export const MSR_VALUE = struct('msr_value', { index: 'u32', errnoValue: 'i32', value: 'u64' });
export const FAILED_CALL = struct('failed_call', { section: 'u32', errnoValue: 'i32', call: 40 });

export const SET_IMAGE_REQUEST = struct('set_image_request', { ...VCPU, imageBytes: 'u32', reserved: 'u32' });
export const WRITE_REPLY = struct('write_reply', { pauseNs: 'u64', imageBytes: 'u32', frozen: 'u32', value: 'u64' });
export const SET_XCR0_REQUEST = struct('set_xcr0_request', { ...VCPU, value: 'u64' });
export const SET_MSR_REQUEST = struct('set_msr_request', { ...VCPU, index: 'u32', flags: 'u32', value: 'u64' });

/** Every struct but the frame header, which frames.ts draws. */
export const MAPPINGS_HEAD = struct('mappings_head', { count: 'u32', leftOut: 'u32' });
export const MAPPING_RECORD = struct('mapping_record', { start: 'u64', end: 'u64' });
export const BOUNDS_HEAD = struct('bounds_head', { count: 'u32', reserved: 'u32' });
export const MAPPING_BOUNDS = struct('mapping_bounds', { isOneThing: 'u32', reserved: 'u32' });
export const READ_MEMORY_REQUEST = struct('read_memory_request', {
  ...VCPU,
  address: 'u64',
  bytes: 'u32',
  reserved: 'u32',
});
export const WRITE_MEMORY_REQUEST = struct('write_memory_request', {
  ...VCPU,
  address: 'u64',
  bytes: 'u32',
  reserved: 'u32',
});
export const TRANSLATE_REQUEST = struct('translate_request', { ...VCPU, count: 'u32', reserved: 'u32' });
export const TRANSLATE_HEAD = struct('translate_head', { count: 'u32', reserved: 'u32' });
export const TRANSLATION = struct('translation', { physical: 'u64', valid: 'u32', reserved: 'u32' });

export const RUN_REQUEST = struct('run_request', {
  ...VCPU,
  count: 'u32',
  waitMs: 'u32',
  dr0: 'u64',
  dr1: 'u64',
  dr2: 'u64',
  dr3: 'u64',
  dr7: 'u64',
  flags: 'u32',
  lookupCount: 'u32',
});
export const STEP_LOOKUP = struct('step_lookup', { offset: 'u32', reserved: 'u32', next: 1024 });
export const STEP_CODE = struct('step_code', { base: 'u64', mayBeStepped: 8192 });
export const STEPS_EVENT = struct('steps_event', {
  pid: 'i32',
  vcpuIndex: 'u32',
  recordBytes: 'u32',
  recordCount: 'u32',
});
export const STOPPED_EVENT = struct('stopped_event', {
  pid: 'i32',
  vcpuIndex: 'u32',
  rip: 'u64',
  dr6: 'u64',
  pauseNs: 'u64',
  reason: 'u32',
  steps: 'u32',
  exitReason: 'u32',
  detours: 'u32',
  irqsBlocked: 'u32',
  inKvmRun: 'u32',
  holds: 'u32',
  recordCount: 'u32',
});
export const BREAKPOINTS_REPLY = struct('breakpoints_reply', {
  known: 'u32',
  instructions: 'u32',
  data: 'u32',
  faults: 'u32',
});

/** Every struct of the wire, for the test that compares them with the headers. */
export const STRUCTS = [
  RUN_REQUEST,
  STEP_LOOKUP,
  STEP_CODE,
  STEPS_EVENT,
  STOPPED_EVENT,
  BREAKPOINTS_REPLY,
  VCPU_REF,
  REFUSAL,
  HELLO_REQUEST,
  CPUID_ENTRY,
  HELLO_REPLY,
  LIST_REQUEST,
  LIST_HEAD,
  VCPU_RECORD,
  TARGET_RECORD,
  ATTACH_REQUEST,
  ATTACH_REPLY,
  THREAD_REPLY,
  VERDICTS_HEAD,
  VERDICT,
  CAPTURE_HEAD,
  SECTION,
  XCR_VALUE,
  MSR_VALUE,
  FAILED_CALL,
  SET_IMAGE_REQUEST,
  WRITE_REPLY,
  SET_XCR0_REQUEST,
  SET_MSR_REQUEST,
  MAPPINGS_HEAD,
  MAPPING_RECORD,
  BOUNDS_HEAD,
  MAPPING_BOUNDS,
  READ_MEMORY_REQUEST,
  WRITE_MEMORY_REQUEST,
  TRANSLATE_REQUEST,
  TRANSLATE_HEAD,
  TRANSLATION,
] as const;
