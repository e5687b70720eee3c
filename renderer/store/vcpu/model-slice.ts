import type { Bridge, DrivenBreakpoint, ModelSummary, Opened } from '../../../app/bridge.ts';
import { type Errand, errandOf, STANDS_STILL } from '../../../app/debug/run-state.ts';
import { ask } from '../base/ask.ts';
import { hasHalted, isRunning } from '../select/run.ts';
import type { ModelSlice } from '../state/model.ts';
import type { Slice } from '../state/state.ts';
import { countsAt } from './breakpoint-text.ts';
import { enabledOf, selectBreakpoints } from './drive-slice.ts';
import { productsOfProgram } from './executed.ts';
import { requestSteps, withoutStops, withSteps } from './model-steps.ts';
import { openedState } from './opened.ts';
import { FIRST_SELECTION, withRun } from './vcpu.ts';

/** A program of more steps than this is not shown step by step when it runs to its end. */
const MOST_STOPS = 400;

/** Steps that wait for the one under way: a key held down asks for more than a slow host makes. */
const MOST_WAITING = 64;

/** Between the steps of a run, so that each can be seen: as often as a live target is read. */
const RUN_PAUSE_MS = 33;
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, RUN_PAUSE_MS));

export const createModelSlice =
  (bridge: Bridge): Slice<ModelSlice> =>
  (store) => {
    const { getState: get, set, put, putIn, show } = store;
    const opened = (value: Opened, model: ModelSummary | undefined): void => {
      const made = openedState(value, null);
      if (!made.ok) {
        put({ refusal: made.refusal });
        return;
      }
      const { vcpu } = made.value;
      const { session } = vcpu;
      const named = { ...session, name: model?.title ?? session.name };
      show([{ ...vcpu, session: named, position: value.model ?? null }], session.id, {
        tab: 'tiles',
        selection: FIRST_SELECTION,
      });
      const products = value.model === undefined ? [] : productsOfProgram(value.model);
      for (const product of products) get().setProduct(product);
      get().showTile(products[0]?.operands.c ?? 0);
      // The check comes on by hand: before the product has run, C differs from it by design.
      set({ product: null });
    };

    /** One request; false: refused, halted, or an exception that stops a run. */
    const stepOnce = async (count: number): Promise<boolean> => {
      const { session, busy } = get();
      if (session === null || session.kind !== 'model' || hasHalted(get()) || busy !== null) return false;
      set({ busy: 'step' });
      const answer = await requestSteps(bridge, session.id, count);
      put({ refusal: answer.ok ? null : answer.refusal }, { busy: null });
      if (!answer.ok || get().session?.id !== session.id) return false;
      put((one) => ({
        ...(one.outcome?.kind === 'driven' ? { outcome: null } : {}),
        ...withSteps(one, [answer.value]),
      }));
      return !answer.value.ended;
    };

    /** Steps asked for while one was under way, each with its count. */
    const waiting: number[] = [];

    /** To the end, or to where it stops; one stop for each step then. */
    const runOn = async (isThere: (() => boolean) | null): Promise<void> => {
      const id = get().session?.id;
      if (id === undefined || isRunning(get())) return;
      waiting.length = 0;
      const errand: Errand = { kind: 'program' };
      put((one) => ({ ...withRun(one, { state: 'running', errand }), outcome: null }));
      /** Paused, halted, or another session is on screen, where nothing of this run has any business. */
      const isOver = (): boolean => errandOf(get()) !== errand;
      /** An act that came between two steps ends first: a capture, an edit. */
      const others = async (): Promise<void> => {
        while (!isOver() && get().busy !== null) await pause();
      };
      await others();
      const from = { at: get().position?.at ?? 0, stops: get().stops.length };
      const left = (): number => (get().position?.total ?? 0) - (get().position?.at ?? 0);
      const each = isThere === null ? Math.max(1, Math.ceil(left() / MOST_STOPS)) : 1;
      while (!isOver() && (await stepOnce(each)) && isThere?.() !== true) {
        await pause();
        await others();
      }
      putIn(id, (one) => ({
        ...(one.stops.length > from.stops ? { lastRun: { ...from, ended: one.stops.length } } : {}),
        ...(errandOf(one) === errand ? withRun(one, STANDS_STILL) : {}),
      }));
    };

    return {
      models: null,
      pickedModel: null,
      async loadModels() {
        const answer = await ask(() => bridge.listModels());
        if (!answer.ok) {
          put({ refusal: answer.refusal });
          return;
        }
        const models = answer.value;
        const kept = models.some((model) => model.id === get().pickedModel);
        set({ models, pickedModel: kept ? get().pickedModel : (models[0]?.id ?? null) });
      },
      pickModel: (pickedModel) => set({ pickedModel }),
      async openModel(id) {
        if (get().busy !== null || get().session !== null) return;
        set({ busy: 'open' });
        const answer = await ask(() => bridge.openModel(id));
        put({ refusal: answer.ok ? null : answer.refusal }, { busy: null });
        if (answer.ok)
          opened(
            answer.value,
            get().models?.find((model) => model.id === id),
          );
      },
      async step(count) {
        if (isRunning(get())) return;
        if (waiting.length < MOST_WAITING) waiting.push(count);
        // The step under way takes this one along.
        if (get().busy === 'step') return;
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          if (!(await stepOnce(next))) waiting.length = 0;
        }
      },
      async runToEnd() {
        const enabled = enabledOf(get()).filter(({ on }) => on === 'execute');
        if (enabled.length === 0) return runOn(null);
        const here = (): string | null => {
          const there = get().stops.at(-1)?.capture;
          const isHit = (one: DrivenBreakpoint): boolean =>
            there?.facts.general?.rip === BigInt(one.address) && countsAt(one, there);
          return enabled.find(isHit)?.address ?? null;
        };
        const { id, made } = { id: get().session?.id ?? '', made: get().position?.at ?? 0 };
        await runOn(() => here() !== null);
        const hit = here();
        if (hit === null || get().session?.id !== id || hasHalted(get())) return;
        const at = selectBreakpoints(get()).findIndex(({ address }) => address === hit);
        get().countHit(hit);
        const steps = (get().position?.at ?? 0) - made;
        put({ outcome: { kind: 'driven', what: hit, brief: `at breakpoint ${at + 1}`, isHit: true, made: steps } });
      },
      runModelTo: (address) => {
        const wanted = BigInt(address);
        return runOn(() => get().stops.at(-1)?.capture.facts.general?.rip === wanted);
      },
      async takeRunBack() {
        const { session, lastRun, busy } = get();
        if (session === null || lastRun === null || busy !== null || isRunning(get())) return;
        set({ busy: 'step' });
        const answer = await ask(() => bridge.rewind(session.id, lastRun.at));
        put({ refusal: answer.ok ? null : answer.refusal }, { busy: null });
        if (!answer.ok || get().session?.id !== session.id) return;
        const { at, total, disassembly, writes } = answer.value;
        put((state) => withoutStops(state, lastRun.stops));
        // Numbers of stops come again, and what is next at them need not be the same.
        set({ code: null });
        put((one) => ({ position: { at, total, disassembly }, lastRun: null, writes, ...withRun(one, STANDS_STILL) }));
      },
      pauseModel() {
        waiting.length = 0;
        put((one) => (isRunning(one) ? withRun(one, STANDS_STILL) : {}));
      },
    };
  };
