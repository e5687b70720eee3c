import { bitsOf, hasBit, hexShort } from '../../../app/bits/mask.ts';
import type { Answer } from '../../../app/bridge.ts';
import { cpuidEntry } from '../../../app/cpu/cpuid.ts';
import { EXIT } from '../../../app/refusals/exit.ts';
import { setUp } from '../../../app/refusals/helper-reasons.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { errnoName } from '../../../app/wire/errno.ts';
import type { HelloReply } from '../../../app/wire/messages.ts';
import { componentName } from '../../../app/xsave/components.ts';
import { refusalContext } from '../../helper/refusal-context.ts';
import type { Host } from '../../services/host.ts';
import type { Check, CheckState } from './doctor-check.ts';
import { type MachineFacts, machineFacts } from './doctor-facts.ts';
import { capabilityChecks } from './doctor-kvm.ts';
import { jsonText, type Output, table } from './output.ts';

/** `tilescope doctor`: what this machine has and lacks, and the command that fixes it. */

const check = (id: string, title: string, state: CheckState, found: string, remedy: string | null = null): Check => ({
  ...{ id, title, state, found, remedy },
});

const EACCES = 13;
const ENOENT = 2;

const kvmDevice = ({ kvmApiVersion, kvmErrno }: HelloReply, { hasVirtualization }: MachineFacts): Check => {
  const title = '/dev/kvm';
  if (kvmApiVersion !== 0) return check('kvm', title, 'ok', `KVM API version ${kvmApiVersion}`);
  if (kvmErrno === EACCES) {
    return check(
      'kvm',
      title,
      'missing',
      'EACCES: not for this user',
      'sudo usermod -aG kvm "$USER"; then log in again',
    );
  }
  const load = 'sudo modprobe kvm_intel || sudo modprobe kvm_amd; in a container: --device /dev/kvm';
  const firmware = 'turn virtualization (VT-x, SVM) on in the firmware; in a guest: nested virtualization';
  const why = kvmErrno === ENOENT ? 'there is none' : `cannot be opened: ${errnoName(kvmErrno)}`;
  return check('kvm', title, 'missing', why, hasVirtualization === false ? firmware : load);
};

const names = (mask: bigint): string => bitsOf(mask).map(componentName).join(' ');

const kvmComponents = ({ hostXcr0Supported, kvmApiVersion }: HelloReply): Check => {
  const title = 'components KVM gives guests';
  if (hostXcr0Supported === 0n) {
    const why = kvmApiVersion === 0 ? '/dev/kvm cannot be asked' : 'KVM_X86_XCOMP_GUEST_SUPP: not known to this kernel';
    return check('kvm-components', title, 'not-known', why);
  }
  return check('kvm-components', title, 'ok', `${hexShort(hostXcr0Supported)}: ${names(hostXcr0Supported)}`);
};

/** KVM_CAP_XSAVE2 and ARCH_REQ_XCOMP_GUEST_PERM came with Linux 5.17. */
const kernel = ({ kernelRelease }: HelloReply): Check => {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(kernelRelease) ?? [];
  const has = Number(major) > 5 || (Number(major) === 5 && Number(minor) >= 17);
  return has
    ? check('kernel', 'kernel', 'ok', `Linux ${kernelRelease}, with KVM_GET_XSAVE2`)
    : check(
        ...([
          'kernel',
          'kernel',
          'limited',
          `Linux ${kernelRelease}: KVM_GET_XSAVE alone, 4096 bytes, no tiles`,
        ] as const),
        'Linux 5.17 or later',
      );
};

const AMX_FEATURES = [
  [24, 'TILE'],
  [25, 'INT8'],
  [22, 'BF16'],
] as const;

const amx = ({ cpuid }: HelloReply): Check => {
  const edx = cpuidEntry(cpuid, 7, 0)?.edx;
  if (edx === undefined) return check('amx', 'AMX', 'not-known', 'CPUID leaf 7 was not read');
  const found = AMX_FEATURES.filter(([bit]) => hasBit(BigInt(edx >>> 0), bit)).map(([, name]) => `AMX-${name}`);
  return found.length === 0
    ? check('amx', 'AMX', 'absent', 'this CPU has none; models have, and so have files')
    : check('amx', 'AMX', 'ok', found.join(' '));
};

const xfd = ({ cpuid }: HelloReply): Check => {
  const eax = cpuidEntry(cpuid, 0xd, 1)?.eax;
  if (eax === undefined) return check('xfd', 'IA32_XFD', 'not-known', 'CPUID leaf 0xD.1 was not read');
  return hasBit(BigInt(eax >>> 0), 4)
    ? check('xfd', 'IA32_XFD', 'ok', 'CPUID 0xD.1.EAX[4]')
    : check('xfd', 'IA32_XFD', 'absent', 'this CPU has none');
};

const CAP_SYS_PTRACE = 19;
const CAP_SYS_ADMIN = 21;

const yama = ({ yamaScope, capabilities }: HelloReply, { helperPath }: MachineFacts): Check => {
  const title = 'kernel.yama.ptrace_scope';
  const isFree = hasBit(capabilities, CAP_SYS_PTRACE);
  if (yamaScope <= 0) return check('yama', title, 'ok', yamaScope < 0 ? 'Yama is not there' : '0');
  if (yamaScope >= 3) {
    return check(
      'yama',
      title,
      'missing',
      '3: nothing can be attached to',
      'boot with another value; it cannot be lowered',
    );
  }
  if (isFree) return check('yama', title, 'ok', `${yamaScope}, and the helper has CAP_SYS_PTRACE`);
  return check(
    'yama',
    title,
    'missing',
    `${yamaScope}: the helper needs CAP_SYS_PTRACE`,
    setUp(refusalContext(helperPath)),
  );
};

