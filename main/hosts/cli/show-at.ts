import { readU32 } from '../../../app/bits/bytes.ts';
import type { Answer } from '../../../app/bridge.ts';
import type { Facts } from '../../../app/capture/capture.ts';
import { cpuidEntry } from '../../../app/cpu/cpuid.ts';
import { type MemoryAddress, valueOfAddress } from '../../../app/debug/address.ts';
import { openRaw } from '../../../app/formats/raw.ts';
import { readUpTo } from '../../../app/memory/read-up-to.ts';
import { answer, refuse, refuseProblem } from '../../../app/refusals/refusal.ts';
import type { Preset } from '../../../app/xsave/presets.ts';
import type { VcpuChoice } from './choices.ts';
import type { HostOf } from './host.ts';
import { type FoundState, stateNote } from './states.ts';

/** `tilescope show --pid P --at ADDR`: an XSAVE area in the guest's memory, as of a task that waits, or a signal frame. */

const ALIGNED = 64n;
const LEAST_BYTES = 576;
const MOST_BYTES = 1 << 16;

/** What XSAVE may write there, by the guest's own CPUID. */
const areaBytes = ({ guestCpuid }: Facts): number =>
  Math.min(MOST_BYTES, Math.max(LEAST_BYTES, cpuidEntry(guestCpuid, 0xd, 0)?.ecx ?? 0));

const guestCpu = ({ guestCpuid }: Facts): Preset => ({
  ...{ name: 'guest', aliases: [], label: 'guest CPUID 0xD', vendor: 'Intel', cpuid: guestCpuid },
  ...{ source: 'guest CPUID 0xD', leftOut: [] },
});

/** XSAVE writes MXCSR wherever it leaves XCOMP_BV 0; XSAVEC and XSAVES set bit 63 of that. */
const isBlank = (bytes: Uint8Array): boolean =>
  bytes.length >= LEAST_BYTES &&
  bytes.subarray(512, LEAST_BYTES).every((byte) => byte === 0) &&
  readU32(bytes, 24) === 0;

/** The XSAVE area at an address in guest memory. Refused where none has been written there. */
export const stateAt = async (host: HostOf, vcpu: VcpuChoice, at: MemoryAddress): Promise<Answer<FoundState>> => {
  const { withSession } = await import('./live.ts');
  return withSession(await host(), vcpu, async (session) => {
    const read = await session.withMemory(async (memory, { facts }) => {
      const address = valueOfAddress(at, facts.general, null);
      if (!address.ok) return address;
      const where = `0x${address.value.toString(16)}`;
      if (address.value % ALIGNED !== 0n) {
        return refuse('not-allowed', 'an XSAVE area lies at a multiple of 64', { where });
      }
      const bytes = await readUpTo(memory, address.value, areaBytes(facts));
      return bytes.ok ? answer({ where, facts, bytes: bytes.value.bytes }) : bytes;
    });
    if (!read.ok) return read;
    const { where, facts, bytes } = read.value;
    if (isBlank(bytes)) {
      return refuse('not-allowed', 'no XSAVE has written there: its header and MXCSR are zero', { where });
    }
    // As a file of unknown origin first: what cannot be an image is none, though a CPU is named for its layout.
    const likely = openRaw(`memory at ${where}`, bytes, {});
    const opened = likely.ok ? openRaw(`memory at ${where}`, bytes, { preset: guestCpu(facts) }) : likely;
    if (!opened.ok) return refuseProblem('not-allowed', opened.problem, { where });
    const [state] = opened.value.states;
    if (state === undefined) return refuse('not-allowed', 'there is no XSAVE area', { where });
    return answer({ capture: state.capture, note: stateNote(session.attached) });
  });
};
