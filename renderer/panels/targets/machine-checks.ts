import { hasBit } from '../../../app/bits/mask.ts';
import type { HostFacts } from '../../../app/bridge.ts';
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

/** What of this machine attaching and tiles hang on, the worst first. Empty: nothing is known yet. */
export const machineChecks = (facts: HostFacts | null): readonly MachineCheck[] => {
  if (facts === null) return [];
  const { helper, kernelRelease, machine } = facts;
  const check = (title: string, state: MachineCheck['state'], found: string, remedy: string | null = null) => ({
    ...{ title, state, found, remedy },
  });
  const given = machine?.supportedXcr0 == null ? null : BigInt(machine.supportedXcr0);
  const rows = [
    helper.ok
      ? check('Helper', 'ok', 'answers')
      : check('Helper', 'missing', 'does not answer', helper.problem ?? 'install the package again'),
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
