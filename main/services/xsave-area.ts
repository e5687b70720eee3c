import { readU32 } from '../../app/bits/bytes.ts';
import type { Answer } from '../../app/bridge.ts';
import type { Capture, Facts } from '../../app/capture/capture.ts';
import { type Cpuid, cpuidEntry } from '../../app/cpu/cpuid.ts';
import { type MemoryAddress, valueOfAddress } from '../../app/debug/address.ts';
import type { Session } from '../../app/debug/session.ts';
import { openRaw } from '../../app/formats/raw.ts';
import { readUpTo } from '../../app/memory/read-up-to.ts';
import { answer, refuse, refuseProblem } from '../../app/refusals/refusal.ts';
import type { Preset } from '../../app/xsave/presets.ts';

/** An XSAVE area in memory, as of a task that waits, or a signal frame: opened as a file of its bytes would be. */

const ALIGNED = 64n;
export const LEAST_AREA_BYTES = 576;
export const MOST_AREA_BYTES = 1 << 16;

/** What XSAVE may write there, by a CPUID. */
export const areaBytes = (cpuid: Cpuid): number =>
  Math.min(MOST_AREA_BYTES, Math.max(LEAST_AREA_BYTES, cpuidEntry(cpuid, 0xd, 0)?.ecx ?? 0));

/** The guest's own CPU, to have its layout. */
export const guestCpu = ({ guestCpuid }: Facts): Preset => ({
  ...{ name: 'guest', aliases: [], label: 'guest CPUID 0xD', vendor: 'Intel', cpuid: guestCpuid },
  ...{ source: 'guest CPUID 0xD', leftOut: [] },
});

/** XSAVE writes MXCSR wherever it leaves XCOMP_BV 0; XSAVEC and XSAVES set bit 63 of that. */
const isBlank = (bytes: Uint8Array): boolean =>
  bytes.length >= LEAST_AREA_BYTES &&
  bytes.subarray(512, LEAST_AREA_BYTES).every((byte) => byte === 0) &&
  readU32(bytes, 24) === 0;

/** The address, where an XSAVE area may lie. Refused where it is no multiple of 64. */
export const placeOfArea = (
  at: MemoryAddress,
  facts: Facts,
): Answer<{ readonly address: bigint; readonly where: string }> => {
  const address = valueOfAddress(at, facts.general, null);
  if (!address.ok) return address;
  const where = `0x${address.value.toString(16)}`;
  return address.value % ALIGNED === 0n
    ? answer({ address: address.value, where })
    : refuse('not-allowed', 'an XSAVE area lies at a multiple of 64', { where });
};

/**
 * The area as a file of it would be opened: as one of unknown origin first, for what cannot be an image is none, though a CPU is named
 * for its layout. Refused where no XSAVE has written there.
 */
export const openedArea = (bytes: Uint8Array, where: string, preset: Preset | null): Answer<Capture> => {
  if (isBlank(bytes)) {
    return refuse('not-allowed', 'no XSAVE has written there: its header and MXCSR are zero', { where });
  }
  const likely = openRaw(`memory at ${where}`, bytes, {});
  const image = likely.ok && preset !== null ? openRaw(`memory at ${where}`, bytes, { preset }) : likely;
  if (!image.ok) return refuseProblem('not-allowed', image.problem, { where });
  const [state] = image.value.states;
  return state === undefined ? refuse('not-allowed', 'there is no XSAVE area', { where }) : answer(state.capture);
};

/**
 * The XSAVE area at a linear address of a guest, or at a physical one, standard or compacted, in the layout of the guest's CPUID. Refused
 * where memory is not proved, or none has been written there.
 */
export const readArea = (session: Session, at: MemoryAddress, isPhysical: boolean): Promise<Answer<Capture>> =>
  session.withMemory(async (memory, { facts }) => {
    const place = placeOfArea(at, facts);
    if (!place.ok) return place;
    const { address, where } = place.value;
    const most = areaBytes(facts.guestCpuid);
    const read = isPhysical ? await memory.readPhysical(address, most) : await readUpTo(memory, address, most);
    return read.ok ? openedArea(read.value.bytes, where, guestCpu(facts)) : read;
  });
