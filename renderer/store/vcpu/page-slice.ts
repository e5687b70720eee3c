import { toHexInOrder } from '../../../app/bits/bytes.ts';
import type { Answer, Bridge, CameBack, StillOpen } from '../../../app/bridge.ts';
import { type RunState, STANDS_STILL } from '../../../app/debug/run-state.ts';
import { refusal } from '../../../app/refusals/refusal.ts';
import { sameState } from '../../../app/session/same-state.ts';
import { sessionText } from '../../../app/session/session-document.ts';
import { ask } from '../base/ask.ts';
import { received } from '../base/received.ts';
import { isFrozen } from '../select/run.ts';
import type { PageSlice } from '../state/page.ts';
import type { SavedAbout } from '../state/saved-session.ts';
import type { Slice, State, WindowPart, WindowState } from '../state/state.ts';
import type { Session } from '../state/target.ts';
import type { OpenVcpu } from '../state/vcpus.ts';
import { NO_WRITES } from './edits-slice.ts';
import { productsOfProgram } from './executed.ts';
import { openedState } from './opened.ts';
import { savedTimeline, sessionToSave } from './saved-session.ts';
import { withStop } from './timeline-slice.ts';
import { FIRST_SELECTION, noVcpu } from './vcpu.ts';

/**
 * What a page holds is the host's to keep, so that the same page loaded again has it: every stop with its labels, the pin,
 * what is staged, and what was on screen. It stays in the host's memory: a guest's registers are nothing for a browser's disk.
 */

/** What this tab calls itself, 32 hex digits; it outlives a reload where the page may store anything. */
export interface TabName {
  get(): string;
  set(name: string): void;
}

export const newTab = (): string => toHexInOrder(crypto.getRandomValues(new Uint8Array(16)));

/** A name for this tab that lasts no longer than the page. */
export const randomTab = (): TabName => {
  let name = newTab();
  return {
    get: () => name,
    set: (next) => {
      name = next;
    },
  };
};

/** How things are shown: facts of the window, which all of its vCPUs share. */
const VIEW = [
  ...([
    'tab',
    'group',
    'laneType',
    'registerFilter',
    'componentFilter',
    'mapFormat',
    'selection',
    'stopFilter',
  ] as const),
  ...(['tile', 'tilesLayout', 'readings', 'tileLook', 'tileScale', 'product', 'destination'] as const),
  ...(['breakpoints', 'breakpointsOf', 'allStopOf'] as const),
] satisfies readonly (keyof WindowState)[];

interface KeptVcpu {
  readonly session: Session;
  /** Index of the stop that is looked at. */
  readonly at: number;
  readonly saved: SavedAbout | null;
  readonly overwritten: State['overwritten'];
  readonly hasRun: boolean;
}

interface KeptPage {
  readonly vcpus: readonly KeptVcpu[];
  readonly view: WindowPart;
}

const PAGE = 'page';
const stopsName = (session: string): string => `stops ${session}`;

/** The one on screen first. */
const everyVcpu = ({ vcpus, current }: State): readonly OpenVcpu[] =>
  [...vcpus.values()].sort((a, b) => Number(b.session.id === current) - Number(a.session.id === current));

/** What a vCPU's text is made of: as long as all are the same objects the text is the same. */
const partsOf = ({ stops, labels, pinned, staged, modelEvents }: OpenVcpu): readonly unknown[] => [
  ...[stops, labels, pinned, staged, modelEvents],
];
const isSame = (a: readonly unknown[] | undefined, b: readonly unknown[]): boolean =>
  a?.every((part, at) => part === b[at]) === true;

const keptPage = (state: State): string => {
  const vcpus = everyVcpu(state);
  if (vcpus.length === 0) return '';
  const page: KeptPage = {
    vcpus: vcpus.map(({ session, at, saved, overwritten, hasRun }) => ({ session, at, saved, overwritten, hasRun })),
    view: Object.fromEntries(VIEW.map((key) => [key, state[key]])) as WindowPart,
  };
  return JSON.stringify(page);
};

const parsed = (text: string | undefined): unknown => {
  try {
    return text === undefined ? null : JSON.parse(text);
  } catch {
    return null;
  }
};

const ENDED: RunState = {
  state: 'ended',
  why: refusal('no-such-session', 'The session ended while no page showed it'),
};

/** As the host has it now: it may have ended, and a run that stepped it ended with its page. */
const runNow = ({ kind }: Session, open: StillOpen | undefined): RunState =>
  kind === 'file' ? STANDS_STILL : (open?.run ?? ENDED);

/** A vCPU as it was kept; null: its stops cannot be read. */
const vcpuBack = (one: KeptVcpu, { kept, open }: CameBack): OpenVcpu | null => {
  const still = open.find(({ session }) => session === one.session.id);
  const document = parsed(kept[stopsName(one.session.id)]);
  const read = savedTimeline(document as Parameters<typeof savedTimeline>[0]);
  const last = read.ok ? read.value.timeline.stops.at(-1) : undefined;
  if (!read.ok || last === undefined) return null;
  const { timeline } = read.value;
  return {
    ...noVcpu(),
    ...timeline,
    at: Math.max(0, Math.min(timeline.stops.length - 1, one.at)),
    writes: still?.writes ?? NO_WRITES,
    ...{ overwritten: one.overwritten, saved: one.saved, hasRun: one.hasRun, position: still?.model ?? null },
    // The steps of staging are gone, all that is staged is one of them.
    done: timeline.staged.length > 0 ? [[]] : [],
    session: one.session,
    run: runNow(one.session, still),
  };
};

