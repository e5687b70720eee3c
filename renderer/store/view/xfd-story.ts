import { hasBit, hexShort } from '../../../app/bits/mask.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { cpuidEntry } from '../../../app/cpu/cpuid.ts';
import { MSR_INDEX } from '../../../app/cpu/msrs.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { msrValue, xfdValue } from '../../../app/xsave/facts.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { memoizeByIdentity } from '../base/memoize.ts';

export const XFD_INSTRUCTIONS = ['TILELOADD', 'TDPBSSD', 'LDTILECFG', 'XRSTOR'] as const;
export type XfdInstruction = (typeof XFD_INSTRUCTIONS)[number];

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
  readonly kind: 'executes' | 'nm' | 'ud' | 'init' | 'not-known';
  readonly word: string;
  readonly why: string;
}

/** The chain from CPUID to XFD_ERR, and what the next first use does. armed null: IA32_XFD is not known. */
export interface XfdStory {
  readonly stations: readonly Station[];
  readonly armed: boolean | null;
  readonly tileDataInUse: boolean;
  readonly outcomes: Readonly<Record<XfdInstruction, Outcome>>;
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

const xcr0Station = ({ facts }: Capture): Station => {
  const value = facts.xcr0;
  const base = { id: 'xcr0', title: 'XCR0', where: 'set by the guest' } as const;
  if (value === null) return { ...base, value: null, outcome: 'not-known', says: 'not read' };
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

/**
 * LDTILECFG and TILERELEASE put TILEDATA to init and do not fault on XFD; what needs tile data does, and XRSTOR of an
 * image that holds it. (Intel SDM vol. 1, 13.14; Linux tools/testing/selftests/kvm/x86/amx_test.c.)
 */
const outcomeOf = (instruction: XfdInstruction, stations: readonly Station[], capture: Capture): Outcome => {
  const station = (id: Station['id']): Station['outcome'] =>
    stations.find((row) => row.id === id)?.outcome ?? 'not-known';
  if (instruction !== 'XRSTOR') {
    if (station('cpuid') === 'stop')
      return { kind: 'ud', word: 'raises #UD', why: 'CPUID does not give the guest AMX' };
    if (station('xcr0') === 'stop')
      return { kind: 'ud', word: 'raises #UD', why: 'XCR0 does not enable bits 17 and 18' };
  } else if (station('xcr0') === 'stop') {
    return { kind: 'ud', word: 'raises #GP', why: 'the image claims what XCR0 does not enable' };
  }
  if (instruction === 'LDTILECFG') {
    if (station('xcr0') === 'not-known') return NOT_KNOWN;
    return { kind: 'executes', word: 'executes', why: 'puts TILEDATA to init; XFD does not stop that' };
  }
  if (station('xcr0') === 'not-known' || station('xfd') === 'not-known') return NOT_KNOWN;
  if (station('xfd') === 'armed') {
    const why = instruction === 'XRSTOR' ? 'the image claims what XFD arms' : 'uses TILEDATA, which XFD arms';
    return { kind: 'nm', word: 'raises #NM', why };
  }
  if (instruction === 'XRSTOR') return { kind: 'executes', word: 'executes', why: 'XFD is disarmed' };
  const config = viewComponent(capture.image, BIT.XTILECFG);
  if (config.state === 'init')
    return { kind: 'ud', word: 'raises #UD', why: 'no tile is configured: TILECFG is in init' };
  return { kind: 'executes', word: 'executes', why: 'XFD is disarmed and tiles are configured' };
};

/** The chain from CPUID to XFD_ERR, and what the next first use of TILEDATA meets. */
export const xfdStory = memoizeByIdentity((capture: Capture): XfdStory => {
  const stations = [cpuidStation, permissionStation, xcr0Station, xfdStation, xfdErrStation].map((make) =>
    make(capture),
  );
  const xfd = xfdValue(capture.facts);
  return {
    stations,
    armed: xfd === null ? null : hasBit(xfd, BIT.XTILEDATA),
    tileDataInUse: viewComponent(capture.image, BIT.XTILEDATA).state === 'inUse',
    outcomes: {
      TILELOADD: outcomeOf('TILELOADD', stations, capture),
      TDPBSSD: outcomeOf('TDPBSSD', stations, capture),
      LDTILECFG: outcomeOf('LDTILECFG', stations, capture),
      XRSTOR: outcomeOf('XRSTOR', stations, capture),
    },
  };
});
