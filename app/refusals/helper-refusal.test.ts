import { describe, expect, test } from 'vitest';
import { errnoName } from '../wire/errno.ts';
import { callVerdict, seccompMode } from '../wire/seccomp.ts';
import { codeOfReason, exitCodeOf, REFUSAL_CODES } from './codes.ts';
import { HELPER_REASONS, type Reason } from './helper-reasons.ts';
import { type HelperRefusal, refusalToBridge, targetObstacle } from './helper-refusal.ts';

const refusal = (reason: Reason | null, changes: Partial<HelperRefusal> = {}): HelperRefusal => ({
  reason,
  reasonCode: reason === null ? 99 : HELPER_REASONS[reason].number,
  errno: 0,
  otherPid: 0,
  seccompAction: 0,
  mask: 0n,
  call: '',
  detail: '',
  ...changes,
});

describe('refusals in words', () => {
  test('[W7] every reason has its own stable code and one sentence without a full stop', () => {
    const reasons = Object.keys(HELPER_REASONS) as Reason[];
    expect(new Set(reasons.map(codeOfReason)).size).toBe(reasons.length);
    for (const reason of reasons) {
      const { code, what, remedy } = refusalToBridge(refusal(reason));
      expect(code).toMatch(/^[a-z0-9-]+$/);
      for (const sentence of [what, remedy ?? 'none']) {
        expect(sentence.length, reason).toBeGreaterThan(3);
        expect(sentence, reason).not.toMatch(/[.:]$|undefined|null/);
      }
    }
  });

  test('[W7] Yama: what the scope means and what would fix it', () => {
    const context = { helperPath: '/opt/tilescope-helper' };
    const one = refusalToBridge(refusal('YAMA', { errno: 1 }), 'pid 4242', context);
    expect(one.remedy).toBe('sudo tilescope setup-privileges --yes, or sudo sysctl kernel.yama.ptrace_scope=0');
    expect(one).toMatchObject({ code: 'yama', where: 'pid 4242', errno: null });
    expect(refusalToBridge(refusal('YAMA', { errno: 2 }), null, context).remedy).toBe(
      'sudo tilescope setup-privileges --yes',
    );
    expect(refusalToBridge(refusal('YAMA', { errno: 3 })).what).toContain('cannot be changed until reboot');
  });

  test('[W7] what is in the way is named: tracer, call and action, component, errno', () => {
    expect(refusalToBridge(refusal('ALREADY_TRACED', { otherPid: 31 })).remedy).toBe('end the tracer, pid 31, first');
    expect(refusalToBridge(refusal('OTHER_HELPER', { otherPid: 32 }))).toMatchObject({
      code: 'other-helper',
      what: 'the vCPU is already attached to by another helper of Tilescope, pid 32',
    });
    expect(refusalToBridge(refusal('EVENT_PENDING', { call: 'KVM_SET_REGS' }))).toMatchObject({
      code: 'event-pending',
      call: 'KVM_SET_REGS',
      remedy: 'let the guest run, then try again',
    });
    expect(refusalToBridge(refusal('GUARD_REGS', { detail: 'RIP is not canonical.' })).what).toBe(
      'the CPU would not enter the guest with these registers, which would end it: RIP is not canonical.',
    );
    const seccomp = refusalToBridge(refusal('SECCOMP', { call: 'KVM_SET_XSAVE', seccompAction: 0x30000 }));
    expect(seccomp.what).toContain('KVM_SET_XSAVE (SECCOMP_RET_TRAP: the thread would get SIGSYS)');
    expect(seccomp.call).toBe('KVM_SET_XSAVE');
    const guard = refusalToBridge(refusal('GUARD_ARMING_OVER_STATE', { mask: 1n << 18n }));
    expect(guard).toMatchObject({ code: 'guard-arming-over-state' });
    expect(guard.what).toContain('TILEDATA is in use');
    expect(guard.remedy).toContain('safe order');
    expect(refusalToBridge(refusal('CALL_FAILED', { call: 'KVM_SET_XSAVE', errno: 22 }))).toMatchObject({
      what: 'KVM_SET_XSAVE failed with EINVAL',
      call: 'KVM_SET_XSAVE',
      errno: 'EINVAL',
    });
  });

  test('[W7] what no suspended filter lets pass is not advised', () => {
    const remedy = (call: string) => refusalToBridge(refusal('SECCOMP', { call, seccompAction: 0x30000 })).remedy;
    expect(remedy('KVM_SET_XSAVE')).toContain('--suspend-seccomp');
    expect(remedy('KVM_SET_XSAVE')).toContain(
      'a helper killed in the microseconds of such a call takes the VMM with it',
    );
    for (const call of [
      'KVM_SET_GUEST_DEBUG',
      'process_vm_readv',
      'rt_sigreturn',
      'KVM_RUN',
      'futex',
      'timer_settime',
    ]) {
      expect(remedy(call), call).not.toContain('--suspend-seccomp');
    }
  });

  test('[W7] a limit of the VMM’s own is named, with the command that raises it', () => {
    const of = (call: string, errno: number) =>
      refusalToBridge(refusal('NO_MEMORY', { call, errno }), null, { helperPath: '/h', pid: 4242 });
    expect(of('mmap (RLIMIT_AS)', 12)).toMatchObject({
      what: 'the VMM may map no more memory: its RLIMIT_AS is reached',
      remedy: 'sudo prlimit --pid 4242 --as=unlimited',
    });
    expect(of('mmap (RLIMIT_MEMLOCK)', 11).remedy).toBe('sudo prlimit --pid 4242 --memlock=unlimited');
    expect(of('mmap (vm.max_map_count)', 12).remedy).toBe(
      'sudo sysctl vm.max_map_count=$((2 * $(cat /proc/sys/vm/max_map_count)))',
    );
    expect(of('mmap (memory.max)', 12)).toMatchObject({
      what: 'the VMM’s control group has no room for more memory (memory.max): the kernel would end the VMM',
      remedy: 'raise memory.max of the group that /proc/4242/cgroup names, or of the one above it that limits it',
    });
    expect(of('mmap', 12).what).toBe('the kernel gives the VMM no more memory (ENOMEM)');
    expect(of('kvm_run', 0).what).toContain('has not mapped the page behind kvm_run');
  });

  test('[W7] a reason that is not known here is said with its number', () => {
    expect(refusalToBridge(refusal(null, { detail: 'odd' }))).toMatchObject({
      code: 'unknown-reason',
      what: 'the helper refused with reason 99: odd',
    });
  });

  test('[W7] a listed target says what stands in the way, in the same words', () => {
    const target = { reasonCode: HELPER_REASONS.YAMA.number, errnoOrScope: 1, tracerPid: 0 };
    expect(targetObstacle(target)?.what).toBe('kernel.yama.ptrace_scope is 1: only parents may attach');
    expect(targetObstacle({ ...target, reasonCode: 0 })).toBeNull();
    expect(
      targetObstacle({ ...target, reasonCode: HELPER_REASONS.ALREADY_TRACED.number, tracerPid: 7 })?.what,
    ).toContain('traced by pid 7');
    expect(targetObstacle({ ...target, reasonCode: 99 })?.code).toBe('unknown-reason');
  });
});

