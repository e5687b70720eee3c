import type { Bridge } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import type { ComponentBit } from '../../../app/capture/image.ts';
import { printPath } from '../../../app/register/path.ts';
import { type Condition, checkCondition, conditionHolds } from '../../../app/session/run-until.ts';
import { sameState } from '../../../app/session/same-state.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { vectorFile } from '../select/vector.ts';
import type { RunProgress, RunUntil, RunUntilSlice } from '../state/run-until.ts';
import type { Slice, State, VcpuPart } from '../state/state.ts';
import type { Session } from '../state/target.ts';
import { requestSteps, type Stepped, withSteps } from './model-steps.ts';
import { isWatching, runUntilRefusal } from './run-until.ts';

/** Steps of a model in one run: each becomes a stop. */
export const MOST_RUN_STEPS = 10_000;
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
    /** The session of the live run that is waited for, the reading before, and how far it has come. */
    let watched = '';
    let previous: Capture | null = null;
    let progress = NONE_YET;
    let toldMs = 0;
    /** Number of the last stop that a write brought about, and that was taken for the reading before. */
    let writtenStop = 0;
    /** The vCPU was frozen when the run was asked for, and is not let go yet. */
    let isStarting = false;

    const change = (part: (run: RunUntil) => RunUntil): void =>
      putIn(watched, ({ runUntil }) => (runUntil === null ? {} : { runUntil: part(runUntil) }));

    const end = (why: string): void =>
      change((run) => (run.phase === 'waiting' ? { ...run, progress, phase: 'ended', why } : run));

    /** What ends the waiting from outside: another vCPU on screen, a freeze by hand, the end of the target. */
    subscribe((state) => {
      const one = state.vcpus.get(watched);
      if (one?.runUntil?.phase !== 'waiting' || isStarting || isWatching(state)) return;
      if (state.current !== watched) end('another vCPU came on screen');
      else end(one.session.run === 'frozen' ? 'the vCPU was frozen by hand' : 'the target has ended');
    });

    const watch = async (session: Session, condition: Condition): Promise<void> => {
      const newest = get().stops.at(-1)?.capture ?? null;
      // What a vCPU that runs held at the last stop says nothing about now: the first reading is what changes count from.
      previous = session.run === 'frozen' ? newest : null;
      [progress, toldMs, writtenStop] = [NONE_YET, performance.now(), get().stops.at(-1)?.number ?? 0];
      isStarting = session.run === 'frozen';
      watched = session.id;
      put({ runUntil: { session: session.id, live: true, condition, progress, phase: 'waiting' } });
      if (!isStarting) return;
      await get().resume();
      isStarting = false;
      if (!isWatching(get())) end('the vCPU was not let go');
    };

    const freezeAt = async (): Promise<void> => {
      await get().freeze();
      const { session, stops } = get();
      const frozenStop = session?.run === 'frozen' ? (stops.at(-1)?.number ?? null) : null;
      change((run) => (run.phase === 'held' ? { ...run, frozenStop } : run));
    };

    const step = async (session: Session, condition: Condition, newest: Capture): Promise<void> => {
      const run = { session: session.id, live: false, condition } as const;
      const setRun = (word: 'running' | 'frozen'): VcpuPart => {
        const now = get().session;
        return {
          running: word === 'running',
          ...(now === null || now.run === 'ended' ? {} : { session: { ...now, run: word } }),
        };
      };
      const first = { ...run, progress: NONE_YET, phase: 'waiting' } as const;
      put({ ...setRun('running'), refusal: null, runUntil: first }, { busy: 'step' });
      let before = newest;
      let unseen: Stepped[] = [];
      let shownMs = performance.now();
      let readings = 0;
      const show = (): void => {
        const seen = unseen;
        unseen = [];
        shownMs = performance.now();
        const progress = { readings, longestGapMs: 0 };
        put((state) => ({ ...withSteps(state, seen), runUntil: { ...run, progress, phase: 'waiting' } }));
      };
      const over = (last: (newest: number) => VcpuPart): void => {
        show();
        put({ ...setRun('frozen'), ...last(get().stops.at(-1)?.number ?? 0) }, { busy: null });
      };
      const ended = (why: string): VcpuPart => ({
        runUntil: { ...run, progress: { readings, longestGapMs: 0 }, phase: 'ended', why },
      });
      for (;;) {
        if (!get().running) return over(() => ({ runUntil: null }));
        if (readings === MOST_RUN_STEPS) return over(() => ended(`${readings} steps were made, each of them a stop`));
        const answer = await requestSteps(bridge, session.id, 1);
        if (!answer.ok) return over(() => ({ ...ended(answer.refusal.what), refusal: answer.refusal }));
        const reading = answer.value;
        readings += 1;
        unseen.push(reading);
        if (conditionHolds(condition, before, reading)) {
          const { event } = reading;
          const progress = { readings, longestGapMs: 0 };
          return over((stop) => ({ runUntil: { ...run, progress, phase: 'held', stop, frozenStop: null, event } }));
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
          overlay: { kind: 'run-until' },
          runUntilChoice: {
            ...state.runUntilChoice,
            kind: kind === 'exception' && !isModel ? 'in-use' : kind,
            bit: likelyBit(state),
            path: selectedPath(state) ?? path,
          },
        });
      },
      chooseRunUntil: (part) => set((state) => ({ runUntilChoice: { ...state.runUntilChoice, ...part } })),
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
        const { runUntil } = get();
        if (runUntil?.phase !== 'waiting') return;
        if (runUntil.live) put({ runUntil: null });
        else get().pauseModel();
      },
      closeRunUntil: () => {
        if (get().runUntil?.phase !== 'waiting') put({ runUntil: null });
      },
      endRunUntil: end,
      watchReading(capture) {
        const { runUntil } = get();
        if (runUntil === null || !isWatching(get())) return false;
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
        if (last === null || !conditionHolds(runUntil.condition, last, { capture, event: null })) {
          if (performance.now() - toldMs >= TELL_EVERY_MS) {
            toldMs = performance.now();
            change((run) => ({ ...run, progress }));
          }
          return false;
        }
        // The reading before it becomes a stop as well, so that what is marked as changed is what changed between the two.
        if (newest === undefined || !sameState(newest.capture, last)) {
          get().addStop({ capture: last, cause: 'capture', write: null });
        }
        get().addStop({ capture, cause: 'capture', write: null });
        const stop = get().stops.at(-1)?.number ?? 0;
        change((run) => ({ ...run, progress, phase: 'held', stop, frozenStop: null, event: null }));
        void freezeAt();
        return true;
      },
    };
  };
