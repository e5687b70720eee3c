import type { Decoded } from '../../../app/bits/decoded.ts';
import type { Assignment } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import type { Layout } from '../../../app/capture/image.ts';
import type { StagedWrite } from '../../../app/edit/assign.ts';
import type { RefusedEdit } from '../../../app/edit/refused-edit.ts';
import { changedComponents } from '../../../app/session/provenance.ts';
import { bitMatrix } from '../../../app/xsave/bitmatrix.ts';
import { xstateBv } from '../../../app/xsave/header.ts';
import { compactedLayout, layoutFromCpuid, sameLayout, supervisorPlaces } from '../../../app/xsave/layout.ts';
import { type LedgerNeed, type LedgerRow, ledgerNeed, sizeLedger } from '../../../app/xsave/ledger.ts';
import { type PreflightStep, preflight } from '../../../app/xsave/preflight.ts';
import { busyRefusal, NOTHING_OPEN, TARGET_ENDED } from '../base/availability.ts';
import { memoizeByIdentity, memoizePair } from '../base/memoize.ts';
import type { State } from '../state/state.ts';
import type { Stop } from '../state/timeline.ts';
import { type ComponentEntry, componentEntries } from './components.ts';
import {
  captureAfter,
  type Provenance,
  provenanceOf,
  refusedStaged,
  type ShownMark,
  stagedWrite,
} from './provenance.ts';
import { hasEnded } from './run.ts';
import { componentOfSelection } from './vector.ts';

export const selectStop = (state: State): Stop | null => state.stops[state.at] ?? null;
export const selectCapture = (state: State): Capture | null => selectStop(state)?.capture ?? null;
export const selectIsNewest = (state: State): boolean => state.at === state.stops.length - 1;

const NO_COMPONENTS: readonly ComponentEntry[] = [];
/** Every component of the capture that is shown. */
export const selectComponents = (state: State): readonly ComponentEntry[] => {
  const capture = selectCapture(state);
  return capture === null ? NO_COMPONENTS : componentEntries(capture);
};

const NO_BITS: ReadonlySet<number> = new Set();

/**
 * From init to in use and back though the values are the initial ones: a model does that by its program alone. A CPU does it by
 * itself, whenever it likes, and nobody is to be named for it.
 */
const begunOrEnded = (previous: Capture, now: Capture): readonly number[] => {
  if (now.facts.target.kind !== 'model') return [];
  const [was, is] = [xstateBv(previous.image), xstateBv(now.image)];
  return now.image.layout.components.map(({ bit }) => bit).filter((bit) => (((was ^ is) >> BigInt(bit)) & 1n) === 1n);
};

const changedBetween = memoizePair(
  (previous: Capture, now: Capture): ReadonlySet<number> =>
    new Set([...changedComponents(previous, now), ...begunOrEnded(previous, now)]),
);

const NO_MARKS: ReadonlyMap<number, ShownMark> = new Map();

const marksOf = memoizeByIdentity((provenance: Provenance): ReadonlyMap<number, ShownMark> => {
  const { now, previous, staged, refused, written } = provenance;
  const marks = new Map<number, ShownMark>();
  for (const bit of previous === null ? NO_BITS : changedBetween(previous, now)) marks.set(bit, 'changed');
  for (const bit of written === null ? NO_BITS : changedBetween(written.over, written.to)) marks.set(bit, 'written');
  for (const bit of staged === null ? NO_BITS : changedBetween(now, staged)) marks.set(bit, 'staged');
  if (staged !== null && refused !== null) {
    for (const bit of changedBetween(refused.without, staged))
      if (marks.get(bit) === 'staged') marks.set(bit, 'refused');
  }
  return marks;
});

/** Components that differ from the previous stop, were written at this one, or have staged edits, refused ones among them. */
export const selectComponentMarks = (state: State): ReadonlyMap<number, ShownMark> => {
  const provenance = selectProvenance(state);
  return provenance === null ? NO_MARKS : marksOf(provenance);
};

