import { hasBit, hexShort } from '../bits/mask.ts';
import type { Capture, Facts } from '../capture/capture.ts';
import { cpuidEntry } from '../cpu/cpuid.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import { BIT } from '../xsave/components.ts';
import { msrValue, xfdValue } from '../xsave/facts.ts';
import { viewComponent } from '../xsave/view.ts';
import { executionOf } from './execution.ts';

/** One for each way in which an instruction meets TILEDATA. XRSTOR is one whose image has bit 18 of XSTATE_BV set. */
type Meeting = 'TILELOADD' | 'TDPBSSD' | 'LDTILECFG' | 'STTILECFG' | 'XSAVEC' | 'XRSTOR';

/** One thing that stands before a use of TILEDATA, and how the vCPU has it. */
export interface Station {
  readonly id: 'cpuid' | 'permission' | 'xcr0' | 'xfd' | 'xfd-err';
  readonly title: string;
  readonly where: string;
  /** null: not read. */
  readonly value: string | null;
  readonly outcome: 'pass' | 'stop' | 'armed' | 'not-known' | 'info';
  readonly says: string;
}

/** What happens if the guest executes the instruction now. */
export interface Outcome {
  /** nm: #NM by XFD, with IA32_XFD_ERR written; fault: any other; init: without TILEDATA. */
  readonly kind: 'executes' | 'nm' | 'fault' | 'init' | 'not-known';
  readonly word: string;
  readonly why: string;
}

/** The chain from CPUID to XFD_ERR, and what the next first use does. armed null: IA32_XFD is not known. */
export interface FirstUse {
  readonly stations: readonly Station[];
  readonly armed: boolean | null;
  readonly tileDataInUse: boolean;
  readonly outcomes: Readonly<Record<Meeting, Outcome>>;
}

const BOTH_TILE_BITS = [BIT.XTILECFG, BIT.XTILEDATA] as const;

/** CPUID 0xD.18 ECX bit 2: IA32_XFD can cover the component. (Intel SDM vol. 1, 13.2.) */
const XFD_CAPABLE = 4;

const cpuidStation = ({ facts }: Capture): Station => {
  const entry = facts.guestCpuid.length === 0 ? null : cpuidEntry(facts.guestCpuid, 0xd, BIT.XTILEDATA);
  const base = { id: 'cpuid', title: 'CPUID', where: 'leaf 0xD.18, ECX' } as const;
  if (entry === null) return { ...base, value: null, outcome: 'not-known', says: 'not read' };
  if (entry === undefined || entry.eax === 0) {
    return { ...base, value: '0', outcome: 'stop', says: 'the guest has no TILEDATA' };
  }
  const covers = (entry.ecx & XFD_CAPABLE) !== 0;
  return {
    ...base,
    value: entry.ecx.toString(16),
    outcome: 'pass',
    says: covers ? 'XFD can cover it' : 'XFD cannot cover it',
  };
};

const permissionStation = ({ facts }: Capture): Station => {
  const value = facts.guestPermission;
  const base = { id: 'permission', title: 'Guest permission', where: 'asked by the VMM' } as const;
  if (value === null) return { ...base, value: null, outcome: 'not-known', says: 'not read' };
  const host = facts.hostPermission;
  const hostToo = host === null ? '' : hasBit(host, BIT.XTILEDATA) ? ', host too' : ', host: not asked';
  return hasBit(value, BIT.XTILEDATA)
    ? { ...base, value: hexShort(value).replace(/^0x/, ''), outcome: 'pass', says: `bit 18 granted${hostToo}` }
    : { ...base, value: hexShort(value).replace(/^0x/, ''), outcome: 'stop', says: 'bit 18 not granted' };
};

const CR0_TS = 3;
const CR4_OSXSAVE = 18;

/** Without it no instruction of XSAVE's and AMX's is there, and XCR0 means nothing. (Intel SDM vol. 1, 13.3) */
const hasNoXsave = ({ control }: Facts): boolean => control !== null && !hasBit(control.cr4, CR4_OSXSAVE);
const NO_XSAVE = 'CR4.OSXSAVE is clear';

const xcr0Station = ({ facts }: Capture): Station => {
  const value = facts.xcr0;
  const base = { id: 'xcr0', title: 'XCR0', where: 'set by the guest' } as const;
  if (value === null) return { ...base, value: null, outcome: 'not-known', says: 'not read' };
  if (hasNoXsave(facts)) return { ...base, value: hexShort(value).replace(/^0x/, ''), outcome: 'stop', says: NO_XSAVE };
  const missing = BOTH_TILE_BITS.filter((bit) => !hasBit(value, bit));
  const says = missing.length === 0 ? 'bits 17 and 18 set' : `bit ${missing.join(' and ')} clear`;
  return { ...base, value: hexShort(value).replace(/^0x/, ''), outcome: missing.length === 0 ? 'pass' : 'stop', says };
};

const xfdStation = ({ facts }: Capture): Station => {
  const value = xfdValue(facts);
  const base = { id: 'xfd', title: 'IA32_XFD', where: 'MSR 0x1c4' } as const;
  if (value === null) return { ...base, value: null, outcome: 'not-known', says: 'not read' };
  const armed = hasBit(value, BIT.XTILEDATA);
  return {
    ...base,
    value: value.toString(16),
    outcome: armed ? 'armed' : 'pass',
    says: armed ? 'bit 18 armed' : 'disarmed',
  };
};

