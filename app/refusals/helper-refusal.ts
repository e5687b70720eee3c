import type { Decoded } from '../bits/decoded.ts';
import { bitsOf, hexShort } from '../bits/mask.ts';
import { INJECTED_CALLS } from '../wire/calls.ts';
import { errnoName } from '../wire/errno.ts';
import { PROTOCOL_VERSION } from '../wire/frames.ts';
import { type Reason, reasonOf } from '../wire/reasons.ts';
import { describeAction } from '../wire/seccomp.ts';
import { atEnd, readStruct } from '../wire/struct.ts';
import { REFUSAL } from '../wire/structs.ts';
import { componentLabel } from '../xsave/components.ts';
import type { Refusal } from './answer.ts';
import { codeOfReason } from './codes.ts';

/** A refusal of the helper. */
export interface HelperRefusal {
  /** Null: a number that is not in the catalogue. */
  readonly reason: Reason | null;
  readonly reasonCode: number;
  readonly errno: number;
  readonly otherPid: number;
  readonly seccompAction: number;
  readonly mask: bigint;
  readonly call: string;
  readonly detail: string;
}

/** struct refusal of the wire. A problem where it is cut short or too long. */
export const decodeRefusal = (bytes: Uint8Array): Decoded<HelperRefusal> => {
  const read = readStruct(REFUSAL, bytes, 0, 'refusal');
  if (!read.ok) return read;
  const { reason, errnoValue, ...rest } = read.value;
  const refusal = { ...rest, reason: reasonOf(reason), reasonCode: reason, errno: errnoValue };
  return atEnd(refusal, REFUSAL.bytes, bytes, 'refusal');
};

/** What the sentences need beyond the refusal. */
export interface RefusalContext {
  /** Where the helper lies, for the command that would give it the privilege. */
  readonly helperPath: string;
  /** The AppImage that it lies in: there is no `tilescope` in PATH then. */
  readonly appImage?: string | undefined;
  /** How this Tilescope is called as root; `sudo tilescope` where it is installed for all. */
  readonly asRoot?: string | undefined;
  /** Of the process that the refusal is about. */
  readonly pid?: number | undefined;
}

interface Words {
  readonly what: string;
  readonly remedy: string | null;
}

type Wording = (refusal: HelperRefusal, context: RefusalContext) => Words;

const says =
  (what: string, remedy: string | null = null): Wording =>
  () => ({ what, remedy });

/** The helper's own sentence where it has one, with what it is about in front. */
const withDetail =
  (what: string, remedy: string | null = null): Wording =>
  ({ detail }) => ({ what: detail === '' ? what : `${what}: ${detail}`, remedy });

const commandOf = ({ appImage, asRoot = 'sudo tilescope' }: RefusalContext): string =>
  appImage === undefined ? asRoot : `sudo '${appImage.replaceAll("'", "'\\''")}'`;

/** The command that gives the helper what it lacks; neither a clone nor an AppImage has a `tilescope` in PATH. */
export const setUp = (context: RefusalContext, options = ''): string =>
  `${commandOf(context)} setup-privileges${options} --yes`;

const components = (mask: bigint): string => bitsOf(mask).map(componentLabel).join(', ') || `mask ${hexShort(mask)}`;

const yama: Wording = ({ errno: scope }, context) => {
  if (scope === 3) {
    return {
      what: 'kernel.yama.ptrace_scope is 3, so no process may attach to another, and it cannot be changed until reboot',
      remedy: 'reboot with kernel.yama.ptrace_scope below 3',
    };
  }
  const restriction = scope === 2 ? 'only processes with CAP_SYS_PTRACE may attach' : 'only parents may attach';
  const remedies = scope === 2 ? setUp(context) : `${setUp(context)}, or sudo sysctl kernel.yama.ptrace_scope=0`;
  return { what: `kernel.yama.ptrace_scope is ${scope}: ${restriction}`, remedy: remedies };
};

const isNeverSuspended = (name: string): boolean =>
  INJECTED_CALLS.some(({ call, withoutHelper }) => call === name && withoutHelper);

/** The limits that a mapping may meet, and the command that raises each. */
const LIMITS: Readonly<Record<string, (pid: string) => string>> = {
  RLIMIT_AS: (pid) => `sudo prlimit --pid ${pid} --as=unlimited`,
  RLIMIT_DATA: (pid) => `sudo prlimit --pid ${pid} --data=unlimited`,
  RLIMIT_MEMLOCK: (pid) => `sudo prlimit --pid ${pid} --memlock=unlimited`,
  'vm.max_map_count': () => 'sudo sysctl vm.max_map_count=1048576',
};

