import { beforeEach, expect, test } from 'vitest';
import { createFakeBridge, type FakeBridge } from '../../testing/fake-bridge.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { withoutStops } from '../vcpu/model-steps.ts';
import { isMemoryWatch, memoryAtStop, otherMemoryTypes, parseMemoryWatch, printMemoryWatch } from './watched-memory.ts';

const printed = (text: string): string | null => {
  const watch = parseMemoryWatch(text);
  return watch === null ? null : printMemoryWatch(watch);
};

test.each([
  ['[0x401010]:u32', '[0x401010]:u32'],
  [' [ RSI + 0x40 ]:I8 ', '[rsi+0x40]:i8'],
  ['[rsp-8]:f64', '[rsp-0x8]:f64'],
  ['[4206592]:u8', '[0x403000]:u8'],
  ['[0x00403000]:u8', '[0x403000]:u8'],
  ['[rsi+0]:u8', '[rsi]:u8'],
  ['[rsp]', '[rsp]:u64'],
  ['physical[0x1000]:bf16', 'physical[0x1000]:bf16'],
])('[U28] "%s" is watched as %s', (text, path) => {
  expect(printed(text)).toBe(path);
  expect(printed(path)).toBe(path);
});

test.each([
  ...['zmm3:f32[1]', '', '[]', '[rsi', 'rsi]', '[rsi]:u128', '[rsi]:', '[zmm3]:i8', '[-1]:u8'],
  ...['physical[rsi]:u8', '[0x1_0000_0000_0000_0000]:u8', '[gemm_s8]:u8', '[[rsi]]:u8', '[0x40 3000]:u8'],
])('[U28] "%s" is no place of memory', (text) => {
  expect(isMemoryWatch(text)).toBe(false);
});

test('[U28] the next type reads the same place, and all of them lead round', () => {
  const watch = parseMemoryWatch('[rsi]:i8');
  if (watch === null) throw new Error('it is one');
  const next = otherMemoryTypes(watch, 1);
  expect(next.slice(0, 2)).toEqual(['[rsi]:i16', '[rsi]:i32']);
  expect(next).not.toContain('[rsi]:i8');
  expect(otherMemoryTypes(watch, -1)).toEqual([...next].reverse());
});

let bridge: FakeBridge;
let store: DebuggerStore;
const now = () => store.getState();
const held = (path: string) => memoryAtStop(now(), path);
beforeEach(async () => {
  bridge = createFakeBridge();
  store = createDebuggerStore(bridge);
  await now().openModel('int8-product');
});

test('[U28] what is watched of memory is kept with the stop at which it was read', async () => {
  expect(now().watch('[0x402000]:u8')).toBeNull();
  expect(now().watch('[rsi]:u8')).toBeNull();
  expect(now().watch('[4202496]:u8')).toContain('watched already');
  await now().readWatched();
  const first = held('[0x402000]:u8');
  expect(first).toMatchObject({ path: '[0x402000]:u8', why: null });
  expect(first?.text).toMatch(/^\d+$/);
  now().stage('[0x402000]:u8', '201');
  await now().apply();
  await now().readWatched();
  expect(held('[0x402000]:u8')?.text).toBe('201');
  now().goToStop(now().at - 1);
  expect(held('[0x402000]:u8')?.text).toBe(first?.text);
});

/** The next readings of memory wait until they are let go. */
const holdReadings = (): (() => void) => {
  const { readMemory } = bridge;
  let letGo = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  bridge.readMemory = async (...given) => {
    await held;
    return readMemory(...given);
  };
  return letGo;
};

test('[U28] an answer that comes when the vCPU has gone on is no stop’s', async () => {
  now().watch('[0x402000]:u8');
  const letGo = holdReadings();
  const reading = now().readWatched();
  await now().step(1);
  letGo();
  await reading;
  expect(now().memoryAt.size).toBe(0);
});

test('[U28] nothing is read while another act is under way', async () => {
  now().watch('[0x402000]:u8');
  store.set({ busy: 'resume' });
  await now().readWatched();
  expect(bridge.calls).not.toContain('readMemory');
  store.set({ busy: null });
  await now().readWatched();
  expect(held('[0x402000]:u8')?.text).not.toBeNull();
});

test('[U28] a refusal that passes is asked about again', async () => {
  now().watch('[0x402000]:u8');
  bridge.refuseNext('readMemory', { code: 'helper-gone', what: 'the helper has ended' });
  await now().readWatched();
  expect(held('[0x402000]:u8')).toMatchObject({ text: null, why: 'the helper has ended' });
  await now().readWatched();
  expect(held('[0x402000]:u8')?.text).toMatch(/^\d+$/);
});

test('[U28] a run that is taken back takes what was read at its stops along, for their numbers come again', async () => {
  now().watch('[0x402000]:u8');
  await now().step(3);
  await now().readWatched();
  expect(now().memoryAt.size).toBe(1);
  store.put((state) => withoutStops(state, 1));
  expect(now().memoryAt.size).toBe(0);
});

test('[U28] a place that cannot be read says why, and a file has none', async () => {
  now().watch('[0xdead0000]:u64');
  await now().readWatched();
  expect(held('[0xdead0000]:u64')).toMatchObject({ text: null });
  expect(held('[0xdead0000]:u64')?.why).toBeTruthy();
  await now().detach('keep');
  await now().openFile('capture.json', '');
  await now().readWatched();
  expect(held('[0xdead0000]:u64')).toBeNull();
});
