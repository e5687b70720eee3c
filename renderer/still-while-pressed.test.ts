import { beforeEach, describe, expect, test } from 'vitest';
import type { Answer, Bridge, SessionEvent } from '../app/bridge.ts';
import { stillWhilePressed } from './still-while-pressed.ts';

interface Pointer {
  readonly x?: number;
  readonly buttons?: number;
  readonly inList?: boolean;
}

let page: EventTarget;
const pointer = (name: string, { x = 0, buttons = 1, inList = false }: Pointer = {}): void => {
  const target = { closest: () => (inList ? {} : null) };
  const event = Object.defineProperty(new Event(name), 'target', { value: target });
  page.dispatchEvent(Object.assign(event, { clientX: x, clientY: 0, buttons }));
};
/** As many tasks as anything here takes. */
const turn = async (): Promise<void> => {
  for (let task = 0; task < 5; task += 1) await new Promise((resolve) => setTimeout(resolve));
};

let told: string[];
let tell: (event: SessionEvent) => void;
let bridge: Bridge;
beforeEach(() => {
  page = new EventTarget();
  told = [];
  const plain = {
    hostFacts: async () => ({ ok: true, value: 'facts' }),
    listModels: () => Promise.reject(new Error('gone')),
    onEvent: (listener: (event: SessionEvent) => void) => {
      tell = listener;
      return () => undefined;
    },
  };
  bridge = stillWhilePressed(plain as unknown as Bridge, page);
  bridge.onEvent(({ kind }) => void told.push(kind));
});

/** Asks, and hears an event behind that. */
const asked = async (): Promise<void> => {
  void bridge.hostFacts().then((answer: Answer<unknown>) => told.push(answer.ok ? 'answer' : 'refusal'));
  void bridge.listModels().catch((error: Error) => told.push(error.message));
  await turn();
  tell({ kind: 'taken' } as SessionEvent);
  await turn();
};
const ALL = ['answer', 'gone', 'taken'];

describe('[U30] what comes while a pointer is pressed', () => {
  test('nothing is pressed: it comes at once', async () => {
    await asked();
    expect(told).toEqual(ALL);
  });

  test.each([
    ['released', () => pointer('pointerup', { buttons: 0 })],
    ['moved away, which drags', () => pointer('pointermove', { x: 5 })],
    ['released where the page does not hear it', () => pointer('pointermove', { buttons: 0 })],
    ['called off', () => pointer('pointercancel')],
    ['left for a key', () => pointer('keydown')],
    ['of a window that has the focus no more', () => pointer('blur')],
  ])('waits until it is %s, and comes in its order behind the click', async (_what, end) => {
    pointer('pointerdown');
    pointer('pointermove', { x: 4 });
    await asked();
    expect(told).toEqual([]);
    end();
    told.push('click');
    await turn();
    expect(told).toEqual(['click', ...ALL]);
  });

  test('waits for the second press of two', async () => {
    pointer('pointerdown');
    await asked();
    pointer('pointerup');
    pointer('pointerdown');
    await turn();
    expect(told).toEqual([]);
    pointer('pointerup');
    await turn();
    expect(told).toEqual(ALL);
  });

  test('a list of the browser’s own, which keeps the release, holds nothing back', async () => {
    pointer('pointerdown', { inList: true });
    await asked();
    expect(told).toEqual(ALL);
  });
});