const NO_ROWS: readonly LedgerRow[] = [];
const ledgerOf = memoizeByIdentity(sizeLedger);
/** Who says how large the state is. */
export const selectLedger = (state: State): readonly LedgerRow[] => {
  const capture = selectCapture(state);
  return capture === null ? NO_ROWS : ledgerOf(capture);
};
const needOf = memoizeByIdentity(ledgerNeed);
/** How many bytes it needs; null: nobody says. */
export const selectLedgerNeed = (state: State): LedgerNeed | null => {
  const capture = selectCapture(state);
  return capture === null ? null : needOf(capture);
};

const matrixOf = memoizeByIdentity(bitMatrix);
/** Masks by register and component, with what contradicts itself; null: nothing is read. */
export const selectBitMatrix = (state: State): ReturnType<typeof bitMatrix> | null => {
  const capture = selectCapture(state);
  return capture === null ? null : matrixOf(capture);
};

const COMPACTED = 1n << 63n;
const compactedOf = memoizeByIdentity(({ image, facts }: Capture): Decoded<Layout> => {
  const supervisors = supervisorPlaces(facts.guestCpuid.length > 0 ? facts.guestCpuid : facts.hostCpuid);
  const mask = image.layout.components.reduce((bits, place) => bits | (1n << BigInt(place.bit)), COMPACTED);
  return compactedLayout(
    image.layout,
    supervisors.reduce((bits, place) => bits | (1n << BigInt(place.bit)), mask),
    supervisors,
  );
});
/** Where the same components would lie in the compacted format; null for an image that is compacted already. */
export const selectCompactedLayout = (state: State): Decoded<Layout> | null => {
  const capture = selectCapture(state);
  return capture === null || capture.image.layout.format === 'compacted' ? null : compactedOf(capture);
};

/** Whether all who say where components lie agree. */
export interface LayoutAgreement {
  readonly kind: 'same' | 'differs' | 'not-known';
  readonly sentence: string;
}
const agreementOf = memoizeByIdentity(({ image, facts }: Capture): LayoutAgreement => {
  const guest = layoutFromCpuid(facts.guestCpuid, 'guest CPUID 0xD');
  const host = layoutFromCpuid(facts.hostCpuid, 'host CPUID 0xD');
  if (!guest.ok || !host.ok) {
    // The whole of it stands in the section of the layouts.
    const { source } = image.layout;
    return { kind: 'not-known', sentence: source.startsWith('guessed') ? 'layout guessed' : `layout from ${source}` };
  }
  if (sameLayout(guest.value, host.value)) return { kind: 'same', sentence: 'same layout in guest CPUID and host' };
  const hostPlaces = new Map(host.value.components.map((place) => [place.bit, place]));
  const moved = guest.value.components.some(
    (place) => hostPlaces.get(place.bit)?.offsetBytes !== place.offsetBytes && hostPlaces.has(place.bit),
  );
  return moved
    ? { kind: 'differs', sentence: "guest CPUID puts components elsewhere; KVM uses the host's layout" }
    : { kind: 'same', sentence: 'same offsets in guest CPUID and host' };
});
const NO_AGREEMENT: LayoutAgreement = { kind: 'not-known', sentence: 'not read' };
/** Of the capture that is shown. */
export const selectLayoutAgreement = (state: State): LayoutAgreement => {
  const capture = selectCapture(state);
  return capture === null ? NO_AGREEMENT : agreementOf(capture);
};

const provenanceCache = memoizePair((stops: readonly Stop[], staged: readonly Assignment[]) => {
  const byStop = new Map<number, Provenance | null>();
  return (at: number): Provenance | null => {
    const known = byStop.get(at);
    if (known !== undefined) return known;
    const made = provenanceOf(stops, at, staged);
    byStop.set(at, made);
    return made;
  };
});
export const selectProvenance = (state: State): Provenance | null =>
  provenanceCache(state.stops, state.staged)(state.at);

