import { readU64 } from '../../../app/bits/bytes.ts';
import { hasBit } from '../../../app/bits/mask.ts';
import type { Answer } from '../../../app/bridge.ts';
import type { Facts } from '../../../app/capture/capture.ts';
import type { Layout } from '../../../app/capture/image.ts';
import type { MemoryAddress } from '../../../app/debug/address.ts';
import { layoutFor } from '../../../app/formats/guess.ts';
import { readUpTo } from '../../../app/memory/read-up-to.ts';
import { answer, refuse, refuseProblem } from '../../../app/refusals/refusal.ts';
import { COMPACTED_BIT } from '../../../app/xsave/components.ts';
import { XCOMP_BV_OFFSET_BYTES, XSTATE_BV_OFFSET_BYTES } from '../../../app/xsave/header.ts';
import type { Preset } from '../../../app/xsave/presets.ts';
import {
  areaBytes,
  guestCpu,
  LEAST_AREA_BYTES,
  MOST_AREA_BYTES,
  openedArea,
  placeOfArea,
  readArea,
} from '../../services/xsave-area.ts';
import type { MemoryFileChoice, VcpuChoice } from './choices.ts';
import type { HostOf } from './host.ts';
import { inMemoryFile } from './mem-file.ts';
import { type FoundState, stateNote } from './states.ts';

/** `tilescope show … --at ADDR`: an XSAVE area in the memory of a guest or of a file, as of a task that waits, or a signal frame. */

/** The XSAVE area at an address in guest memory. Refused where none has been written there. */
export const stateAt = async (host: HostOf, vcpu: VcpuChoice, at: MemoryAddress): Promise<Answer<FoundState>> => {
  const { withSession } = await import('./live.ts');
  return withSession(await host(), vcpu, async (session) => {
    const area = await readArea(session, at, false);
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
      ? answer({ bytes: Math.min(MOST_AREA_BYTES, layout.value.totalBytes), preset: null })
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
    const place = placeOfArea(at, facts);
    if (!place.ok) return place;
    const { address, where } = place.value;
    const head = await memory.readLinear(address, LEAST_AREA_BYTES);
    if (!head.ok) return head;
    const thread = isProcess ? (capture?.image.layout ?? null) : null;
    const shape = shapeOf(head.value.bytes, facts, preset, thread, where);
    if (!shape.ok) return shape;
    const bytes = await readUpTo(memory, address, Math.max(LEAST_AREA_BYTES, shape.value.bytes));
    if (!bytes.ok) return bytes;
    const area = openedArea(bytes.value.bytes, where, shape.value.preset);
    if (!area.ok || thread === null || shape.value.preset !== null || area.value.image.layout.format !== 'standard') {
      return area.ok ? answer({ capture: area.value, note: '' }) : area;
    }
    return answer({ capture: { ...area.value, image: { ...area.value.image, layout: thread } }, note: '' });
  });
