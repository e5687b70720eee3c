import { beforeEach, describe, expect, test } from 'vitest';
import type { CallsView } from '../../../app/bridge.ts';
import { createFakeBridge, type FakeBridge } from '../../testing/fake-bridge.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { cellsOf } from '../select/memory-cells.ts';
import {
  markOf,
  memoryAssignment,
  selectIsOurs,
  selectShownForm,
  selectStagedMemory,
  selectWrittenMemory,
  shownRows,
} from '../select/memory-edits.ts';
import { selectWatchable } from '../view/watch-slice.ts';
import { current, selectMemoryBefore, selectMemoryPath, selectMemoryShown } from './guest-slice.ts';
import { selectLeaving } from './leaving.ts';

let bridge: FakeBridge;
let store: DebuggerStore;
const now = () => store.getState();
beforeEach(async () => {
  bridge = createFakeBridge();
  store = createDebuggerStore(bridge);
  await now().openModel('int8-product');
  now().setMemoryForm({ address: '0x402000', look: 'values', type: 'u8' });
  await now().readMemory();
});

const rows = () => {
  const view = selectMemoryShown(now());
  if (view === null) throw new Error('memory is shown');
  return shownRows(
    view,
    selectMemoryBefore(now()),
    selectStagedMemory(now()),
    selectWrittenMemory(now()),
    selectIsOurs(now()),
  );
};
const first = () => {
  const [row] = rows();
  if (row === undefined) throw new Error('there is a row');
  return { value: cellsOf(row.bytes, 'u8')[0]?.text, mark: markOf(row, 0, 1) };
};
const stage = (text: string): void => {
  const made = memoryAssignment(now().memoryForm, 0x40_2000n, text);
  if (!made.ok) throw new Error('it is a value');
  expect(now().stage(made.value.path, made.value.value)).toBeNull();
};

describe('[DA6] guest memory is edited where it is shown, as registers are', () => {
  test('a box that was ticked since it was read is about the next reading: no edit goes by it', () => {
    now().setMemoryForm({ isPhysical: true });
    expect(selectShownForm(now()).isPhysical).toBe(false);
    now().setMemoryPlace({ row: 0, column: 1 }, null);
    expect(selectMemoryPath(now())).toBe('[0x402001]:u8');
    expect(selectWatchable(now())).toBe('[0x402001]:u8');
  });

  test('staged, taken back, staged again, written, undone and redone, in one order with a register', async () => {
    const found = first().value;
    stage('201');
    expect(first()).toEqual({ value: '201', mark: 'staged' });
    now().undo();
    expect(first()).toEqual({ value: found, mark: 'none' });
    now().redo();
    now().stage('rbx', '7');
    expect(now().staged.map(({ path }) => path)).toEqual(['[0x402000]:u8', 'rbx']);
    await now().apply();
    expect(now().staged).toEqual([]);
    await now().readMemory();
    expect(first()).toEqual({ value: '201', mark: 'written' });
    expect(now().stops.at(-1)?.capture.facts.general?.rbx).toBe(7n);
    expect(selectLeaving(now())[0]?.changes).toContainEqual({
      ...{ path: 'guest memory', before: '1 byte written', after: 'as it stood before' },
    });
    now().undo();
    await expect.poll(() => now().writes.undoable).toBe(0);
    await now().readMemory();
    expect(first()).toEqual({ value: found, mark: 'written' });
    now().redo();
    await expect.poll(() => now().writes.redoable).toBe(0);
    await now().readMemory();
    expect(first().value).toBe('201');
  });

  test.each([
    ['hex', 'u8', 'ff', '[0x402000]:u8', '0xff'],
    ['hex', 'u8', '7', '[0x402000]:u8', '0x7'],
    ['values', 'i8', '−3', '[0x402000]:i8', '-3'],
    ['matrix', 'f32', '1.5', '[0x402000]:f32', '1.5'],
    ['matrix', 'bf8', '1.5', '[0x402000]:u8', '0x3e'],
    ['matrix', 'cf16', '1-2i', '[0x402000]:u32', '0xc0003c00'],
  ] as const)('as %s of %s, %s is %s = %s', (look, type, text, path, value) => {
    expect(memoryAssignment({ look, type, isPhysical: false }, 0x40_2000n, text)).toMatchObject({
      ok: true,
      value: { path, value },
    });
  });

  test('a refused write leaves what is staged', async () => {
    now().stage('[0x100000]:u8', '1');
    await now().apply();
    expect(now().refusal?.code).toBe('memory-unknown');
    expect(now().staged).toHaveLength(1);
  });

  test('what others have written over since is told, and undone all the same', async () => {
    stage('201');
    await now().apply();
    const { undo } = bridge;
    bridge.undo = async (id) => {
      const answer = await undo(id);
      return answer.ok ? { ok: true, value: { ...answer.value, leftAlone: '1 bytes were written by others' } } : answer;
    };
    now().undo();
    await expect.poll(() => now().refusal?.what).toBe('1 bytes were written by others');
    expect(now().writes.undoable).toBe(0);
  });

  test('memory from a place on beside a tile has the shape of the tile', async () => {
    now().compareMemory('0x402040', 3);
    expect(now().memoryForm).toMatchObject({ address: '0x402040', look: 'matrix', tile: 3, rows: 16, rowBytes: 64 });
    expect(now().tab).toBe('memory');
  });

  test('and it is read so', async () => {
    await now().step(20);
    now().compareMemory('0x403000', 5);
    expect(now().memoryForm).toMatchObject({ tile: 5, rows: 5, rowBytes: 64, look: 'matrix' });
    await expect.poll(() => selectMemoryShown(now())?.rows.length).toBe(5);
    expect(now().memoryRefusal).toBeNull();
  });
});