/** What Apply would write; null where nothing is staged. */
export const selectStagedWrite = (state: State): Decoded<StagedWrite> | null => {
  const newest = state.stops.at(-1)?.capture;
  return newest === undefined || state.staged.length === 0 ? null : stagedWrite(newest, state.staged);
};

const NO_STEPS: readonly PreflightStep[] = [];
const preflightOf = memoizePair((capture: Capture, write: StagedWrite): readonly PreflightStep[] => {
  const after = captureAfter(capture, write);
  return preflight(after.image, after.facts);
});
const preflightNow = memoizeByIdentity((capture: Capture): readonly PreflightStep[] =>
  preflight(capture.image, capture.facts),
);
/** The checks on what Apply would write; with nothing staged, on the image as it was read. */
export const selectPreflight = (state: State): readonly PreflightStep[] => {
  const newest = state.stops.at(-1)?.capture;
  if (newest === undefined) return NO_STEPS;
  const write = selectStagedWrite(state);
  if (write === null) return preflightNow(newest);
  return write.ok ? preflightOf(newest, write.value) : NO_STEPS;
};

/** The staged edit that pre-flight refuses; null: nothing is staged, or all of it would be accepted. */
export const selectRefusedEdit = (state: State): RefusedEdit | null => {
  const newest = state.stops.at(-1)?.capture;
  // A file goes nowhere by itself: no kernel refuses what is written to the copy of it.
  if (state.session?.kind === 'file') return null;
  return newest === undefined || state.staged.length === 0 ? null : refusedStaged(newest, state.staged);
};

/** Why pre-flight refuses what is staged; null: it would be accepted, or nothing is staged. */
export const selectPreflightRefusal = (state: State): string | null => selectRefusedEdit(state)?.sentence ?? null;

/** Why nothing can ever be written to what is open; null: it can. */
const targetRefusal = (state: State): string | null => {
  const { session } = state;
  if (session === null) return NOTHING_OPEN;
  if (hasEnded(state)) return TARGET_ENDED;
  return session.canWrite ? null : 'this target is read only';
};

/** Why nothing can be edited here; null: it can. */
export const selectEditRefusal = (state: State): string | null =>
  targetRefusal(state) ?? (selectIsNewest(state) ? null : 'an earlier stop is read only; go to the newest');

/**
 * The newest stop was read while the vCPU thread stood outside KVM_RUN: the VMM has paused the vCPU or handles an exit of
 * it, and may write a copy of its own over the registers when it goes on.
 */
export const selectIsHeld = (state: State): boolean => {
  if (state.session?.kind !== 'live' || hasEnded(state)) return false;
  const facts = state.stops.at(-1)?.capture.facts;
  return facts?.target.kind === 'live' && facts.inKvmRun === false;
};

/** Why nothing can be written now, whichever stop is on screen; null: it can. */
export const selectWriteRefusal = (state: State): string | null =>
  targetRefusal(state) ?? (selectIsHeld(state) ? 'the VMM holds this vCPU: let it continue there, then capture' : null);

/** Why what is staged cannot be applied now; null: it can. */
export const selectApplyRefusal = (state: State): string | null => {
  if (state.staged.length === 0) return 'nothing is staged';
  const edit = selectEditRefusal(state) ?? selectWriteRefusal(state);
  if (edit !== null) return edit;
  const busy = busyRefusal(state.busy);
  if (busy !== null) return busy;
  const refusal = selectPreflightRefusal(state);
  return refusal === null ? null : `Refused: ${refusal}`;
};

/** The component of what is selected; null: none, or it is of several. */
export const selectSelectedBit = (state: State): number | null => {
  const capture = selectCapture(state);
  return capture === null || state.selection === null
    ? null
    : componentOfSelection(capture, state.selection, state.laneType);
};
