import type { Bridge, SessionId } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import type { ComponentBit } from '../../../app/capture/image.ts';
import { type Outcome, RUNNING, type RunProgress, type RunState, STANDS_STILL } from '../../../app/debug/run-state.ts';
import { printPath } from '../../../app/register/path.ts';
import { type Condition, checkCondition, conditionHolds } from '../../../app/session/run-until.ts';
import { sameState } from '../../../app/session/same-state.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { TARGET_ENDED } from '../base/availability.ts';
import { isFrozen, isRunning, isWaiting, isWatching } from '../select/run.ts';
import { vectorFile } from '../select/vector.ts';
import type { RunUntilSlice } from '../state/run-until.ts';
import type { Slice, State, VcpuPart } from '../state/state.ts';
import type { Session } from '../state/target.ts';
import { exactRunRefusal } from './exact-run.ts';
import { requestSteps, type Stepped, withSteps } from './model-steps.ts';
import { runUntilRefusal } from './run-until.ts';
import { withRun } from './vcpu.ts';

/** Steps of a model in one run: each becomes a stop. */
const MOST_RUN_STEPS = 10_000;
/** A model's stops come on screen in groups: drawing each would take longer than stepping. */
const SHOW_EVERY_MS = 100;
const TELL_EVERY_MS = 250;

const NONE_YET: RunProgress = { readings: 0, longestGapMs: 0 };

/** What is selected, as a path; null: it is none. */
const selectedPath = ({ selection, stops, laneType }: State): string | null => {
  const image = stops.at(-1)?.capture.image;
  if (selection === null || image === undefined) return null;
  if (selection.kind === 'register')
    return printPath({ register: selection.path, field: selection.field ?? null, type: null, indexes: [] });
  if (selection.kind !== 'vector') return null;
  const register = `${vectorFile(image).kind}${selection.index}`;
  return laneType === 'hex' ? register : `${register}:${laneType}[${selection.element}]`;
};

/** The component that is selected, else the one chosen last where this vCPU has it, else the last one that is in init. */
const likelyBit = ({ selection, stops, runUntilChoice }: State): ComponentBit => {
  if (selection?.kind === 'component') return selection.bit;
  const image = stops.at(-1)?.capture.image;
  if (image === undefined || viewComponent(image, runUntilChoice.bit).state !== 'absent') return runUntilChoice.bit;
  const bits = image.layout.components.map(({ bit }) => bit).sort((a, b) => b - a);
  return bits.find((bit) => viewComponent(image, bit).state === 'init') ?? bits[0] ?? runUntilChoice.bit;
};

