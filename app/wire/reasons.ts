/** enum reason of native/wire/protocol.h, without the prefix REASON_. */
export const REASONS = {
  NONE: 0,
  BAD_FRAME: 1,
  UNKNOWN_MESSAGE: 2,
  VERSION: 3,
  NOT_ATTACHED: 4,
  ALREADY_ATTACHED: 5,
  BAD_SIZE: 6,
  MSR_NOT_LISTED: 7,
  NO_SUCH_PROCESS: 20,
  NOT_THE_SAME_PROCESS: 21,
  NOT_A_VMM: 22,
  NO_SUCH_VCPU: 23,
  OTHER_USER: 24,
  NOT_DUMPABLE: 25,
  YAMA: 26,
  ALREADY_TRACED: 27,
  SELF: 28,
  NOT_64_BIT: 29,
  SHADOW_STACK: 30,
  NO_GADGET: 31,
  THREAD_NOT_FOUND: 32,
  STOP_TIMEOUT: 33,
  SECCOMP: 34,
  SECCOMP_UNREADABLE: 35,
  PERMISSION: 36,
  TARGET_GONE: 37,
  OTHER_HELPER: 38,
  NOT_AUTHORISED: 39,
  STOPPED: 40,
  CGROUP_FROZEN: 41,
  GUARD_XFD_COVERS_IMAGE: 50,
  GUARD_ARMING_OVER_STATE: 51,
  OUTSIDE_KVM_RUN: 52,
  PROTECTED_GUEST: 53,
  EVENT_PENDING: 54,
  GUARD_REGS: 55,
  CALL_FAILED: 60,
  CHAIN_TIMEOUT: 61,
  NO_MEMORY: 62,
  CHAIN_CHANGED: 63,
  MEMORY_CHANGED: 64,
} as const;

export type Reason = keyof typeof REASONS;

const BY_CODE: ReadonlyMap<number, Reason> = new Map(
  Object.entries(REASONS).map(([name, code]) => [code, name as Reason]),
);

/** Null for a number that is not in the catalogue. */
export const reasonOf = (code: number): Reason | null => BY_CODE.get(code) ?? null;
