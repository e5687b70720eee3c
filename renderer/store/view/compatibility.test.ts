import { expect, test } from 'vitest';
import type { Capture } from '../../../app/capture/capture.ts';
import { sampleAmxCapture, sampleCapture } from '../../../app/fixtures/samples.ts';
import { createFakeBridge } from '../../testing/fake-bridge.ts';
import { createDebuggerStore } from '../debugger-store.ts';
import { selectBadge, selectLayoutTable, selectTruncation, selectVerdict } from './compatibility.ts';

const opened = async (capture: Capture) => {
  const bridge = createFakeBridge();
  bridge.held = capture;
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().openFile('a.json', 'e30=');
  return store;
};

/** As a file has it: of no process. */
const asFile = (capture: Capture): Capture => ({
  ...capture,
  facts: { ...capture.facts, target: { ...capture.facts.target, kind: 'file' } },
});

test('a file is judged by this machine, and by the CPU that is chosen', async () => {
  const store = await opened(asFile(sampleAmxCapture()));
  expect(selectBadge(store.getState())).toMatchObject({ look: 'warn', text: 'fits this host, loses 3 components' });
  store.getState().setDestination('sapphire-rapids');
  expect(selectBadge(store.getState())).toMatchObject({ look: 'good', text: 'fits' });
  expect(selectLayoutTable(store.getState()).columns.map(({ id }) => id)).toEqual(['guest', 'host', 'file', 'there']);
});

test('a file that fits says so, and the verdict is derived once', async () => {
  const store = await opened(asFile(sampleCapture()));
  expect(selectBadge(store.getState())).toMatchObject({ look: 'good', text: 'fits this host' });
  expect(selectVerdict(store.getState())).toBe(selectVerdict(store.getState()));
  expect(selectBadge(store.getState())).toBe(selectBadge(store.getState()));
  expect(selectTruncation(store.getState())).toBeNull();
});

test('what the file itself has lost comes first', async () => {
  const whole = sampleAmxCapture();
  const cut = { ...whole, image: { ...whole.image, bytes: whole.image.bytes.subarray(0, 4096) } };
  const store = await opened(asFile(cut));
  expect(selectBadge(store.getState())).toMatchObject({ look: 'bad', text: 'truncated' });
  expect(selectTruncation(store.getState())).toBe('This image is truncated at 4096 bytes: TILEDATA is lost.');
});

test('another thread of a file, another layout, and another file in its place', async () => {
  const bridge = createFakeBridge();
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().openFile('core.7', 'e30=');
  expect(store.getState().session?.file?.states).toHaveLength(2);
  await store.getState().switchVcpu(1);
  expect(store.getState().session).toMatchObject({ vcpu: 1, kind: 'file' });
  await store.getState().chooseState(1, 'zen4');
  expect(store.getState().session?.file?.preset).toBe('zen4');
  await store.getState().openFile('core.8', 'e30=');
  expect(store.getState().session?.file?.preset).toBeNull();
});
