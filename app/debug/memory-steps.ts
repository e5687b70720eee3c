import type { Capture } from '../capture/capture.ts';
import type { MemoryEdit } from '../edit/memory-path.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { MOST_KEPT_PATCHES } from '../session/journal-entry.ts';
import type { SessionJournal } from './journal.ts';
import {
  type MemoryBefore,
  type MemoryPatch,
  type MemoryWriteRequest,
  putMemoryBack,
  writeGuestMemory,
} from './memory-write.ts';

/** What a step of a session does to guest memory, in the stop of its write. Where it is refused nothing was written. */
export type MemoryAct = (memory: GuestMemory, now: Capture) => Promise<Answer<MemoryDone>>;

export interface MemoryDone {
  /** In the order in which they were written, each with what stood there. */
  readonly patches: readonly MemoryPatch[];
  readonly before: readonly MemoryBefore[];
  /** What others have written since, and was left to them; null: nothing. */
  readonly leftAlone: string | null;
}

export type DrawMemory = (memory: GuestMemory, now: Capture) => Promise<Answer<readonly MemoryWriteRequest[]>>;

/** Told of what could not be rolled back: some of it may stand. */
export type MayStand = (patches: readonly MemoryPatch[], now: Capture) => void;

/** Writes what is drawn up. `standing` is what the journal names already. */
export const writeAct =
  (journal: SessionJournal, standing: () => readonly MemoryPatch[], draw: DrawMemory, mayStand: MayStand): MemoryAct =>
  async (memory, now) => {
    const requests = await draw(memory, now);
    if (!requests.ok) return requests;
    let kept: readonly MemoryPatch[] | null = null;
    const written = await writeGuestMemory(memory, requests.value, async (patches) => {
      if (standing().length + patches.length > MOST_KEPT_PATCHES) {
        return refuse('not-allowed', `one session writes ${MOST_KEPT_PATCHES} pieces of memory at most`, {
          remedy: 'Restore what was written, or attach anew',
        });
      }
      const ready = await journal.readyMemory([...standing(), ...patches]);
      if (ready.ok) kept = patches;
      return ready;
    });
    if (written.ok) return answer({ ...written.value, leftAlone: null });
    if (kept === null) return written;
    if (written.refusal.code === 'roll-back') mayStand(kept, now);
    else await journal.readyMemory(standing());
    return written;
  };

/** What was written goes back, the last first. */
export const backAct =
  (
    journal: SessionJournal,
    standing: () => readonly MemoryPatch[],
    patches: readonly MemoryPatch[],
    afterwards: readonly MemoryPatch[],
  ): MemoryAct =>
  async (memory) => {
    // Where a restore of everything is taken back, what it gave back stands again, and has to be kept before it does.
    const again = afterwards.filter((patch) => !standing().includes(patch));
    const ready = again.length === 0 ? answer(null) : await journal.readyMemory([...standing(), ...again]);
    if (!ready.ok) return ready;
    const back = await putMemoryBack(memory, patches);
    // What somebody else has written over since cannot be taken back a second time either.
    if (!back.ok && back.refusal.code !== 'overtaken') return back;
    const turned = [...patches]
      .reverse()
      .map(({ physical, before, after }) => ({ physical, before: after, after: before }));
    return answer({ patches: turned, before: [], leftAlone: back.ok ? null : back.refusal.what });
  };

/** Elements as ranges of bytes that touch nothing of each other: a later element lies over an earlier one. */
export const requestsOf = (edits: readonly MemoryEdit[]): readonly MemoryWriteRequest[] =>
  [false, true].flatMap((isPhysical) => {
    const bytes = new Map<bigint, number>();
    for (const edit of edits) {
      if (edit.isPhysical !== isPhysical) continue;
      for (const [at, byte] of edit.bytes.entries()) bytes.set(BigInt.asUintN(64, edit.address + BigInt(at)), byte);
    }
    const runs: { readonly address: bigint; readonly bytes: number[] }[] = [];
    for (const [address, byte] of [...bytes].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const last = runs.at(-1);
      if (last !== undefined && last.address + BigInt(last.bytes.length) === address) last.bytes.push(byte);
      else runs.push({ address, bytes: [byte] });
    }
    return runs.map((run) => ({ address: run.address, isPhysical, bytes: Uint8Array.from(run.bytes) }));
  });
