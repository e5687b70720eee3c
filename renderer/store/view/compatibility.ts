import { type Decoded, describeProblem } from '../../../app/bits/decoded.ts';
import type { HostFacts } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { checkRestore } from '../../../app/compat/check.ts';
import type { Destination } from '../../../app/compat/destination.ts';
import { type LayoutTable, layoutTable } from '../../../app/compat/layouts.ts';
import { thisMachine } from '../../../app/compat/this-machine.ts';
import type { RestoreVerdict } from '../../../app/compat/verdict.ts';
import { componentLabel } from '../../../app/xsave/components.ts';
import { findPreset } from '../../../app/xsave/presets.ts';
import { cutComponents } from '../../../app/xsave/view.ts';
import { memoizeByIdentity, memoizeKeyed, memoizePair } from '../base/memoize.ts';
import { selectCapture } from '../select/selectors.ts';
import type { State } from '../state/state.ts';
import { HERE } from './view-slice.ts';

const onPreset = memoizeKeyed((capture: Capture, name: string): Decoded<RestoreVerdict> | null => {
  const preset = findPreset(name);
  return preset === undefined ? null : checkRestore(capture, { kind: 'preset', preset });
});

const here = memoizePair((capture: Capture, facts: HostFacts): Decoded<RestoreVerdict> | null => {
  // A live capture brings what its own vCPU would take; a file is judged by this machine's KVM.
  const own: Destination | null =
    capture.facts.target.kind === 'live' ? { kind: 'target', facts: capture.facts } : null;
  if (own === null && facts.machine === null) return null;
  const there = own ?? (facts.machine === null ? null : thisMachine(facts.machine, facts.kernelRelease));
  return there === null ? null : checkRestore(capture, there);
});

/** Whether the capture on screen could be restored at the chosen destination; null: nothing there is known. */
export const selectVerdict = (state: State): Decoded<RestoreVerdict> | null => {
  const capture = selectCapture(state);
  if (capture === null) return null;
  if (state.destination !== HERE) return onPreset(capture, state.destination);
  return state.hostFacts === null ? null : here(capture, state.hostFacts);
};

/** The verdict in a word. */
export interface Badge {
  readonly look: 'good' | 'warn' | 'bad' | 'plain';
  readonly text: string;
  readonly title: string;
}

const NOT_KNOWN: Badge = {
  look: 'plain',
  text: 'compatibility not known',
  title: 'Nothing is known of the destination',
};

const LOOKS = { yes: 'good', 'after-conversion': 'good', 'with-losses': 'warn', no: 'bad' } as const;

const badgeOf = memoizePair((verdict: Decoded<RestoreVerdict>, capture: Capture): Badge => {
  if (!verdict.ok) return { ...NOT_KNOWN, title: describeProblem(verdict.problem) };
  const { badge, fits, sentences, destination } = verdict.value;
  // Losing what the file itself lost is said first: nothing anywhere can bring it back.
  if (cutComponents(capture.image).length > 0) {
    return { look: 'bad', text: 'truncated', title: sentences.join('. ') };
  }
  const title = `${sentences.join('. ')}.`;
  // What the file is as it stands is said before what it could be once converted: worst first.
  if (fits !== 'no' && verdict.value.asItIs.outcome === 'misread')
    return { look: 'bad', text: 'KVM would misread it', title };
  if (fits === 'after-conversion') {
    const { errno } = verdict.value;
    return { look: 'warn', text: `fits once converted${errno === null ? '' : `, as it is ${errno}`}`, title };
  }
  const where = destination.startsWith('this host') ? badge.replace(/^fits\b/, 'fits this host') : badge;
  return { look: LOOKS[fits], text: where, title };
});

const truncationOf = memoizeByIdentity(({ image }: Capture): string | null => {
  const cut = cutComponents(image);
  if (cut.length === 0) return null;
  const names = cut.map(componentLabel).join(', ');
  return `This image is truncated at ${image.bytes.length} bytes: ${names} ${cut.length === 1 ? 'is' : 'are'} lost.`;
});

/** What the file itself has lost, as one sentence; null: nothing. */
export const selectTruncation = (state: State): string | null => {
  const capture = selectCapture(state);
  return capture === null ? null : truncationOf(capture);
};

/** Whether the state that is shown would fit where it is to go. */
export const selectBadge = (state: State): Badge => {
  const verdict = selectVerdict(state);
  const capture = selectCapture(state);
  return verdict === null || capture === null ? NOT_KNOWN : badgeOf(verdict, capture);
};

const NO_TABLE: LayoutTable = { columns: [], rows: [], differing: [] };
const tableOf = memoizeByIdentity((capture: Capture): LayoutTable => layoutTable(capture));
const tableThere = memoizePair(
  (capture: Capture, verdict: RestoreVerdict): LayoutTable => layoutTable(capture, verdict.there),
);

/** Guest, host, file; and the destination where one other than this machine is chosen. */
export const selectLayoutTable = (state: State): LayoutTable => {
  const capture = selectCapture(state);
  if (capture === null) return NO_TABLE;
  const verdict = selectVerdict(state);
  // A file brings no CPUID of this host: the destination is a column of its own then.
  const hasOwnColumn = state.destination !== HERE || capture.facts.hostCpuid.length === 0;
  return verdict?.ok === true && hasOwnColumn ? tableThere(capture, verdict.value) : tableOf(capture);
};