const noRoom: Wording = ({ call, errno, detail }, { pid }) => {
  const limit = /^mmap \((.+)\)$/.exec(call)?.[1] ?? '';
  const raise = LIMITS[limit];
  if (raise !== undefined) {
    return { what: `the VMM may map no more memory: its ${limit} is reached`, remedy: raise(String(pid ?? 'PID')) };
  }
  if (call === 'mmap' && errno > 0) {
    return {
      what: `the kernel gives the VMM no more memory (${errnoName(errno)})`,
      remedy: 'look at vm.overcommit_memory and CommitLimit in /proc/meminfo',
    };
  }
  if (call === 'kvm_run') {
    return { what: 'the VMM has not mapped the page behind kvm_run, where the first calls would go', remedy: null };
  }
  return { what: `there is not enough room${detail && `: ${detail}`}`, remedy: null };
};

const OUR_FAULT = 'this is a fault of Tilescope: please report it with the steps that led here';

/** One plain sentence a reason, and the remedy. Nothing ends in a full stop. */
const WORDINGS: Record<Reason, Wording> = {
  NONE: withDetail('the helper refused without a reason', OUR_FAULT),
  BAD_FRAME: withDetail('the helper could not read the request', OUR_FAULT),
  UNKNOWN_MESSAGE: withDetail('the helper does not know the request', 'build helper and program from the same source'),
  VERSION: ({ detail }) => ({
    what: `the helper speaks another version of the protocol than ${PROTOCOL_VERSION}${detail && `: ${detail}`}`,
    remedy: 'build helper and program from the same source',
  }),
  NOT_ATTACHED: says('the vCPU is not attached', 'attach to it first'),
  ALREADY_ATTACHED: says('the vCPU is already attached', 'detach first'),
  BAD_SIZE: withDetail('the image is not of a size that the vCPU takes'),
  MSR_NOT_LISTED: withDetail('the MSR is not on the list of those that may be written'),
  NO_SUCH_PROCESS: says('there is no process with that pid', 'list the targets again'),
  NOT_THE_SAME_PROCESS: says('the pid now belongs to another process', 'list the targets again'),
  NOT_A_VMM: withDetail(
    'the process has no KVM vCPU of its own',
    'list the targets: the VMM is the process that runs the vCPU, not one that was handed its descriptor',
  ),
  NO_SUCH_VCPU: says('the process has no vCPU of that number', 'list the targets again'),
  OTHER_USER: (_refusal, context) => ({
    what: 'the process belongs to another user',
    remedy: `run Tilescope as that user or as root, or ${setUp(context, ' --allow USER')} with that user’s name`,
  }),
  NOT_DUMPABLE: says(
    'the process has made itself not dumpable, so only CAP_SYS_PTRACE may attach',
    'run Tilescope as root',
  ),
  NOT_AUTHORISED: ({ detail }, context) => ({
    what: `the helper may not be used for this process${detail && `: ${detail}`}`,
    remedy: `run Tilescope as root, or, for another user’s VMM, ${setUp(context, ' --allow USER')} with that user’s name`,
  }),
  YAMA: yama,
  ALREADY_TRACED: ({ otherPid }) => ({
    what: otherPid > 0 ? `the process is already traced by pid ${otherPid}` : 'the process is already traced',
    remedy: otherPid > 0 ? `end the tracer, pid ${otherPid}, first` : 'end the tracer first',
  }),
  SELF: says('the process is Tilescope itself or one that started it', 'choose another target'),
  NOT_64_BIT: says('the process is not a 64-bit process'),
  STOPPED: says(
    'the process is stopped by a signal (SIGSTOP, or Ctrl+Z in its terminal)',
    'resume it (kill -CONT, or fg in its terminal), then try again',
  ),
  CGROUP_FROZEN: says(
    'the control group of the process is frozen, as docker pause does',
    'thaw it (docker unpause, systemctl thaw, or write 0 to cgroup.freeze), then try again',
  ),
  SHADOW_STACK: says('the thread has a shadow stack, which a chain of sigreturn frames cannot pass'),
  NO_GADGET: withDetail('the process has no place from which a system call can be made'),
  THREAD_NOT_FOUND: says(
    'no thread was seen running this vCPU',
    'let the guest run: a vCPU that is paused or was never started is found by the name of its thread alone, which QEMU gives with -name NAME,debug-threads=on',
  ),
  STOP_TIMEOUT: withDetail(
    'the vCPU thread did not stop',
    'try again once its process does not wait for a disk or a page, and is not frozen (docker pause, in a group that is not seen from here)',
  ),
  SECCOMP: ({ call, seccompAction }) => ({
    what: `the thread's seccomp filter would refuse ${call || 'the call'} (${describeAction(seccompAction)}), so it was not made`,
    remedy: isNeverSuspended(call)
      ? 'start the VMM without its filter: for this call it cannot be suspended, for a killed helper would then end the VMM'
      : 'start the VMM without its filter, or suspend the filter while attached (--suspend-seccomp), which needs CAP_SYS_ADMIN',
  }),
  SECCOMP_UNREADABLE: ({ call }, context) => ({
    what: `the thread has a seccomp filter that may not be read, so ${call || 'the call'} was not made`,
    remedy: `run Tilescope as root, or ${setUp(context, ' --seccomp')}`,
  }),
  PERMISSION: withDetail('the kernel does not let the helper attach', 'see the security module’s log'),
  TARGET_GONE: says('the target has ended', 'list the targets again'),
  OTHER_HELPER: ({ otherPid }) => ({
    what: `the vCPU is already attached to by another helper of Tilescope, pid ${otherPid}`,
    remedy: 'detach there first, in the window or command that holds it',
  }),
  GUARD_XFD_COVERS_IMAGE: ({ mask }) => ({
    what: `the image has ${components(mask)} in use and IA32_XFD covers it: such an image can take the host down`,
    remedy: 'disarm IA32_XFD first, or put the component to init state in the image',
  }),
  GUARD_ARMING_OVER_STATE: ({ mask }) => ({
    what: `${components(mask)} is in use: arming IA32_XFD over it can take the host down`,
    remedy: 'use the safe order, which puts the component to init state first and gives up what it holds',
  }),
  OUTSIDE_KVM_RUN: says(
    'the VMM is handling an exit or has paused the vCPU: it would overwrite what is written now',
    'let the guest run, then try again',
  ),
  PROTECTED_GUEST: says('the guest is protected: its state is encrypted'),
  EVENT_PENDING: says(
    'an exception or interrupt is on its way into the guest: writing general registers now would lose it',
    'let the guest run, then try again',
  ),
  GUARD_REGS: withDetail('the CPU would not enter the guest with these registers, which would end it'),
  CALL_FAILED: ({ call, errno, detail }) => ({
    what: `${call || 'a call'} failed${errno === 0 ? '' : ` with ${errnoName(errno)}`}${detail && `: ${detail}`}`,
    remedy: null,
  }),
  CHAIN_TIMEOUT: withDetail('the calls in the target did not end in time', 'try again'),
  NO_MEMORY: noRoom,
  CHAIN_CHANGED: withDetail(
    'the calls in the target were changed from outside and ended',
    'find out what else writes to the VMM’s memory, or whether the VMM itself is hostile',
  ),
  MEMORY_CHANGED: withDetail(
    'guest memory was changed by somebody else before it could be written, so it was not',
    'try again; other vCPUs and devices run on meanwhile',
  ),
};