const xfdErrStation = ({ facts }: Capture): Station => {
  const value = msrValue(facts, MSR_INDEX.IA32_XFD_ERR);
  const base = { id: 'xfd-err', title: 'IA32_XFD_ERR', where: 'MSR 0x1c5' } as const;
  if (value === null) return { ...base, value: null, outcome: 'not-known', says: 'not read' };
  const says = value === 0n ? 'written when #NM is raised' : 'bit 18: the last #NM';
  return { ...base, value: value.toString(16), outcome: 'info', says };
};

const NOT_KNOWN: Outcome = { kind: 'not-known', word: 'not known', why: 'part of the chain was not read' };
const ud = (why: string): Outcome => ({ kind: 'fault', word: 'raises #UD', why });

type OutcomeOf = (id: Station['id']) => Station['outcome'];

/** What keeps a tile instruction from being one; null: nothing. (Intel SDM vol. 2, exception classes AMX-E1 to E6) */
const noTileInstruction = (at: OutcomeOf, { facts }: Capture): Outcome | null => {
  if (at('cpuid') === 'stop') return ud('CPUID does not give the guest AMX');
  if (hasNoXsave(facts)) return ud(NO_XSAVE);
  if (at('xcr0') === 'stop') return ud('XCR0 does not enable bits 17 and 18');
  const execution = executionOf(facts);
  if (execution !== null && execution.mode !== '64-bit') {
    return ud(`tile instructions are 64-bit code’s, and this is ${execution.codeBits}-bit code`);
  }
  return at('xcr0') === 'not-known' ? NOT_KNOWN : null;
};

/** The same of XSAVE's instructions. (Intel SDM vol. 2, XSAVEC, XRSTOR) */
const noXsaveInstruction = (at: OutcomeOf, { facts }: Capture): Outcome | null => {
  if (hasNoXsave(facts)) return ud(NO_XSAVE);
  if (facts.control !== null && hasBit(facts.control.cr0, CR0_TS)) {
    return { kind: 'fault', word: 'raises #NM', why: 'CR0.TS is set; XFD is not asked' };
  }
  return at('xcr0') === 'not-known' ? NOT_KNOWN : null;
};

/** LDTILECFG, TILERELEASE and STTILECFG need no tile data, so that IA32_XFD does not stop them. (Intel SDM vol. 1, 13.14) */
const configOutcome = (why: string, at: OutcomeOf, capture: Capture): Outcome =>
  noTileInstruction(at, capture) ?? { kind: 'executes', word: 'executes', why };

const tileOutcome = (at: OutcomeOf, capture: Capture): Outcome => {
  const none = noTileInstruction(at, capture);
  if (none !== null) return none;
  if (at('xfd') === 'not-known') return NOT_KNOWN;
  if (at('xfd') === 'armed') return { kind: 'nm', word: 'raises #NM', why: 'uses TILEDATA, which XFD arms' };
  if (viewComponent(capture.image, BIT.XTILECFG).state === 'init') {
    return ud('no tile is configured: TILECFG is in init');
  }
  return { kind: 'executes', word: 'executes', why: 'XFD is disarmed and tiles are configured' };
};

const saveOutcome = (at: OutcomeOf, capture: Capture): Outcome => {
  const none = noXsaveInstruction(at, capture);
  if (none !== null) return none;
  const { xcr0 } = capture.facts;
  if (xcr0 !== null && !hasBit(xcr0, BIT.XTILEDATA)) {
    return { kind: 'init', word: 'leaves out bit 18', why: 'XCR0 does not enable it' };
  }
  if (at('xfd') === 'not-known') return { kind: 'not-known', word: 'not known', why: 'IA32_XFD was not read' };
  return at('xfd') === 'armed'
    ? { kind: 'init', word: 'skips bit 18', why: 'XSTATE_BV[18] is saved as 0, bytes are not written' }
    : { kind: 'executes', word: 'saves TILEDATA', why: 'XFD is disarmed' };
};

const restoreOutcome = (at: OutcomeOf, capture: Capture): Outcome => {
  const none = noXsaveInstruction(at, capture);
  if (none !== null) return none;
  const { xcr0 } = capture.facts;
  if (xcr0 !== null && !hasBit(xcr0, BIT.XTILEDATA)) {
    return { kind: 'fault', word: 'raises #GP', why: 'the image claims what XCR0 does not enable' };
  }
  if (at('xfd') === 'not-known') return NOT_KNOWN;
  return at('xfd') === 'armed'
    ? { kind: 'nm', word: 'raises #NM', why: 'the image claims what XFD arms' }
    : { kind: 'executes', word: 'executes', why: 'XFD is disarmed' };
};

/** The chain from CPUID to IA32_XFD_ERR, and what the next first use of TILEDATA meets. */
export const firstUse = (capture: Capture): FirstUse => {
  const stations = [cpuidStation, permissionStation, xcr0Station, xfdStation, xfdErrStation].map((make) =>
    make(capture),
  );
  const at: OutcomeOf = (id) => stations.find((row) => row.id === id)?.outcome ?? 'not-known';
  const xfd = xfdValue(capture.facts);
  return {
    stations,
    armed: xfd === null ? null : hasBit(xfd, BIT.XTILEDATA),
    tileDataInUse: viewComponent(capture.image, BIT.XTILEDATA).state === 'inUse',
    outcomes: {
      TILELOADD: tileOutcome(at, capture),
      TDPBSSD: tileOutcome(at, capture),
      LDTILECFG: configOutcome('puts TILEDATA to init; XFD does not stop that', at, capture),
      STTILECFG: configOutcome('does not touch TILEDATA', at, capture),
      XSAVEC: saveOutcome(at, capture),
      XRSTOR: restoreOutcome(at, capture),
    },
  };
};
