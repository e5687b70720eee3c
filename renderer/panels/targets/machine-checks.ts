import { hasBit } from '../../../app/bits/mask.ts';
import type { HostFacts, MachineFacts } from '../../../app/bridge.ts';
import { cpuidEntry } from '../../../app/cpu/cpuid.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { kernelText } from '../../wording.ts';

/** absent: this machine does not have it, and there is nothing to mend. */
export interface MachineCheck {
  readonly title: string;
  readonly state: 'missing' | 'limited' | 'ok' | 'absent';
  readonly found: string;
  /** What mends it; null: nothing has to be. */
  readonly remedy: string | null;
}

/** KVM_CAP_XSAVE2 and ARCH_REQ_XCOMP_GUEST_PERM came with Linux 5.17. */
const hasXsave2 = (release: string): boolean => {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return Number(major) > 5 || (Number(major) === 5 && Number(minor) >= 17);
};

const WORST_FIRST = ['missing', 'limited', 'absent', 'ok'] as const;

const check = (
  title: string,
  state: MachineCheck['state'],
  found: string,
  remedy: string | null = null,
): MachineCheck => ({ title, state, found, remedy });

const PRIVILEGES = 'sudo tilescope setup-privileges --yes';

/** What attaching hangs on; nothing where it was not asked. */
const reachChecks = (machine: MachineFacts | null): readonly MachineCheck[] => {
  const reach = machine?.reach;
  if (reach === undefined) return [];
  const { kvmApiVersion, yamaScope, canTrace, canReadFilters } = reach;
  const isHeld = yamaScope >= 3 || (yamaScope > 0 && !canTrace);
  return [
    kvmApiVersion === 0
      ? check('/dev/kvm cannot be opened', 'limited', '', 'tilescope doctor says what mends it; models need none')
      : check('/dev/kvm', 'ok', `API ${kvmApiVersion}`),
    isHeld
      ? check('ptrace_scope', 'missing', String(yamaScope), yamaScope >= 3 ? 'boot with another value' : PRIVILEGES)
      : check('ptrace_scope', 'ok', yamaScope < 0 ? 'no Yama' : String(yamaScope)),
    canTrace
      ? check('VMMs of every user', 'ok', 'CAP_SYS_PTRACE')
      : check('Your own VMMs alone', 'limited', '', PRIVILEGES),
    canReadFilters
      ? check('Seccomp filters are read', 'ok', 'CAP_SYS_ADMIN')
      : check('Seccomp filters cannot be read', 'limited', '', `${PRIVILEGES} --seccomp`),
  ];
};

/** AMX-TILE, AMX-INT8 and AMX-BF16 of CPUID leaf 7. */
const AMX_FEATURES = [
  [24, 'TILE'],
  [25, 'INT8'],
  [22, 'BF16'],
] as const;

const amxCheck = (machine: MachineFacts | null): readonly MachineCheck[] => {
  const edx = machine === null ? undefined : cpuidEntry(machine.cpuid, 7, 0)?.edx;
  if (edx === undefined) return [];
  const found = AMX_FEATURES.filter(([bit]) => hasBit(BigInt(edx >>> 0), bit)).map(([, name]) => name);
  return [found.length === 0 ? check('CPU has no AMX', 'absent', '') : check('CPU has AMX', 'ok', found.join(' '))];
};

/** What of this machine attaching and tiles hang on, the worst first. Empty: nothing is known yet. */
export const machineChecks = (facts: HostFacts | null): readonly MachineCheck[] => {
  if (facts === null) return [];
  const { helper, kernelRelease, machine } = facts;
  const given = machine?.supportedXcr0 == null ? null : BigInt(machine.supportedXcr0);
  const rows = [
    helper.ok
      ? check('Helper', 'ok', 'answers')
      : check('Helper', 'missing', 'does not answer', helper.problem ?? 'install the package again'),
    ...reachChecks(machine),
    ...(kernelRelease === null
      ? []
      : [
          hasXsave2(kernelRelease)
            ? check('Kernel has KVM_GET_XSAVE2', 'ok', `Linux ${kernelText(kernelRelease)}`)
            : check(
                'Kernel has no KVM_GET_XSAVE2',
                'limited',
                `Linux ${kernelText(kernelRelease)}`,
                'tiles need Linux 5.17',
              ),
        ]),
    given === null
      ? check(
          'What KVM gives guests',
          'limited',
          'not known',
          'it cannot be asked here; files and models can be opened',
        )
      : hasBit(given, BIT.XTILEDATA)
        ? check('KVM gives guests AMX tiles', 'ok', 'TILEDATA')
        : check('KVM gives guests no AMX tiles', 'absent', 'models have them'),
    ...amxCheck(machine),
  ];
  return rows.toSorted((a, b) => WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state));
};

/** One line, worst first: green only where nothing else is to be said. */
export const machineVerdict = (
  checks: readonly MachineCheck[],
): { readonly isGood: boolean; readonly words: string } => {
  const bad = checks.filter(({ state }) => state === 'missing' || state === 'limited').length;
  const good = checks.filter(({ state }) => state === 'ok').length;
  const passes = `${good} ${good === 1 ? 'check passes' : 'checks pass'}`;
  return bad === 0
    ? { isGood: true, words: passes }
    : { isGood: false, words: `${bad} ${bad === 1 ? 'warning' : 'warnings'}, ${passes}` };
};
