import { fromHexInOrder } from '../../../app/bits/bytes.ts';
import type { Bridge, DriveAct, DrivenBreakpoint, DriveResult, Refusal } from '../../../app/bridge.ts';
import { MOST_BREAKPOINTS, MOST_OTHER_BREAKPOINTS, NO_BREAKPOINTS } from '../../../app/debug/drive-words.ts';
import { DRIVEN } from '../../../app/debug/run-state.ts';
import { parseUntil } from '../../../app/debug/until.ts';
import { vectorNamed } from '../../../app/debug/vectors.ts';
import { refusal } from '../../../app/refusals/refusal.ts';
import { ask } from '../base/ask.ts';
import { busyRefusal, NOT_ATTACHED, TARGET_ENDED } from '../base/availability.ts';
import { received } from '../base/received.ts';
import { askTold } from '../base/told.ts';
import { guestKey } from '../select/guest-key.ts';
import { hasEnded, isDriving, isFrozen, isRunning, isWaiting } from '../select/run.ts';
import type { Breakpoint, DriveSlice } from '../state/drive.ts';
import type { Slice, State, VcpuPart } from '../state/state.ts';
import { breakpointWords } from './breakpoint-text.ts';
import { withStep } from './timeline-slice.ts';
import { tracedStops, withTraced } from './traced.ts';
import { withRun } from './vcpu.ts';

/** Instructions of one run until a condition; more are asked for by running again. */
const MOST_DRIVEN = 2_000_000_000;

/** How a drive ended, and the same in two or three words. */
interface Ended {
  readonly what: string;
  readonly brief: string;
}
const BY_HAND: Ended = { what: 'stopped by hand', brief: 'by hand' };
const HALTED: Ended = { what: 'the guest waits for an interrupt', brief: 'waits for an interrupt' };
const BUSY: Ended = { what: 'its VMM had more exits to answer than are waited for', brief: 'the VMM is busy' };

/** Why the vCPU on screen cannot be driven now; null: it can. */
export const driveRefusal = (state: State): string | null => {
  const { session, busy } = state;
  if (session === null) return NOT_ATTACHED;
  if (session.kind !== 'live') return 'only a live vCPU is driven so';
  if (hasEnded(state)) return TARGET_ENDED;
  if (isWaiting(state)) return 'a condition is waited for: stop that first';
  if (isDriving(state)) return 'the vCPU is being driven';
  return busyRefusal(busy);
};

/** The breakpoints of the guest on screen. */
export const selectBreakpoints = ({ breakpoints, breakpointsOf, session }: State): readonly Breakpoint[] =>
  session !== null && guestKey(session) === breakpointsOf ? breakpoints : NONE;
const NONE: readonly Breakpoint[] = [];

/** Why there is no choice whether other vCPUs are held; null: there is. */
export const allStopRefusal = ({ session, busy }: State): string | null => {
  if (session?.kind !== 'live') return 'no live vCPU is attached';
  return session.vcpus.length < 2 ? 'the VMM has no other vCPU' : busyRefusal(busy);
};

/** What becomes of the other vCPUs while the one on screen is driven; null: there are none. */
export const selectOtherVcpus = (state: State): 'run on' | 'held while driven' | 'held' | null => {
  const { session, allStopOf } = state;
  if (session?.kind !== 'live' || session.vcpus.length < 2) return null;
  if (session.pid !== allStopOf) return 'run on';
  return isDriving(state) ? 'held' : 'held while driven';
};

/** Why this is no condition for the vCPU on screen; null: it is one. */
export const conditionProblem = (text: string, { stops }: State): string | null => {
  const now = stops.at(-1)?.capture;
  if (now === undefined) return 'nothing is read yet';
  if (text.trim() === '') return 'type a condition, such as rax == 5';
  if (vectorNamed(text.trim()) !== null) return null;
  const parsed = parseUntil(text, now);
  return parsed.ok ? null : parsed.refusal.what;
};

/** "at breakpoint 2": its place in the list; one that is not there was a line's own. */
const placeOf = (state: State, hit: readonly DrivenBreakpoint[]): string => {
  const at = selectBreakpoints(state).findIndex((row) => hit.includes(row));
  return at === -1 ? 'at the line' : `at breakpoint ${at + 1}`;
};
const stepsBrief = (made: number): string => (made === 1 ? 'after 1 step' : `after ${made} steps`);

export const enabledOf = (state: State): readonly Breakpoint[] => selectBreakpoints(state).filter((row) => row.enabled);
const asked = ({ address, on, bytes, when }: DrivenBreakpoint): DrivenBreakpoint => ({
  ...{ address, on, bytes },
  ...(when === undefined ? {} : { when }),
});

const hitWords = (hit: readonly number[], of: readonly DrivenBreakpoint[]): string =>
  hit
    .map((at) => of[at])
    .flatMap((one) => (one === undefined ? [] : breakpointWords(one)))
    .join(', ');

const hitEnded = (state: State, hit: readonly number[], of: readonly DrivenBreakpoint[]): Ended => ({
  what: hitWords(hit, of),
  brief: placeOf(
    state,
    hit.flatMap((at) => of[at] ?? []),
  ),
});

