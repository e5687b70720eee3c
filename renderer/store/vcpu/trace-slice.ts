import { toHexInOrder } from '../../../app/bits/bytes.ts';
import type { Bridge, KnownBytes, NamedCode } from '../../../app/bridge.ts';
import { checkStepProduct, checkTracedProducts, type DifferingProduct } from '../../../app/debug/traced-products.ts';
import { stepChanges } from '../../../app/diff/step-change.ts';
import { executionOf } from '../../../app/session/execution.ts';
import { ask } from '../base/ask.ts';
import { memoizeByIdentity, memoizePair } from '../base/memoize.ts';
import { isTracing } from '../select/run.ts';
import type { Slice, State } from '../state/state.ts';
import type { Stop } from '../state/timeline.ts';
import type { TraceRow, TraceSlice } from '../state/trace.ts';

/** The stops of a trace, and of single steps, as a list of instructions: what was executed, and what it changed. */

const MOST_NAMED_AT_ONCE = 4096;
const NO_NAMES = { of: '', byKey: new Map<string, NamedCode>() };

const addressAt = ({ kept }: Stop): bigint | null => executionOf(kept.facts)?.next ?? kept.facts.general?.rip ?? null;

/** Stops that are one instruction behind the one before, where its bytes are known. */
const rowsOf = memoizeByIdentity((stops: readonly Stop[]): readonly TraceRow[] =>
  stops.flatMap((stop, at) => {
    const before = stops[at - 1];
    if (before === undefined || stop.cause !== 'step' || before.code === null) return [];
    const address = addressAt(before);
    if (address === null) return [];
    return [{ at, address, code: before.code, key: `${address.toString(16)} ${toHexInOrder(before.code)}` }];
  }),
);

export const selectTraceRows = ({ stops }: State): readonly TraceRow[] => rowsOf(stops);

/** How it is written; null: not asked yet. */
export const nameOf = (state: Pick<State, 'named'>, { key }: TraceRow): NamedCode | null =>
  state.named.byKey.get(key) ?? null;

/** A tile product, by its mnemonic. */
export const isProductCode = (text: string): boolean => /^(td|tc|tt)/.test(text);

const isTileCode = (text: string): boolean => /^(tile|td|tc|tt|ldtilecfg|sttilecfg)/.test(text);

/** Another step leaves those before it as they are: each is checked once. */
const stepProduct = memoizePair((before: Stop, stop: Stop) => checkStepProduct(before, stop));

/** The product that the step to this stop made, where the reference gives another; null: none. */
export const stepDiffers = (stops: readonly Stop[], at: number): DifferingProduct | null => {
  const [before, stop] = [stops[at - 1], stops[at]];
  const result = before === undefined || stop === undefined ? null : stepProduct(before, stop);
  return result === null || result === 'holds' || 'why' in result ? null : result;
};

/** Every tile product of the trace beside the reference; the places of the stops that one which differs has left. */
const productsOf = memoizeByIdentity((stops: readonly Stop[]) => {
  const { checked, differing } = checkTracedProducts(stops, stepProduct);
  const byStop = new Map<number, DifferingProduct>(differing.map((one) => [one.stop, one]));
  return { checked, byStop };
});

/** null while a trace is being made: it is looked at once, at its end. */
export const selectTracedProducts = (state: State): ReturnType<typeof productsOf> | null =>
  isTracing(state) || selectTraceRows(state).length === 0 ? null : productsOf(state.stops);

/** What the instruction before this row's changed; none of the first. */
export const changesOf = (stops: readonly Stop[], { at }: TraceRow) => {
  const [before, after] = [stops[at - 1], stops[at]];
  return before === undefined || after === undefined ? [] : stepChanges(before.capture, after.capture, after.changed);
};

const NONE: readonly number[] = [];
const wrongStopsOf = memoizeByIdentity((stops: readonly Stop[]): readonly number[] => {
  const { byStop } = productsOf(stops);
  return stops.flatMap(({ number }, at) => (byStop.has(number) && at + 1 < stops.length ? [at + 1] : []));
});

/** Places of the stops behind products that differ, ascending. */
export const selectWrongStops = (state: State): readonly number[] =>
  selectTracedProducts(state) === null ? NONE : wrongStopsOf(state.stops);

/** Those that what is typed and chosen leaves. */
export const selectShownRows = (state: State): readonly TraceRow[] =>
  shownRows(state.stops, `${state.traceShow} ${state.named.byKey.size} ${isTracing(state)} ${state.traceText}`, state);

const shownRows = (() => {
  let last: { readonly stops: readonly Stop[]; readonly key: string; readonly rows: readonly TraceRow[] } | null = null;
  return (stops: readonly Stop[], key: string, state: State): readonly TraceRow[] => {
    if (last?.stops === stops && last.key === key) return last.rows;
    const wanted = state.traceText.trim().toLowerCase();
    const differing = state.traceShow === 'differs' ? (selectTracedProducts(state)?.byStop ?? new Map()) : null;
    const rows = selectTraceRows(state).filter((row) => {
      const name = nameOf(state, row);
      if (differing !== null && !differing.has(stops[row.at - 1]?.number ?? 0)) return false;
      if (state.traceShow === 'tile' && !isTileCode(name?.text ?? '')) return false;
      return (
        wanted === '' ||
        `${name?.symbol ?? ''} ${row.address.toString(16)} ${name?.text ?? ''}`.toLowerCase().includes(wanted)
      );
    });
    last = { stops, key, rows };
    return rows;
  };
})();

export const createTraceSlice =
  (bridge: Bridge): Slice<TraceSlice> =>
  ({ getState: get, set }) => ({
    traceText: '',
    traceShow: 'all',
    traceBrush: null,
    named: NO_NAMES,
    setTraceBrush: (traceBrush) => set({ traceBrush }),
    setTraceFilter: (traceText, traceShow) => set({ traceText, traceShow }),
    async nameTraced() {
      const { session, syntax, stops } = get();
      if (session === null) return;
      const of = `${session.id} ${syntax}`;
      const known = get().named.of === of ? get().named.byKey : NO_NAMES.byKey;
      const missing = new Map<string, KnownBytes>();
      for (const { key, address, code, at } of selectTraceRows(get())) {
        if (known.has(key) || missing.has(key)) continue;
        const before = stops[at - 1];
        const bits = before === undefined ? 64 : (executionOf(before.kept.facts)?.codeBits ?? 64);
        missing.set(key, { address: `0x${address.toString(16)}`, code: toHexInOrder(code), bits });
        if (missing.size === MOST_NAMED_AT_ONCE) break;
      }
      if (missing.size === 0) return;
      const answer = await ask(() => bridge.nameCode(session.id, [...missing.values()], syntax));
      if (!answer.ok || get().session?.id !== session.id || get().syntax !== syntax) return;
      const now = get().named.of === of ? get().named.byKey : NO_NAMES.byKey;
      const more = [...missing.keys()].flatMap((key, index) => {
        const name = answer.value[index];
        return name === undefined ? [] : [[key, name] as const];
      });
      set({ named: { of, byKey: new Map([...now, ...more]) } });
    },
  });