export const createPageSlice =
  (bridge: Bridge, tab: TabName): Slice<PageSlice> =>
  ({ getState: get, set, put, show: showVcpus }) => {
    /** What the host was given, and of what it was made. */
    const given = new Map<string, readonly unknown[]>();

    const give = async (name: string, text: string): Promise<boolean> => (await ask(() => bridge.keep(name, text))).ok;

    /** The vCPU as it is now, for one whose last answers went to a page that was no longer there. */
    const withNow = async (one: OpenVcpu): Promise<OpenVcpu> => {
      const { session, stops } = one;
      if (!isFrozen(one)) return one;
      const document = await ask(() => bridge.capture(session.id));
      const now = document.ok ? received(document.value) : document;
      const last = stops.at(-1);
      if (!now.ok || last === undefined || sameState(last.capture, now.value)) return one;
      return { ...one, ...withStop(one, { capture: now.value, cause: 'capture', write: null }) };
    };

    /** A session of which the page had not yet given the host a stop: it begins anew with what the vCPU holds. */
    const begunAnew = async (still: StillOpen): Promise<OpenVcpu | null> => {
      const document = await ask(() => bridge.capture(still.session));
      if (!document.ok) return null;
      const capture = received(document.value);
      if (!capture.ok) return null;
      const { pid, startTimeTicks } = capture.value.facts.target;
      const process = pid === null || startTimeTicks === null ? null : { pid, startTimeTicks: String(startTimeTicks) };
      const made = openedState({ ...still, capture: document.value }, process);
      return made.ok ? { ...made.value.vcpu, writes: still.writes } : null;
    };

    const show = async (back: CameBack, from: 'reload' | 'tab'): Promise<boolean> => {
      const page = parsed(back.kept[PAGE]) as KeptPage | null;
      const read = (page?.vcpus ?? []).flatMap((one) => vcpuBack(one, back) ?? []);
      const vcpus = await Promise.all(read.map(withNow));
      const lost = back.open.filter(({ session }) => !vcpus.some((one) => one.session.id === session));
      const anew = vcpus.length > 0 ? null : lost[0] === undefined ? null : await begunAnew(lost[0]);
      // Nobody could ever leave a session that is not shown.
      for (const { session } of anew === null ? lost : lost.slice(1)) await ask(() => bridge.detach(session, false));
      const first = vcpus[0] ?? anew;
      if (first === null) return false;
      const cameBack = anew === null ? { stops: first.stops.length, from } : null;
      showVcpus(anew === null ? vcpus : [anew], first.session.id, {
        ...{ selection: FIRST_SELECTION, ...page?.view, cameBack },
      });
      const { position: model } = first;
      if (model !== null && get().product === null) {
        for (const product of productsOfProgram(model)) get().setProduct(product);
        set({ product: null, ...(page?.view.readings === undefined ? {} : { readings: page.view.readings }) });
      }
      return true;
    };

    const asked = async (name: string, take: boolean): Promise<Answer<CameBack>> => {
      const answer = await ask(() => bridge.comeBack(name, take));
      if (answer.ok) given.clear();
      return answer;
    };

    return {
      cameBack: null,
      allKept: false,
      closeCameBack: () => set({ cameBack: null }),
      async comeBack() {
        const back = await asked(tab.get(), false);
        return back.ok && (await show(back.value, 'reload'));
      },
      async takeOver(name) {
        if (get().session !== null || get().busy !== null) return;
        set({ busy: 'attach' });
        const back = await asked(name, true);
        if (back.ok) tab.set(name);
        put({ refusal: back.ok ? null : back.refusal }, { busy: null });
        if (back.ok && !(await show(back.value, 'tab'))) await get().refreshTargets();
      },
      wasTaken() {
        tab.set(newTab());
        given.clear();
        showVcpus([], null, { overlay: null, cameBack: null, liveStopped: null, restoreFile: null });
        put({
          refusal: refusal('page-gone', 'What was attached here goes on in another tab', {
            where: 'all its stops went along',
          }),
        });
        void bridge.comeBack(tab.get(), false);
        void get().refreshTargets();
      },
      async keep() {
        const state = get();
        const { hostFacts } = state;
        const giving: Promise<boolean>[] = [];
        const names = new Set([PAGE]);
        for (const one of everyVcpu(state)) {
          const name = stopsName(one.session.id);
          const parts = partsOf(one);
          names.add(name);
          if (isSame(given.get(name), parts)) continue;
          given.set(name, parts);
          giving.push(give(name, sessionText(sessionToSave({ ...one, hostFacts }, 0))));
        }
        const page = keptPage(state);
        if (given.get(PAGE)?.[0] !== page && (page !== '' || given.has(PAGE))) {
          given.set(PAGE, [page]);
          giving.push(give(PAGE, page));
        }
        for (const name of [...given.keys()]) {
          if (names.has(name)) continue;
          given.delete(name);
          giving.push(give(name, ''));
        }
        if (giving.length === 0) return;
        const allKept = (await Promise.all(giving)).every(Boolean);
        // What was refused is tried again with the next change.
        if (!allKept) given.clear();
        if (allKept !== get().allKept) set({ allKept });
      },
    };
  };
