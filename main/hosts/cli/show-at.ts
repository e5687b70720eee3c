import { readU32, readU64 } from '../../../app/bits/bytes.ts';
import { hasBit } from '../../../app/bits/mask.ts';
import type { Answer } from '../../../app/bridge.ts';
import type { Capture, Facts } from '../../../app/capture/capture.ts';
import type { Layout } from '../../../app/capture/image.ts';
import { type Cpuid, cpuidEntry } from '../../../app/cpu/cpuid.ts';
import { type MemoryAddress, valueOfAddress } from '../../../app/debug/address.ts';
import { layoutFor } from '../../../app/formats/guess.ts';
import { openRaw } from '../../../app/formats/raw.ts';
import { readUpTo } from '../../../app/memory/read-up-to.ts';
import { answer, refuse, refuseProblem } from '../../../app/refusals/refusal.ts';
import { COMPACTED_BIT } from '../../../app/xsave/components.ts';
import { XCOMP_BV_OFFSET_BYTES, XSTATE_BV_OFFSET_BYTES } from '../../../app/xsave/header.ts';
import type { Preset } from '../../../app/xsave/presets.ts';
import type { MemoryFileChoice, VcpuChoice } from './choices.ts';
import type { HostOf } from './host.ts';
import { inMemoryFile } from './mem-file.ts';
import { type FoundState, stateNote } from './states.ts';

/** `tilescope show … --at ADDR`: an XSAVE area in the memory of a guest or of a file, as of a task that waits, or a signal frame. */

const ALIGNED = 64n;
const LEAST_BYTES = 576;
const MOST_BYTES = 1 << 16;

/** What XSAVE may write there, by the guest's own CPUID. */
const areaBytes = (cpuid: Cpuid): number =>
  Math.min(MOST_BYTES, Math.max(LEAST_BYTES, cpuidEntry(cpuid, 0xd, 0)?.ecx ?? 0));

const guestCpu = ({ guestCpuid }: Facts): Preset => ({
  ...{ name: 'guest', aliases: [], label: 'guest CPUID 0xD', vendor: 'Intel', cpuid: guestCpuid },
  ...{ source: 'guest CPUID 0xD', leftOut: [] },
});

/** XSAVE writes MXCSR wherever it leaves XCOMP_BV 0; XSAVEC and XSAVES set bit 63 of that. */
const isBlank = (bytes: Uint8Array): boolean =>
  bytes.length >= LEAST_BYTES &&
  bytes.subarray(512, LEAST_BYTES).every((byte) => byte === 0) &&
  readU32(bytes, 24) === 0;

/** The address, where an XSAVE area may lie. */
const placeOf = (at: MemoryAddress, facts: Facts): Answer<{ readonly address: bigint; readonly where: string }> => {
  const address = valueOfAddress(at, facts.general, null);
  if (!address.ok) return address;
  const where = `0x${address.value.toString(16)}`;
  return address.value % ALIGNED === 0n
    ? answer({ address: address.value, where })
    : refuse('not-allowed', 'an XSAVE area lies at a multiple of 64', { where });
};

/** The area as a file of it would be opened. As one of unknown origin first: what cannot be an image is none, though a CPU is named for its layout. */
const opened = (bytes: Uint8Array, where: string, preset: Preset | null): Answer<Capture> => {
  if (isBlank(bytes)) {
    return refuse('not-allowed', 'no XSAVE has written there: its header and MXCSR are zero', { where });
  }
  const likely = openRaw(`memory at ${where}`, bytes, {});
  const image = likely.ok && preset !== null ? openRaw(`memory at ${where}`, bytes, { preset }) : likely;
  if (!image.ok) return refuseProblem('not-allowed', image.problem, { where });
  const [state] = image.value.states;
  return state === undefined ? refuse('not-allowed', 'there is no XSAVE area', { where }) : answer(state.capture);
};

/** The XSAVE area at an address in guest memory. Refused where none has been written there. */
export const stateAt = async (host: HostOf, vcpu: VcpuChoice, at: MemoryAddress): Promise<Answer<FoundState>> => {
  const { withSession } = await import('./live.ts');
  return withSession(await host(), vcpu, async (session) => {
    const read = await session.withMemory(async (memory, { facts }) => {
      const place = placeOf(at, facts);
      if (!place.ok) return place;
      const bytes = await readUpTo(memory, place.value.address, areaBytes(facts.guestCpuid));
      return bytes.ok ? answer({ where: place.value.where, facts, bytes: bytes.value.bytes }) : bytes;
    });
    if (!read.ok) return read;
    const { where, facts, bytes } = read.value;
    const area = opened(bytes, where, guestCpu(facts));
    return area.ok ? answer({ capture: area.value, note: stateNote(session.attached) }) : area;
  });
};

/** x87, SSE and AVX lie at the same places on every CPU. */
const EVERYWHERE = 7n;
const EVERYWHERE_BYTES = 832;

/**
 * How long the area is whose first bytes these are, and of which CPU: as the words name it, by the CPUID that a snapshot has, by the
 * layout that stands in a core. The compacted format says it itself, and so does an image that has no more than AVX. Refused where nothing does.
 */
const shapeOf = (head: Uint8Array, facts: Facts, named: Preset | null, thread: Layout | null, where: string) => {
  const cpu = named ?? (facts.guestCpuid.length > 0 ? guestCpu(facts) : null);
  if (cpu !== null) return answer({ bytes: areaBytes(cpu.cpuid), preset: cpu });
  const packed = hasBit(readU64(head, XCOMP_BV_OFFSET_BYTES), COMPACTED_BIT);
  const bv = readU64(head, XSTATE_BV_OFFSET_BYTES);
  if (packed) {
    const layout = layoutFor(head, undefined);
    return layout.ok
      ? answer({ bytes: Math.min(MOST_BYTES, layout.value.totalBytes), preset: null })
      : refuseProblem('not-allowed', layout.problem, { where });
  }
  if (thread !== null && thread.format === 'standard') return answer({ bytes: thread.totalBytes, preset: null });
  if ((bv & ~EVERYWHERE) === 0n) return answer({ bytes: EVERYWHERE_BYTES, preset: null });
  return refuse('doubtful', 'the file does not say of which CPU that XSAVE area is', {
    where,
    remedy: '--from CPU names it; tilescope presets shows those that are known',
  });
};

/** The XSAVE area at an address of the memory in a file. Refused where none has been written there. */
export const stateAtInFile = (
  file: MemoryFileChoice,
  preset: Preset | null,
  at: MemoryAddress,
): Promise<Answer<FoundState>> =>
  inMemoryFile(file, async (memory, { facts, capture, isProcess }) => {
    const place = placeOf(at, facts);
    if (!place.ok) return place;
    const { address, where } = place.value;
    const head = await memory.readLinear(address, LEAST_BYTES);
    if (!head.ok) return head;
    const thread = isProcess ? (capture?.image.layout ?? null) : null;
    const shape = shapeOf(head.value.bytes, facts, preset, thread, where);
    if (!shape.ok) return shape;
    const bytes = await readUpTo(memory, address, Math.max(LEAST_BYTES, shape.value.bytes));
    if (!bytes.ok) return bytes;
    const area = opened(bytes.value.bytes, where, shape.value.preset);
    if (!area.ok || thread === null || shape.value.preset !== null || area.value.image.layout.format !== 'standard') {
      return area.ok ? answer({ capture: area.value, note: '' }) : area;
    }
    return answer({ capture: { ...area.value, image: { ...area.value.image, layout: thread } }, note: '' });
  });
