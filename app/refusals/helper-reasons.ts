import { bitsOf, hexShort } from '../bits/mask.ts';
import { INJECTED_CALLS } from '../wire/calls.ts';
import { errnoName } from '../wire/errno.ts';
import { PROTOCOL_VERSION } from '../wire/frames.ts';
import { describeAction } from '../wire/seccomp.ts';
import { componentLabel } from '../xsave/components.ts';

/** What the helper says beside its reason. */
export interface HelperFacts {
  /** Of Linux; of YAMA the scope instead. */
  readonly errno: number;
  readonly otherPid: number;
  readonly seccompAction: number;
  /** Components. */
  readonly mask: bigint;
  readonly call: string;
  readonly detail: string;
}

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

type Wording = (facts: HelperFacts, context: RefusalContext) => Words;

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

/** Who may look into the processes of other users, and how one comes to be such. */
export const reachOtherUsers = (context: RefusalContext): string =>
  `run Tilescope as that user or as root, or ${setUp(context, ' --allow USER')} with that user’s name`;

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

/** Made without the helper, by the chain itself: were the helper killed, the filter would be there again before the call. */
const isNeverSuspended = (name: string): boolean =>
  name === 'rt_sigreturn' || INJECTED_CALLS.some(({ call, when }) => call === name && when === 'step');

/** The limits that a mapping may meet, and the command that raises each. */
const LIMITS: Readonly<Record<string, (pid: string) => string>> = {
  RLIMIT_AS: (pid) => `sudo prlimit --pid ${pid} --as=unlimited`,
  RLIMIT_DATA: (pid) => `sudo prlimit --pid ${pid} --data=unlimited`,
  RLIMIT_MEMLOCK: (pid) => `sudo prlimit --pid ${pid} --memlock=unlimited`,
  // Twice what it is: distributions differ, and one that has a million reaches that as well.
  'vm.max_map_count': () => 'sudo sysctl vm.max_map_count=$((2 * $(cat /proc/sys/vm/max_map_count)))',
};

/** Of a control group, at whose limit the kernel refuses nobody and ends the process. */
const GROUP_LIMITS: readonly string[] = ['memory.max', 'memory.limit_in_bytes'];