const UNKNOWN: Wording = ({ reasonCode, detail }) => ({
  what: `the helper refused with reason ${reasonCode}${detail && `: ${detail}`}`,
  remedy: 'build helper and program from the same source',
});

/** Where the errno field holds an errno and not something else. */
const hasErrno = ({ reason, errno }: HelperRefusal): boolean => errno > 0 && reason !== 'YAMA';

const DEFAULT_CONTEXT: RefusalContext = { helperPath: 'PATH/tilescope-helper' };

/** The helper's refusal as the bridge carries it. where: the target, or null. */
export const refusalToBridge = (
  refusal: HelperRefusal,
  where: string | null = null,
  context: RefusalContext = DEFAULT_CONTEXT,
): Refusal => {
  const { what, remedy } = (refusal.reason === null ? UNKNOWN : WORDINGS[refusal.reason])(refusal, context);
  return {
    code: codeOfReason(refusal.reason),
    what,
    where,
    remedy,
    call: refusal.call === '' ? null : refusal.call,
    errno: hasErrno(refusal) ? errnoName(refusal.errno) : null,
  };
};

/** Why a listed target cannot be attached, in the words of a refusal; null where nothing stands in the way. */
export const targetObstacle = (
  target: {
    readonly reason: Reason | null;
    readonly reasonCode: number;
    readonly errnoOrScope: number;
    readonly tracerPid: number;
    readonly call?: string;
    readonly seccompAction?: number;
  },
  context: RefusalContext = DEFAULT_CONTEXT,
): Refusal | null => {
  if (target.reason === 'NONE') return null;
  const { reason, reasonCode, errnoOrScope: errno, tracerPid: otherPid, call = '', seccompAction = 0 } = target;
  const refusal = { reason, reasonCode, errno, otherPid, seccompAction, mask: 0n, call, detail: '' };
  return refusalToBridge(refusal, null, context);
};