const ptrace = ({ capabilities, uid }: HelloReply, { helperPath }: MachineFacts): Check => {
  const title = 'helper’s capabilities';
  if (hasBit(capabilities, CAP_SYS_PTRACE)) {
    const admin = hasBit(capabilities, CAP_SYS_ADMIN) ? ', CAP_SYS_ADMIN' : '';
    return check(
      'capabilities',
      title,
      'ok',
      uid === 0
        ? `CAP_SYS_PTRACE${admin}: VMMs of every user`
        : `CAP_SYS_PTRACE${admin}: VMMs of user ${uid}, and those that /etc/tilescope/policy gives`,
    );
  }
  return check(
    ...(['capabilities', title, 'limited', `none: VMMs of user ${uid} alone`] as const),
    setUp(refusalContext(helperPath)),
  );
};

const seccomp = ({ capabilities }: HelloReply, { helperPath }: MachineFacts): Check => {
  const title = 'seccomp filters';
  if (hasBit(capabilities, CAP_SYS_ADMIN)) return check('seccomp', title, 'ok', 'can be read before a call is made');
  return check(
    ...(['seccomp', title, 'limited', 'cannot be read (CAP_SYS_ADMIN): VMMs with a filter are refused'] as const),
    setUp(refusalContext(helperPath), ' --seccomp'),
  );
};

const userNamespaces = ({ userNamespaces: found, uid }: MachineFacts): Check => {
  const title = 'user namespaces';
  const needs = 'the window’s sandbox needs them';
  if (uid === 0) return check('user-namespaces', title, 'ok', 'root needs none');
  if (found.most === 0) {
    const remedy = 'sudo sysctl user.max_user_namespaces=15000';
    return check('user-namespaces', title, 'limited', `user.max_user_namespaces is 0; ${needs}`, remedy);
  }
  if (found.unprivileged === 0) {
    const remedy = 'sudo sysctl kernel.unprivileged_userns_clone=1';
    return check('user-namespaces', title, 'limited', `for root alone; ${needs}`, remedy);
  }
  if (found.appArmor === 1) {
    const remedy =
      'install the deb, which brings a profile; or sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0';
    return check('user-namespaces', title, 'limited', `restricted by AppArmor; ${needs}`, remedy);
  }
  return check('user-namespaces', title, 'ok', 'for every user');
};

const shownIn = ({ electron, hasDisplay }: MachineFacts): Check => {
  const title = 'window';
  if (electron === null)
    return check('window', title, 'limited', 'Electron is not there', 'tilescope web, in a browser');
  if (!hasDisplay)
    return check('window', title, 'limited', `no display; Electron: ${electron}`, 'tilescope web --no-open');
  return check('window', title, 'ok', electron);
};

const journal = ({ journalFolder, journalProblem }: MachineFacts): Check =>
  journalProblem === null
    ? check('journal', 'journal', 'ok', journalFolder)
    : check(
        'journal',
        'journal',
        'missing',
        journalProblem,
        `make ${journalFolder} writable; nothing is written without it`,
      );

/** In the order in which one hangs on another. @param hello null: the helper did not answer, and problem says why */
export const diagnose = (hello: Answer<HelloReply>, facts: MachineFacts): readonly Check[] => {
  const here = [userNamespaces(facts), shownIn(facts), journal(facts)];
  if (!hello.ok) {
    const { what, remedy } = hello.refusal;
    return [
      check('helper', 'helper', 'missing', what, remedy ?? 'npm run build, or install the package again'),
      ...here,
    ];
  }
  const reply = hello.value;
  return [
    check('helper', 'helper', 'ok', facts.helperPath),
    kvmDevice(reply, facts),
    kernel(reply),
    kvmComponents(reply),
    ...capabilityChecks(facts.kvmCapabilities),
    amx(reply),
    xfd(reply),
    yama(reply, facts),
    ptrace(reply, facts),
    seccomp(reply, facts),
    ...here,
  ];
};

const WORDS: Readonly<Record<CheckState, string>> = {
  ok: 'ok',
  limited: 'limited',
  missing: 'MISSING',
  absent: 'absent',
  'not-known': 'not known',
};

const words = (checks: readonly Check[]): string => {
  const missing = checks.filter(({ state }) => state === 'missing');
  const rows = checks.flatMap(({ title, state, found, remedy }) => [
    [WORDS[state], title, found],
    ...(remedy === null ? [] : [['', '', `to do: ${remedy}`]]),
  ]);
  const last =
    missing.length === 0
      ? 'nothing that attaching needs is missing\n'
      : `missing: ${missing.map(({ title }) => title).join(', ')}\n`;
  return `${table(rows)}\n${last}`;
};

/** `doctor`: every check. Exit code 1 where something is missing. */
export const doctor = async (host: Host, json: boolean): Promise<Answer<Output>> => {
  const checks = diagnose(await host.hello(), await machineFacts(host));
  const isWhole = checks.every(({ state }) => state !== 'missing');
  const text = json ? jsonText({ ok: isWhole, checks }) : words(checks);
  return answer({ text, code: isWhole ? EXIT.done : EXIT.refused, note: '' });
};
