import { concat } from '../bits/bytes.ts';
import { hexShort } from '../bits/mask.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { WritePlace } from '../memory/write-places.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, type Refused, refuse } from '../refusals/refusal.ts';

/** Guest memory, written so that it can be given back: read, kept, written, read back, compared, rolled back. */

/** What was written at one physical address, on one page. */
export interface MemoryPatch {
  readonly physical: bigint;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/** Bytes to a place in guest memory, by a linear or a physical address. */
export interface MemoryWriteRequest {
  readonly address: bigint;
  readonly isPhysical: boolean;
  readonly bytes: Uint8Array;
}

/** What stood where a request wrote. */
export interface MemoryBefore {
  /** Of the first byte. */
  readonly physical: bigint;
  readonly before: Uint8Array;
}

export interface MemoryWritten {
  /** One for each request, in their order. */
  readonly before: readonly MemoryBefore[];
  /** In the order in which they were written. */
  readonly patches: readonly MemoryPatch[];
}

/** Called before the first byte is written; a refusal of it stops the write. */
export type KeepPatches = (patches: readonly MemoryPatch[]) => Promise<Answer<null>>;

interface Piece {
  readonly place: WritePlace;
  readonly patch: MemoryPatch;
}

/** Stretches of bytes that hold what was written, and not what stood there before. */
const oursIn = (now: Uint8Array, { before, after }: MemoryPatch): readonly (readonly [number, number])[] => {
  const runs: [number, number][] = [];
  for (let at = 0; at < now.length; at += 1) {
    if (now[at] !== after[at] || now[at] === before[at]) continue;
    const last = runs.at(-1);
    if (last !== undefined && last[1] === at) last[1] = at + 1;
    else runs.push([at, at + 1]);
  }
  return runs;
};

const foreignBytes = (now: Uint8Array, { before, after }: MemoryPatch): number =>
  now.reduce((sum, byte, at) => sum + Number(byte !== after[at] && byte !== before[at]), 0);

/**
 * Puts back the bytes that still hold what was written, and leaves alone what somebody else has written since.
 * @returns how many bytes were left alone
 */
const putPieceBack = async (memory: GuestMemory, { place, patch }: Piece): Promise<Answer<number>> => {
  const now = await memory.readPhysical(place.physical, place.bytes);
  if (!now.ok) return now;
  for (const [from, to] of oursIn(now.value.bytes, patch)) {
    const part = {
      ...place,
      physical: place.physical + BigInt(from),
      host: place.host + BigInt(from),
      bytes: to - from,
    };
    const back = await memory.writePlace(part, patch.after.slice(from, to), patch.before.slice(from, to));
    if (!back.ok) return back;
  }
  return answer(foreignBytes(now.value.bytes, patch));
};

const putPiecesBack = async (memory: GuestMemory, pieces: readonly Piece[]): Promise<Answer<number>> => {
  let foreign = 0;
  for (const piece of [...pieces].reverse()) {
    const one = await putPieceBack(memory, piece);
    if (!one.ok) return one;
    foreign += one.value;
  }
  return answer(foreign);
};

const rolledBack = async (memory: GuestMemory, pieces: readonly Piece[], why: Refused): Promise<Answer<never>> => {
  const back = await putPiecesBack(memory, pieces);
  if (back.ok) return why;
  return refuse(
    'roll-back',
    `${why.refusal.what}; what was written before that could not be put back: ${back.refusal.what}`,
    {
      where: why.refusal.where ?? 'guest memory',
      remedy: 'The journal has what stood there: tilescope journal',
    },
  );
};

const piecesOfOne = async (
  memory: GuestMemory,
  { address, isPhysical, bytes }: MemoryWriteRequest,
): Promise<Answer<readonly Piece[]>> => {
  const places = await memory.placesToWrite(address, bytes.length, isPhysical);
  if (!places.ok) return places;
  const pieces: Piece[] = [];
  for (const place of places.value) {
    const before = await memory.readPhysical(place.physical, place.bytes);
    if (!before.ok) return before;
    const after = bytes.slice(place.offset, place.offset + place.bytes);
    pieces.push({ place, patch: { physical: place.physical, before: before.value.bytes, after } });
  }
  return answer(pieces);
};

/**
 * The way to the disk takes its time: other vCPUs may have changed the tables meanwhile, or the VMM what it maps. Each page is
 * looked up once more, through memory as it is now, right before the first byte is written.
 */
const placeThatMoved = async (
  memory: GuestMemory,
  requests: readonly MemoryWriteRequest[],
  pieces: readonly Piece[],
): Promise<Answer<null>> => {
  let at = 0;
  for (const { address, isPhysical, bytes } of requests) {
    const again = await memory.placesToWrite(address, bytes.length, isPhysical);
    if (!again.ok) return again;
    for (const { physical, host } of again.value) {
      const place = pieces[at]?.place;
      at += 1;
      if (place?.physical === physical && place.host === host) continue;
      return refuse('memory-changed', 'no byte was written: the guest has mapped that page elsewhere meanwhile', {
        where: hexShort(physical),
        remedy: 'Freeze the other vCPUs of the guest, then try again',
      });
    }
  }
  return answer(null);
};

/** Each finds what the ones before it have written, where they lie over the same bytes, by whatever page. */
const over = (pieces: readonly Piece[]): readonly Piece[] => {
  const written = new Map<bigint, number>();
  return pieces.map(({ place, patch }) => {
    const before = patch.before.map((byte, at) => written.get(patch.physical + BigInt(at)) ?? byte);
    for (const [at, byte] of patch.after.entries()) written.set(patch.physical + BigInt(at), byte);
    return { place, patch: { ...patch, before } };
  });
};

/**
 * Of a vCPU that stands still. The others run on: what one of them writes at the same moment is told, and left alone. All of it
 * is written, or nothing.
 */
export const writeGuestMemory = async (
  memory: GuestMemory,
  requests: readonly MemoryWriteRequest[],
  keep: KeepPatches,
): Promise<Answer<MemoryWritten>> => {
  const found: (readonly Piece[])[] = [];
  for (const request of requests) {
    const some = await piecesOfOne(memory, request);
    if (!some.ok) return some;
    found.push(some.value);
  }
  const pieces = over(found.flat());
  const patches = pieces.map(({ patch }) => patch);
  const kept = await keep(patches);
  if (!kept.ok) return kept;
  const moved = await placeThatMoved(memory, requests, pieces);
  if (!moved.ok) return moved;
  for (const [at, { place, patch }] of pieces.entries()) {
    const back = await memory.writePlace(place, patch.before, patch.after);
    // Where memory was not what it was said to be nothing was written; after any other refusal it may have been.
    const made = back.ok || back.refusal.code !== 'memory-changed' ? at + 1 : at;
    if (!back.ok) return rolledBack(memory, pieces.slice(0, made), back);
    const others = back.value.reduce((sum, byte, index) => sum + Number(byte !== patch.after[index]), 0);
    if (others === 0) continue;
    const overtaken = refuse(
      'overtaken',
      `another vCPU or a device wrote ${others} of the ${place.bytes} bytes at the same moment: those are left as they are, the others as they were`,
      { where: hexShort(place.physical), remedy: 'Freeze the other vCPUs of the guest, then try again' },
    );
    return rolledBack(memory, pieces.slice(0, made), overtaken);
  }
  let first = 0;
  const before = found.map((some) => {
    const own = patches.slice(first, first + some.length);
    first += some.length;
    return { physical: own[0]?.physical ?? 0n, before: concat(own.map((patch) => patch.before)) };
  });
  return answer({ before, patches });
};

/**
 * What was written goes back, the last first, where it still stands: at its physical address, by whatever page the guest maps
 * that with now. Bytes that somebody else has written since are left alone, and counted in the refusal.
 */
export const putMemoryBack = async (memory: GuestMemory, patches: readonly MemoryPatch[]): Promise<Answer<null>> => {
  const pieces: Piece[] = [];
  for (const patch of patches) {
    const places = await memory.placesToWrite(patch.physical, patch.after.length, true);
    if (!places.ok) return places;
    const [place] = places.value;
    if (place === undefined || places.value.length !== 1) {
      return refuse('not-writable', 'what was kept does not lie on one page', { where: hexShort(patch.physical) });
    }
    pieces.push({ place, patch });
  }
  const foreign = await putPiecesBack(memory, pieces);
  if (!foreign.ok) return foreign;
  if (foreign.value === 0) return answer(null);
  return refuse(
    'overtaken',
    `${foreign.value} bytes of guest memory were written by others since: they are left as they are`,
    {
      where: hexShort(patches[0]?.physical ?? 0n),
      remedy: 'Everything else of it is as it was',
    },
  );
};