describe('[DA8] who called whom', () => {
  const VIEW: CallsView = {
    ...{
      who: '64-bit code, CPL 0 (kernel)',
      task: 'matmul, pid 4243',
      taskBy: null,
      taskWhy: null,
      entry: null,
      end: 'it ends',
      by: 'ORC',
      translations: 7,
    },
    frames: [{ address: '0x401000', symbol: null, framePointer: '0x40f000' }],
  };
  beforeEach(async () => {
    bridge = createFakeBridge();
    store = createDebuggerStore(bridge);
    await now().refreshTargets();
    now().pickTarget(4242);
    await now().attach(true);
    const { readCalls } = bridge;
    bridge.readCalls = async (id) => {
      const answer = await readCalls(id);
      return answer.ok || answer.refusal.what === 'memory is not known' ? answer : { ok: true, value: VIEW };
    };
  });

  test('is read at a stop, and not shown at another', async () => {
    await now().readCalls();
    expect(current(now(), now().calls)).toBe(VIEW);
    await now().driveSteps(1);
    expect(current(now(), now().calls)).toBeNull();
  });

  test('a frame leads to memory, a call to its code', async () => {
    now().showMemory('0x40f000');
    expect(now()).toMatchObject({ tab: 'memory', memoryForm: { address: '0x40f000', look: 'hex' } });
    now().showCode('0x401010');
    expect(current(now(), now().codeFrom)).toBe('0x401010');
    now().showCode(null);
    expect(now().codeFrom).toBeNull();
  });

  test('symbols lie where it is said, once that is taken, and a new file says it anew', async () => {
    await now().placeSymbols('0x1000');
    expect(now().symbols).toBeNull();
    await now().takeSymbols('program', 'AA==');
    await now().placeSymbols('0x400000');
    bridge.refuseNext('placeSymbols', { code: 'usage', what: 'no address' });
    await now().placeSymbols('rsp');
    expect(now()).toMatchObject({ symbols: { count: 3 }, refusal: { what: 'no address' } });
    const first = now().symbols?.file;
    await now().takeSymbols('program', 'AA==');
    expect(now().symbols?.file).not.toBe(first);
  });

  test('a refusal is told in its place', async () => {
    bridge.refuseNext('readCalls', { code: 'memory-unknown', what: 'memory is not known' });
    await now().readCalls();
    expect(current(now(), now().callsRefusal)?.what).toBe('memory is not known');
  });
});
