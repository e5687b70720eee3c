import { equalBytes, readUint } from '../../../app/bits/bytes.ts';
import type { Decoded } from '../../../app/bits/decoded.ts';
import type { Assignment } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { captureAfter as afterWrite, type StagedWrite, stageAssignments } from '../../../app/edit/assign.ts';
import { type RefusedEdit, refusedEdit } from '../../../app/edit/refused-edit.ts';
import { readRegister, readStretch } from '../../../app/register/read.ts';
import { memoizeKeyed, memoizePair } from '../base/memoize.ts';
import type { Stop } from '../state/timeline.ts';

/** The staged assignments over a capture: what would be written, or why not. */
export const stagedWrite = memoizePair(
  (capture: Capture, staged: readonly Assignment[]): Decoded<StagedWrite> => stageAssignments(capture, staged),
);

/** Which of the staged edits pre-flight refuses, and why; null: none is refused. */
export const refusedStaged = memoizePair((capture: Capture, staged: readonly Assignment[]): RefusedEdit | null =>
  refusedEdit(capture, staged),
);

/** The capture as it would be after the write: for showing, never for sending. */
export const captureAfter = memoizePair(afterWrite);

/**
 * What stands beside the stop on screen: the previous stop, what is staged over it, and what was written to bring it
 * about. Cells compare bytes among these and so know who changed them.
 */
export interface Provenance {
  readonly now: Capture;
  readonly previous: Capture | null;
  readonly staged: Capture | null;
  readonly refused: Refused | null;
  readonly written: { readonly over: Capture; readonly to: Capture } | null;
}

/** The staged edit that pre-flight refuses, as a view marks it. */
export interface Refused {
  /** What is staged without that edit: where `staged` differs from it stands what is refused. */
  readonly without: Capture;
  readonly sentence: string;
  /** The very bits that are refused, where the step says so. */
  readonly about: { readonly register: string; readonly bits: bigint } | null;
}

const refusedOf = (now: Capture, staged: readonly Assignment[]): Refused | null => {
  const refused = refusedStaged(now, staged);
  if (refused === null || refused.at === null) return null;
  const write = stageAssignments(
    now,
    staged.filter((_, at) => at !== refused.at),
  );
  if (!write.ok) return null;
  return { without: captureAfter(now, write.value), sentence: refused.sentence, about: refused.step?.about ?? null };
};

/** What a stop's write was over, and what it made of it; null: the stop has none. */
export const writtenOf = (stops: readonly Stop[], stop: Stop): Provenance['written'] => {
  if (stop.write === null) return null;
  const over = stops[stop.write.over]?.capture;
  if (over === undefined) return null;
  if (stop.write.kind !== 'apply') return { over, to: stop.capture };
  const write = stagedWrite(over, stop.write.assignments);
  return write.ok ? { over, to: captureAfter(over, write.value) } : null;
};

/** What is shown at a stop, what was before, and what is staged over it; null: there is no such stop. */
export const provenanceOf = (stops: readonly Stop[], at: number, staged: readonly Assignment[]): Provenance | null => {
  const stop = stops[at];
  if (stop === undefined) return null;
  const now = stop.capture;
  const write = at === stops.length - 1 && staged.length > 0 ? stagedWrite(now, staged) : null;
  return {
    now,
    previous: stops[at - 1]?.capture ?? null,
    staged: write?.ok === true ? captureAfter(now, write.value) : null,
    refused: write?.ok === true ? refusedOf(now, staged) : null,
    written: writtenOf(stops, stop),
  };
};

/** A whole register's bytes, its initial values where it is in init; null where absent or not read. */
export const registerBytes = memoizeKeyed((capture: Capture, register: string): Uint8Array | null => {
  const value = readRegister(capture, { register, field: null, type: null, indexes: [] });
  return value.ok && (value.value.state === 'inUse' || value.value.state === 'init') ? value.value.bytes : null;
});

export type Mark = 'none' | 'changed' | 'staged' | 'written';

/** As a value is drawn: a staged one that pre-flight refuses is red. */
export type ShownMark = Mark | 'refused';

/** One stretch of a register as it is to be shown: the bytes, who changed them, and what stood there before. */
export interface Marked {
  readonly mark: Mark;
  /** What to show: the staged bytes where staged, else what was read. */
  readonly bytes: Uint8Array;
  readonly before: Uint8Array | null;
  /** Staged by the edit that pre-flight refuses. */
  readonly isRefused: boolean;
}

export const shownMark = (part: Pick<Marked, 'mark' | 'isRefused'> | null): ShownMark =>
  part === null ? 'none' : part.isRefused ? 'refused' : part.mark;

const part = (capture: Capture | null, register: string, offset: number, size: number): Uint8Array | null => {
  if (capture === null) return null;
  const bytes = registerBytes(capture, register);
  if (bytes === null) return readStretch(capture, register, offset, size);
  return bytes.length < offset + size ? null : bytes.subarray(offset, offset + size);
};

const differ = (a: Uint8Array | null, b: Uint8Array | null): boolean => a !== null && b !== null && !equalBytes(a, b);

/** Staged wins over written, written over changed: the nearest to the user first. Null: nothing was read there. */
export const markedPart = (provenance: Provenance, register: string, offset: number, size: number): Marked | null => {
  const now = part(provenance.now, register, offset, size);
  if (now === null) return null;
  const staged = part(provenance.staged, register, offset, size);
  if (staged !== null && differ(staged, now)) {
    const isRefused = differ(staged, part(provenance.refused?.without ?? null, register, offset, size));
    return { mark: 'staged', bytes: staged, before: now, isRefused };
  }
  if (provenance.written !== null) {
    const over = part(provenance.written.over, register, offset, size);
    const to = part(provenance.written.to, register, offset, size);
    if (differ(over, to) && !differ(to, now)) return { mark: 'written', bytes: now, before: over, isRefused: false };
  }
  const previous = part(provenance.previous, register, offset, size);
  if (differ(previous, now)) return { mark: 'changed', bytes: now, before: previous, isRefused: false };
  return { mark: 'none', bytes: now, before: null, isRefused: false };
};

/** The bits of a register that pre-flight refuses as staged: those that the step names, else all that its edit changes. */
export const refusedBits = ({ staged, refused }: Provenance, register: string): bigint => {
  if (staged === null || refused === null) return 0n;
  const bytes = registerBytes(staged, register);
  const without = registerBytes(refused.without, register);
  if (bytes === null || without === null || bytes.length > 8 || equalBytes(bytes, without)) return 0n;
  if (refused.about?.register === register) return refused.about.bits;
  return readUint(bytes, 0, bytes.length) ^ readUint(without, 0, without.length);
};