const noRoom: Wording = ({ call, errno, detail }, { pid }) => {
  const limit = /^mmap \((.+)\)$/.exec(call)?.[1] ?? '';
  const raise = LIMITS[limit];
  if (raise !== undefined) {
    return { what: `the VMM may map no more memory: its ${limit} is reached`, remedy: raise(String(pid ?? 'PID')) };
  }
  if (GROUP_LIMITS.includes(limit)) {
    return {
      what: `the VMM’s control group has no room for more memory (${limit}): the kernel would end the VMM`,
      remedy: `raise ${limit} of the group that /proc/${pid ?? 'PID'}/cgroup names, or of the one above it that limits it`,
    };
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

/** A reason of the helper: its number, the refusal in words, and how the command line ends over it. */
interface HelperReason {
  /** Of enum reason in native/wire/protocol.h, where its name begins with REASON_. */
  readonly number: number;
  readonly words: Wording;
  readonly exit: 'refused' | 'noTarget';
}

const row = (number: number, words: Wording, exit: HelperReason['exit'] = 'refused'): HelperReason => ({
  number,
  words,
  exit,
});

/** Every reason of the helper, one row each. Sentence and remedy are plain, and end in no full stop. */
export const HELPER_REASONS = {
  NONE: row(0, withDetail('the helper refused without a reason', OUR_FAULT)),
  BAD_FRAME: row(1, withDetail('the helper could not read the request', OUR_FAULT)),
  UNKNOWN_MESSAGE: row(
    2,
    withDetail('the helper does not know the request', 'build helper and program from the same source'),
  ),
  VERSION: row(3, ({ detail }) => ({
    what: `the helper speaks another version of the protocol than ${PROTOCOL_VERSION}${detail && `: ${detail}`}`,
    remedy: 'build helper and program from the same source',
  })),
  NOT_ATTACHED: row(4, says('the vCPU is not attached', 'attach to it first')),
  ALREADY_ATTACHED: row(5, says('the vCPU is already attached', 'detach first')),
  BAD_SIZE: row(6, withDetail('the image is not of a size that the vCPU takes')),
  MSR_NOT_LISTED: row(7, withDetail('the MSR is not on the list of those that may be written')),
  NO_SUCH_PROCESS: row(20, says('there is no process with that pid', 'list the targets again'), 'noTarget'),
  NOT_THE_SAME_PROCESS: row(21, says('the pid now belongs to another process', 'list the targets again'), 'noTarget'),
  NOT_A_VMM: row(
    22,
    withDetail(
      'the process has no KVM vCPU of its own',
      'list the targets: the VMM is the process that runs the vCPU, not one that was handed its descriptor',
    ),
    'noTarget',
  ),
  NO_SUCH_VCPU: row(23, says('the process has no vCPU of that number', 'list the targets again'), 'noTarget'),
  OTHER_USER: row(24, (_refusal, context) => ({
    what: 'the process belongs to another user',
    remedy: reachOtherUsers(context),
  })),
  NOT_DUMPABLE: row(
    25,
    says('the process has made itself not dumpable, so only CAP_SYS_PTRACE may attach', 'run Tilescope as root'),
  ),
  NOT_AUTHORISED: row(39, ({ detail }, context) => ({
    what: `the helper may not be used for this process${detail && `: ${detail}`}`,
    remedy: `run Tilescope as root, or, for another user’s VMM, ${setUp(context, ' --allow USER')} with that user’s name`,
  })),
  YAMA: row(26, yama),
  ALREADY_TRACED: row(27, ({ otherPid }) => ({
    what: otherPid > 0 ? `the process is already traced by pid ${otherPid}` : 'the process is already traced',
    remedy: otherPid > 0 ? `end the tracer, pid ${otherPid}, first` : 'end the tracer first',
  })),
  SELF: row(28, says('the process is Tilescope itself or one that started it', 'choose another target')),
  NOT_64_BIT: row(29, says('the process is not a 64-bit process')),
  STOPPED: row(
    40,
    says(
      'the process is stopped by a signal (SIGSTOP, or Ctrl+Z in its terminal)',
      'resume it (kill -CONT, or fg in its terminal), then try again',
    ),
  ),
  CGROUP_FROZEN: row(
    41,
    says(
      'the control group of the process is frozen, as docker pause does',
      'thaw it (docker unpause, systemctl thaw, or write 0 to cgroup.freeze), then try again',
    ),
  ),
  SHADOW_STACK: row(30, says('the thread has a shadow stack, which a chain of sigreturn frames cannot pass')),
  NO_GADGET: row(31, withDetail('the process has no place from which a system call can be made')),
  THREAD_NOT_FOUND: row(
    32,
    says(
      'no thread was seen running this vCPU',
      'let the guest run: a vCPU that is paused or was never started is found by the name of its thread alone, which QEMU gives with -name NAME,debug-threads=on',
    ),
  ),
  STOP_TIMEOUT: row(
    33,
    withDetail(
      'the vCPU thread did not stop',
      'try again once its process does not wait for a disk or a page, and is not frozen (docker pause, in a group that is not seen from here)',
    ),
  ),
  SECCOMP: row(34, ({ call, seccompAction }) => ({
    what: `the thread's seccomp filter would refuse ${call || 'the call'} (${describeAction(seccompAction)}), so it was not made`,
    remedy: isNeverSuspended(call)
      ? 'start the VMM without its filter: for this call it cannot be suspended, for a killed helper would then end the VMM'
      : 'start the VMM without its filter, or suspend the filter while attached (--suspend-seccomp), which needs CAP_SYS_ADMIN: a helper killed in the microseconds of such a call takes the VMM with it',
  })),
  SECCOMP_UNREADABLE: row(35, ({ call }, context) => ({
    what: `the thread has a seccomp filter that may not be read, so ${call || 'the call'} was not made`,
    remedy: `run Tilescope as root, or ${setUp(context, ' --seccomp')}`,
  })),
  PERMISSION: row(36, withDetail('the kernel does not let the helper attach', 'see the security module’s log')),
  TARGET_GONE: row(37, says('the target has ended', 'list the targets again'), 'noTarget'),
  OTHER_HELPER: row(38, ({ otherPid }) => ({
    what: `the vCPU is already attached to by another helper of Tilescope, pid ${otherPid}`,
    remedy: 'detach there first, in the window or command that holds it',
  })),
  GUARD_XFD_COVERS_IMAGE: row(50, ({ mask }) => ({
    what: `the image has ${components(mask)} in use and IA32_XFD covers it: such an image can take the host down`,
    remedy: 'disarm IA32_XFD first, or put the component to init state in the image',
  })),
  GUARD_ARMING_OVER_STATE: row(51, ({ mask }) => ({
    what: `${components(mask)} is in use: arming IA32_XFD over it can take the host down`,
    remedy: 'use the safe order, which puts the component to init state first and gives up what it holds',
  })),
  OUTSIDE_KVM_RUN: row(
    52,
    says(
      'the vCPU is outside KVM_RUN: the VMM handles an exit of it or has paused it, and would overwrite what is written',
      'let the guest run, then try again',
    ),
  ),
  PROTECTED_GUEST: row(53, says('the guest is protected: its state is encrypted')),
  EVENT_PENDING: row(
    54,
    says(
      'an exception or interrupt is on its way into the guest: writing general registers now would lose it',
      'let the guest run, then try again',
    ),
  ),
  GUARD_REGS: row(55, withDetail('the CPU would not enter the guest with these registers, which would end it')),
  CALL_FAILED: row(60, ({ call, errno, detail }) => ({
    what: `${call || 'a call'} failed${errno === 0 ? '' : ` with ${errnoName(errno)}`}${detail && `: ${detail}`}`,
    remedy: null,
  })),
  CHAIN_TIMEOUT: row(61, withDetail('the calls in the target did not end in time', 'try again')),
  NO_MEMORY: row(62, noRoom),
  CHAIN_CHANGED: row(
    63,
    withDetail(
      'the calls in the target were changed from outside and ended',
      'find out what else writes to the VMM’s memory, or whether the VMM itself is hostile',
    ),
  ),
  MEMORY_CHANGED: row(
    64,
    withDetail(
      'guest memory was changed by somebody else before it could be written, so it was not',
      'try again; other vCPUs and devices run on meanwhile',
    ),
  ),
} as const satisfies Readonly<Record<string, HelperReason>>;

/** The name of a reason of the helper, as in the header. */
export type Reason = keyof typeof HELPER_REASONS;

const BY_NUMBER: ReadonlyMap<number, Reason> = new Map(
  Object.entries(HELPER_REASONS).map(([name, { number }]) => [number, name as Reason]),
);

/** Null for a number that is not in the catalogue. */
export const reasonOf = (number: number): Reason | null => BY_NUMBER.get(number) ?? null;