export const createRunUntilSlice =
  (bridge: Bridge): Slice<RunUntilSlice> =>
  ({ getState: get, set, put, putIn, subscribe }) => {
    /** The live run that is waited for; null: none is. */
    let watched: { readonly id: SessionId; readonly condition: Condition } | null = null;
    /** The reading before, and how far it has come. */
    let previous: Capture | null = null;
    let progress = NONE_YET;
    let toldMs = 0;
    /** Number of the last stop that a write brought about, and that was taken for the reading before. */
    let writtenStop = 0;

    const until = (condition: Condition, progress: RunProgress): RunState => ({
      ...{ state: 'running', errand: { kind: 'until', condition, progress } },
    });

    /** It is waited for no longer; a vCPU that runs, runs on. */
    const end = (outcome: (condition: Condition) => Outcome | null): void => {
      if (watched === null) return;
      const { id, condition } = watched;
      watched = null;
      putIn(id, (one) => ({ outcome: outcome(condition), ...(isWaiting(one) ? withRun(one, RUNNING) : {}) }));
    };
    const giveUp = (why: string): void => end((condition) => ({ kind: 'unheld', condition, progress, why }));

    /** What ends the waiting from outside: another vCPU on screen, a freeze by hand, the end of the target. */
    subscribe((state) => {
      if (watched === null || (state.current === watched.id && isWaiting(state))) return;
      if (state.current !== watched.id) giveUp('another vCPU came on screen');
      else giveUp(isFrozen(state) ? 'the vCPU was stopped by hand' : TARGET_ENDED);
    });

    const watch = async ({ id }: Session, condition: Condition): Promise<void> => {
      // What a vCPU that runs held at the last stop says nothing about now: the first reading is what changes count from.
      previous = isFrozen(get()) ? (get().stops.at(-1)?.capture ?? null) : null;
      [progress, toldMs, writtenStop] = [NONE_YET, performance.now(), get().stops.at(-1)?.number ?? 0];
      put({ outcome: null });
      if (isFrozen(get())) await get().resume();
      if (get().current === id && isRunning(get())) {
        watched = { id, condition };
        putIn(id, (one) => withRun(one, until(condition, progress)));
      } else {
        const why = 'the vCPU was not let go';
        putIn(id, () => ({ outcome: { kind: 'unheld', condition, progress, why } }));
      }
    };

    const freezeAt = async (id: SessionId): Promise<void> => {
      await get().freeze();
      putIn(id, (one) => {
        const { outcome, stops } = one;
        const frozenStop = isFrozen(one) ? (stops.at(-1)?.number ?? null) : null;
        return outcome?.kind === 'held' ? { outcome: { ...outcome, frozenStop } } : {};
      });
    };

    const step = async ({ id }: Session, condition: Condition, newest: Capture): Promise<void> => {
      const begun = until(condition, NONE_YET);
      put((one) => ({ ...withRun(one, begun), outcome: null, refusal: null }), { busy: 'step' });
      let before = newest;
      let unseen: Stepped[] = [];
      let shownMs = performance.now();
      let readings = 0;
      const progress = (): RunProgress => ({ readings, longestGapMs: 0 });
      const show = (): void => {
        const seen = unseen;
        unseen = [];
        shownMs = performance.now();
        put((state) => ({
          ...(isWaiting(state) ? withRun(state, until(condition, progress())) : {}),
          ...withSteps(state, seen),
        }));
      };
      const over = (last: (newest: number) => VcpuPart): void => {
        show();
        put(
          (one) => ({
            ...(isWaiting(one) ? withRun(one, STANDS_STILL) : {}),
            ...last(one.stops.at(-1)?.number ?? 0),
          }),
          { busy: null },
        );
      };
      const ended = (why: string): VcpuPart => ({ outcome: { kind: 'unheld', condition, progress: progress(), why } });
      for (;;) {
        if (!isWaiting(get())) return over(() => ({}));
        if (readings === MOST_RUN_STEPS) return over(() => ended(`${readings} steps were made, each of them a stop`));
        const answer = await requestSteps(bridge, id, 1);
        if (!answer.ok) return over(() => ({ ...ended(answer.refusal.what), refusal: answer.refusal }));
        const reading = answer.value;
        readings += 1;
        unseen.push(reading);
        if (conditionHolds(condition, before, reading)) {
          const { event } = reading;
          return over((stop) => ({
            outcome: { kind: 'held', condition, progress: progress(), stop, frozenStop: null, event },
          }));
        }
        if (reading.ended) return over(() => ended('the program halted'));
        before = reading.capture;
        if (performance.now() - shownMs >= SHOW_EVERY_MS) show();
      }
    };

    return {
      runUntilChoice: { kind: 'in-use', bit: BIT.XTILEDATA, path: '', which: 'nm' },
      openRunUntil() {
        const state = get();
        const { kind, path } = state.runUntilChoice;
        const isModel = state.session?.kind === 'model';
        set({
          runWay: isModel && state.runWay === 'until' ? 'sampled' : state.runWay,
          overlay: { kind: 'run-until' },
          runUntilChoice: {
            ...state.runUntilChoice,
            kind: kind === 'exception' && !isModel ? 'in-use' : kind,
            bit: likelyBit(state),
            path: selectedPath(state) ?? path,
          },
        });
      },
      chooseRunUntil: (part) =>
        set((state) => ({ runUntilChoice: { ...state.runUntilChoice, ...part }, runWay: 'sampled' })),
      runWay: 'sampled',
      exactRun: { steps: '100', condition: '' },
      chooseExactRun: (runWay, part) => set((state) => ({ runWay, exactRun: { ...state.exactRun, ...part } })),
      async startExactRun() {
        const { session, runWay, exactRun } = get();
        if (session === null || exactRunRefusal(get()) !== null) return;
        set({ overlay: null });
        if (runWay === 'until') await get().driveUntil(exactRun.condition.trim());
        else if (session.kind === 'model') await get().step(Number(exactRun.steps));
        else await get().driveSteps(Number(exactRun.steps));
      },
      async startRunUntil() {
        const { session, stops, runUntilChoice } = get();
        const newest = stops.at(-1)?.capture;
        if (session === null || newest === undefined || runUntilRefusal(get()) !== null) return;
        const checked = checkCondition(runUntilChoice, newest);
        if (!checked.ok) return;
        set({ overlay: null });
        await (session.kind === 'model' ? step(session, checked.condition, newest) : watch(session, checked.condition));
      },
      stopRunUntil() {
        if (isWatching(get())) end(() => null);
        else if (isWaiting(get())) get().pauseModel();
      },
      closeRunUntil: () => put({ outcome: null }),
      endRunUntil: giveUp,
      watchReading(capture) {
        if (watched === null || !isWatching(get())) return false;
        const { id, condition } = watched;
        const newest = get().stops.at(-1);
        // What was written here meanwhile is no change of the guest's.
        if (newest !== undefined && newest.write !== null && newest.number > writtenStop) {
          [previous, writtenStop] = [newest.capture, newest.number];
        }
        const last = previous;
        previous = capture;
        const gapMs = last === null || progress.readings === 0 ? 0 : capture.facts.takenAtMs - last.facts.takenAtMs;
        progress = {
          readings: progress.readings + 1,
          longestGapMs: Math.max(progress.longestGapMs, gapMs),
        };
        if (last === null || !conditionHolds(condition, last, { capture, event: null })) {
          if (performance.now() - toldMs >= TELL_EVERY_MS) {
            toldMs = performance.now();
            putIn(id, (one) => withRun(one, until(condition, progress)));
          }
          return false;
        }
        // The reading before it becomes a stop as well, so that what is marked as changed is what changed between the two.
        if (newest === undefined || !sameState(newest.capture, last)) {
          get().addStop({ capture: last, cause: 'capture', write: null });
        }
        get().addStop({ capture, cause: 'capture', write: null });
        const stop = get().stops.at(-1)?.number ?? 0;
        end(() => ({ kind: 'held', condition, progress, stop, frozenStop: null, event: null }));
        void freezeAt(id);
        return true;
      },
    };
  };
