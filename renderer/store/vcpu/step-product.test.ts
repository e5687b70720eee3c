import { beforeEach, describe, expect, test } from 'vitest';
import { writeU32 } from '../../../app/bits/bytes.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { modelRunControl } from '../../../app/debug/model-run-control.ts';
import { tracedLoop } from '../../../app/fixtures/traced-loop.ts';
import { action } from '../../actions/registry.ts';
import { createFakeBridge } from '../../testing/fake-bridge.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { selectTracedProducts, selectTraceRows, selectWrongStops, stepDiffers } from './trace-slice.ts';

/** Each round a product, a NOP and a jump; the second product leaves one element wrong. */
const LOOP = tracedLoop('TDPBSSD', 9, (tiles, round) => {
  if (round === 1) writeU32(tiles, 64 + 4, 0x5eed);
});

let store: DebuggerStore;
const state = () => store.getState();
const rows = () => selectTraceRows(state()).map(({ at }) => at);

beforeEach(async () => {
  const first = LOOP[0]?.capture as Capture;
  const bridge = createFakeBridge(first);
  let at = 0;
  const step = (): boolean => {
    at += 1;
    bridge.target.state = LOOP[at]?.capture ?? first;
    return true;
  };
  const capture = (): Capture => {
    const { image, facts } = bridge.target.state;
    return { image, facts: { ...facts, frozen: true, inKvmRun: true } };
  };
  const runControl = modelRunControl({ step, capture, code: () => LOOP[at]?.code ?? null });
  Object.assign(bridge.target, { runControl });
  store = createDebuggerStore(bridge);
  await state().refreshTargets();
  state().pickTarget(4242);
  await state().attach(true);
});

describe('[TP6] a product that a single step made is checked as one of a trace is', () => {
  test('those that differ are listed and found by F7; the others hold', async () => {
    for (let made = 0; made < 7; made += 1) await state().driveSteps(1);
    expect(rows()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(selectTracedProducts(state())?.checked).toBe(3);
    expect(selectWrongStops(state())).toEqual([4]);
    expect([1, 4, 7].map((at) => stepDiffers(state().stops, at)?.comparison.differences.length ?? 0)).toEqual([
      0, 1, 0,
    ]);
    action('next-difference').run(store);
    expect(state().at).toBe(4);
  });

  test('several at once are no single step, and nothing is claimed of them: not of the first, nor by where they end', async () => {
    await state().driveSteps(1);
    // Round and round to where the product has been executed again.
    await state().driveSteps(3);
    await state().driveSteps(3);
    expect(rows()).toEqual([1]);
    await state().driveSteps(1);
    expect(rows()).toEqual([1, 4]);
    expect(selectTracedProducts(state())?.checked).toBe(1);
  });

  test('the end of a trace is no single step either, where several instructions follow it', async () => {
    state().addStop({ capture: LOOP[0]?.capture as Capture, cause: 'step', write: null, code: LOOP[0]?.code ?? null });
    await state().driveSteps(4);
    expect(rows()).toEqual([]);
  });
});

test('[TP6] of a model likewise', async () => {
  const models = createDebuggerStore(createFakeBridge());
  const now = () => models.getState();
  await now().start();
  await now().loadModels();
  await now().openModel('int8-product');
  while (
    now()
      .position?.disassembly.find(({ current }) => current)
      ?.text.startsWith('tdp') !== true
  )
    await now().step(1);
  await now().step(1);
  await now().step(3);
  expect(selectTracedProducts(now())).toMatchObject({ checked: 1, byStop: new Map() });
  expect(selectTraceRows(now()).at(-1)?.at).toBe(now().stops.length - 2);
});
