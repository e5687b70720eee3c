import { equalBytes } from '../../app/bits/bytes.ts';
import type { Decoded } from '../../app/bits/decoded.ts';
import type { Assignment } from '../../app/bridge.ts';
import { type StagedWrite, stageAssignments } from '../../app/edit/assign.ts';
import { readRegister } from '../../app/register/read.ts';
import type { Capture } from '../../app/session/capture.ts';
import { memoizeKeyed, memoizePair } from './memoize.ts';
import type { Stop } from './timeline-slice.ts';

/** The staged assignments over a capture: what would be written, or why not. */
export const stagedWrite = memoizePair(
  (capture: Capture, staged: readonly Assignment[]): Decoded<StagedWrite> => stageAssignments(capture, staged),
);

const withMsrs = (capture: Capture, write: StagedWrite): Capture['facts']['msrs'] => {
  const written = new Map(write.msrs.map((msr) => [msr.index, msr.value]));
  const kept = capture.facts.msrs.map((msr) => ({ ...msr, value: written.get(msr.index) ?? msr.value }));
  return kept;
};

/** The capture as it would be after the write: for showing, never for sending. */
export const captureAfter = memoizePair(
  (capture: Capture, write: StagedWrite): Capture => ({
    image: write.image,
    facts: { ...capture.facts, xcr0: write.xcr0 ?? capture.facts.xcr0, msrs: withMsrs(capture, write) },
  }),
);

/**
 * What stands beside the stop on screen: the former stop, what is staged over it, and what was written to bring it
 * about. Cells compare bytes among these and so know who changed them.
 */
export interface Provenance {
  readonly now: Capture;
  readonly former: Capture | null;
  readonly staged: Capture | null;
  readonly written: { readonly over: Capture; readonly to: Capture } | null;
}

const writtenOf = (stops: readonly Stop[], stop: Stop): Provenance['written'] => {
  if (stop.write === null) return null;
  const over = stops[stop.write.over]?.capture;
  if (over === undefined) return null;
  if (stop.write.kind !== 'apply') return { over, to: stop.capture };
  const write = stagedWrite(over, stop.write.assignments);
  return write.ok ? { over, to: captureAfter(over, write.value) } : null;
};

export const provenanceOf = (stops: readonly Stop[], at: number, staged: readonly Assignment[]): Provenance | null => {
  const stop = stops[at];
  if (stop === undefined) return null;
  const now = stop.capture;
  const write = at === stops.length - 1 && staged.length > 0 ? stagedWrite(now, staged) : null;
  return {
    now,
    former: stops[at - 1]?.capture ?? null,
    staged: write?.ok === true ? captureAfter(now, write.value) : null,
    written: writtenOf(stops, stop),
  };
};

/** A whole register's bytes, its initial values where it is in init; null where absent or not read. */
export const registerBytes = memoizeKeyed((capture: Capture, register: string): Uint8Array | null => {
  const value = readRegister(capture, { register, field: null, type: null, indexes: [] });
  return value.ok && (value.value.state === 'inUse' || value.value.state === 'init') ? value.value.bytes : null;
});

export type Mark = 'none' | 'changed' | 'staged' | 'written';

/** One stretch of a register as it is to be shown: the bytes, who changed them, and what stood there before. */
export interface Marked {
  readonly mark: Mark;
  /** What to show: the staged bytes where staged, else what was read. */
  readonly bytes: Uint8Array;
  readonly before: Uint8Array | null;
}

const part = (capture: Capture | null, register: string, offset: number, size: number): Uint8Array | null => {
  if (capture === null) return null;
  const bytes = registerBytes(capture, register);
  return bytes === null || bytes.length < offset + size ? null : bytes.subarray(offset, offset + size);
};

const differ = (a: Uint8Array | null, b: Uint8Array | null): boolean => a !== null && b !== null && !equalBytes(a, b);

/** Staged wins over written, written over changed: the nearest to the user first. Null: nothing was read there. */
export const markedPart = (provenance: Provenance, register: string, offset: number, size: number): Marked | null => {
  const now = part(provenance.now, register, offset, size);
  if (now === null) return null;
  const staged = part(provenance.staged, register, offset, size);
  if (staged !== null && differ(staged, now)) return { mark: 'staged', bytes: staged, before: now };
  if (provenance.written !== null) {
    const over = part(provenance.written.over, register, offset, size);
    const to = part(provenance.written.to, register, offset, size);
    if (differ(over, to) && !differ(to, now)) return { mark: 'written', bytes: now, before: over };
  }
  const former = part(provenance.former, register, offset, size);
  if (differ(former, now)) return { mark: 'changed', bytes: now, before: former };
  return { mark: 'none', bytes: now, before: null };
};