test('[W7] errno by name', () => {
  expect([1, 3, 13, 14, 22, 38, 95, 133].map(errnoName)).toEqual([
    'EPERM',
    'ESRCH',
    'EACCES',
    'EFAULT',
    'EINVAL',
    'ENOSYS',
    'EOPNOTSUPP',
    'EHWPOISON',
  ]);
  expect(errnoName(999)).toBe('errno 999');
});

test('[W9] a seccomp verdict says what would become of the call; what is unknown counts as a kill', () => {
  const verdict = (action: number, known = true) =>
    callVerdict({ call: 'KVM_SET_XSAVE', number: 0x5000aea5n, action, known }).verdict;
  expect(verdict(0x7fff0000)).toBe('allowed');
  expect(verdict(0x7ffc0000)).toBe('allowed');
  expect(verdict(0x00050001)).toBe('refused');
  expect(verdict(0x00030000)).toBe('refused');
  expect(verdict(0x80000000)).toBe('kills');
  expect(verdict(0)).toBe('kills');
  expect(verdict(0x12340000)).toBe('kills');
  expect(verdict(0x7fc00000)).toBe('not known');
  expect(verdict(0x7fff0000, false)).toBe('not known');
  expect(callVerdict({ call: 'a', number: 0x5000aea5n, action: 0, known: true }).number).toBe('0x5000aea5');
  expect([0, 1, 2].map(seccompMode)).toEqual(['none', 'strict', 'filter']);
});

test('[C17] every code of the catalogue is one, in one spelling, and has its exit code', () => {
  expect(new Set(REFUSAL_CODES).size).toBe(REFUSAL_CODES.length);
  for (const code of REFUSAL_CODES) expect(code).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
  const ends = (...codes: readonly string[]) => codes.map((code) => exitCodeOf({ code }));
  expect(ends('usage', 'file', 'target-gone', 'no-such-vcpu', 'helper-gone', 'doubtful')).toEqual([2, 3, 4, 4, 5, 6]);
  expect(ends('guard-xfd-covers-image', 'pre-flight', 'a code that is not known')).toEqual([1, 1, 1]);
});