const BY = {
  ret: 'out of the function, by its RET',
  entry: 'out of the function, by the return address at its entry',
  'frame-pointer': 'out of the function that the frame pointer is of',
} as const satisfies Record<NonNullable<DriveResult['by']>, string>;

const endWords = (way: 'over' | 'out', { by }: DriveResult): string =>
  way === 'out' ? (by === undefined ? 'out of the function' : BY[by]) : 'one instruction';

/** Of the code that is not known it is the panes that say why. */
const unguardedWords = (why: string | null): string | null =>
  why === null
    ? null
    : `${why === NO_BREAKPOINTS ? 'this KVM stops no guest at a breakpoint' : 'its code is not known'}: TF may be stored in the guest`;

const noRoom = (what: string): Refusal =>
  refusal('busy', `${what} needs one of the four breakpoint registers, and all are taken`, {
    ...{ where: 'Breakpoints', remedy: 'Disable one' },
  });

export const createDriveSlice =
  (bridge: Bridge): Slice<DriveSlice> =>
  ({ getState: get, set, put }) => {
    let isStopped = false;

    const fail = (refusal: Refusal): void => put({ refusal, outcome: null });

    /** Asks part after part, until one of them ends it, or the user does. */
    const run = async (
      what: string,
      next: (made: number) => DriveAct,
      ended: (last: DriveResult, made: number) => Ended,
      most: number | null = null,
    ): Promise<DriveResult | null> => {
      if (driveRefusal(get()) !== null) return null;
      if (isRunning(get())) await get().freeze();
      const { session } = get();
      if (session === null || !isFrozen(get()) || get().busy !== null) return null;
      const driving = (made: number): VcpuPart =>
        withRun(get(), { state: 'running', errand: { kind: 'drive', what, made, most } });
      isStopped = false;
      const holds = selectOtherVcpus(get()) === 'held while driven';
      const begunMs = performance.now();
      put({ refusal: null, outcome: null, ...driving(0) }, { busy: 'step' });
      const others = holds ? await ask(() => bridge.holdOthers(session.id)) : null;
      /** Before anything else can be asked. Why one was not held all the time, or stays held; null: all is well. */
      const letOthersGo = async (): Promise<Refusal | null> => {
        const gone = others?.ok === true ? await ask(() => bridge.letOthersGo(session.id)) : null;
        return gone?.ok === false ? gone.refusal : null;
      };
      if (others?.ok === false) {
        put((one) => withRun(one, DRIVEN), { busy: null });
        fail(others.refusal);
        return null;
      }
      let made = 0;
      let then: DriveAct | undefined;
      let unguarded: string | null = null;
      let doubt: string | null = null;
      for (;;) {
        const act = then ?? next(made);
        const answer = await askTold(bridge, session.id, (have) => bridge.drive(session.id, act, have));
        if (get().session?.id !== session.id) {
          await letOthersGo();
          return null;
        }
        const capture = answer.ok ? received(answer.value.capture) : answer;
        const traced = answer.ok && capture.ok ? tracedStops(answer.value) : null;
        if (!answer.ok || !capture.ok || traced?.ok === false) {
          await letOthersGo();
          put((one) => withRun(one, DRIVEN), { busy: null });
          const failed = !answer.ok ? answer : capture.ok ? traced : capture;
          fail((failed as { readonly refusal: Refusal }).refusal);
          return null;
        }
        const part = traced?.ok === true ? traced.value : null;
        if (part !== null) put((state) => withTraced(state, part));
        made += answer.value.made;
        unguarded ??= answer.value.unguarded ?? null;
        doubt = answer.value.doubt ?? doubt;
        then = answer.value.then;
        const { why } = answer.value;
        if (why === 'more' && !isStopped) {
          put(driving(made));
          continue;
        }
        const { what: words, brief } =
          why === 'more' ? BY_HAND : why === 'halted' ? HALTED : why === 'busy' ? BUSY : ended(answer.value, made);
        const code = made === 1 ? fromHexInOrder(answer.value.executed ?? '-') : null;
        const stepsPerSecond = made < 2 ? get().stepsPerSecond : (1000 * made) / (performance.now() - begunMs);
        const wasLost = await letOthersGo();
        const isOver = why === 'more' || why === 'halted' || why === 'busy';
        const told =
          isOver && holds ? `${words}; what only the other vCPUs could do, held as they were, was not done` : words;
        put(
          (state) => ({
            refusal: wasLost ?? state.refusal,
            ...(part === null ? withStep(state, code, { capture: capture.value, cause: 'step', write: null }) : {}),
            outcome: {
              ...{ kind: 'driven', isHit: why === 'hit' || why === 'holds' },
              ...{ brief, made },
              what: [told, unguardedWords(unguarded), doubt].filter((words) => words !== null).join('; '),
            },
            ...withRun(state, DRIVEN),
          }),
          { busy: null, stepsPerSecond },
        );
        return answer.value;
      }
    };

    const change = (part: (rows: readonly Breakpoint[]) => readonly Breakpoint[]): void =>
      set((state) => ({
        breakpoints: part(selectBreakpoints(state)),
        breakpointsOf: state.session === null ? null : guestKey(state.session),
      }));

    const countHits = (last: DriveResult | null, of: readonly Breakpoint[]): void => {
      const hit = (last?.hit ?? []).map((at) => of[at]);
      if (hit.length > 0) change((all) => all.map((row) => (hit.includes(row) ? { ...row, hits: row.hits + 1 } : row)));
    };

    return {
      breakpointsOf: null,
      breakpoints: [],
      allStopOf: null,
      toggleAllStop() {
        const { session, allStopOf } = get();
        if (allStopRefusal(get()) === null)
          set({ allStopOf: session?.pid === allStopOf ? null : (session?.pid ?? null) });
      },
      stepsPerSecond: null,
      focusedLine: null,
      focusLine: (focusedLine) => set({ focusedLine }),
      async driveSteps(count) {
        await run(
          count === 1 ? 'one instruction' : `${count} instructions`,
          (made) => ({ kind: 'step', count: count - made }),
          (_last, made) => ({ what: made === 1 ? 'one instruction' : `${made} instructions`, brief: stepsBrief(made) }),
        );
      },
      async stepAlong(way) {
        const others = enabledOf(get());
        if (others.length > MOST_OTHER_BREAKPOINTS) {
          fail(noRoom(way === 'over' ? 'a step over' : 'a step out'));
          return;
        }
        const last = await run(
          way === 'over' ? 'over the instruction' : 'out of the function',
          () => ({ kind: way, breakpoints: others.map(asked) }),
          (answer) =>
            answer.hit.length > 0
              ? hitEnded(get(), answer.hit, others)
              : { what: endWords(way, answer), brief: way === 'out' ? 'out of the function' : stepsBrief(1) },
        );
        countHits(last, others);
      },
      async trace(count) {
        await run(
          `tracing ${count} instructions`,
          (made) => ({ kind: 'trace', count: count - made }),
          (_last, made) => ({ what: `traced ${made} instructions`, brief: stepsBrief(made) }),
          count,
        );
      },
      async runToAddress(address) {
        const others = enabledOf(get());
        if (others.length > MOST_OTHER_BREAKPOINTS) {
          fail(noRoom('a run to a line'));
          return;
        }
        // Its own comes last: those of the list keep their numbers.
        const breakpoints = [...others.map(asked), { address, on: 'execute' as const, bytes: 1 }];
        const last = await run(
          `to ${address}`,
          () => ({ kind: 'break', breakpoints }),
          ({ hit }) => ({ what: hitWords(hit, breakpoints), brief: hitEnded(get(), hit, others).brief }),
        );
        countHits(last, others);
      },
      async driveUntil(condition) {
        await run(
          `until ${condition}`,
          (made) => ({ kind: 'until', condition, most: MOST_DRIVEN - made }),
          (_last, made) =>
            vectorNamed(condition) === null
              ? { what: `${condition}, after ${made} instructions`, brief: stepsBrief(made) }
              : { what: `${condition}, at the first instruction of its handler`, brief: `at ${condition}` },
        );
      },
      async continueLive() {
        const enabled = enabledOf(get());
        if (enabled.length === 0) return get().resume();
        const last = await run(
          'to a breakpoint',
          () => ({ kind: 'break', breakpoints: enabled.map(asked) }),
          ({ hit }) => hitEnded(get(), hit, enabled),
        );
        countHits(last, enabled);
      },
      stopDriving() {
        isStopped = true;
      },
      addBreakpoint(breakpoint) {
        const isThere = (row: Breakpoint): boolean => row.address === breakpoint.address && row.on === breakpoint.on;
        change((rows) => {
          // The one that is there keeps its hits, and takes the condition.
          if (rows.some(isThere))
            return rows.map((row) => (isThere(row) ? { ...breakpoint, enabled: row.enabled, hits: row.hits } : row));
          return rows.length >= MOST_BREAKPOINTS ? rows : [...rows, { ...breakpoint, enabled: true, hits: 0 }];
        });
      },
      toggleBreakpoint(address) {
        const rows = selectBreakpoints(get());
        const at = rows.findIndex((row) => row.on === 'execute' && BigInt(row.address) === BigInt(address));
        if (at !== -1) get().removeBreakpoint(at);
        else if (rows.length >= MOST_BREAKPOINTS) put({ refusal: noRoom('one breakpoint more') });
        else get().addBreakpoint({ address, on: 'execute', bytes: 1 });
      },
      countHit: (address) =>
        change((rows) =>
          rows.map((row) =>
            row.on === 'execute' && BigInt(row.address) === BigInt(address) ? { ...row, hits: row.hits + 1 } : row,
          ),
        ),
      enableBreakpoint: (at, enabled) =>
        change((rows) => rows.map((row, index) => (index === at ? { ...row, enabled } : row))),
      removeBreakpoint: (at) => change((rows) => rows.filter((_, index) => index !== at)),
    };
  };
