import { describe, expect, test } from 'vitest';
import type { Capture } from '../capture/capture.ts';
import { sampleCapture } from '../fixtures/samples.ts';
import type { GeneralName } from '../register/registers.ts';
import { createWriteHistory } from './write-history.ts';

const at = (xcr0: number): Capture => {
  const capture = sampleCapture();
  return { ...capture, facts: { ...capture.facts, xcr0: BigInt(xcr0) } };
};
const all = { kind: 'all' } as const;
const history = (...writes: readonly (readonly GeneralName[])[]) => {
  const made = createWriteHistory();
  writes.forEach((general, index) => {
    made.add({ scope: all, general, memory: [], over: at(index), after: at(index + 1) });
  });
  return made;
};

describe('[C44] general registers that hold what was written', () => {
  test('are those of the writes that stand', () => {
    const made = history(['rax'], [], ['rbx', 'rax']);
    expect(made.general()).toEqual(['rax', 'rbx']);
    made.walked('undo');
    expect(made.general()).toEqual(['rax']);
    made.walked('undo');
    made.walked('undo');
    expect(made.general()).toEqual([]);
    made.walked('redo');
    expect(made.general()).toEqual(['rax']);
  });

  test('none after everything went back, and again those before once that is undone', () => {
    const made = history(['rax'], ['rax', 'rbx']);
    made.allWentBack();
    expect(made.general()).toEqual([]);
    made.add({ scope: all, general: ['rcx'], memory: [], over: at(2), after: at(3) });
    expect(made.general()).toEqual(['rcx']);
    made.walked('undo');
    made.walked('undo');
    expect(made.general()).toEqual(['rax']);
  });

  test('before any write nothing can have gone back', () => {
    const made = history();
    made.allWentBack();
    expect(made.general()).toEqual([]);
  });
});

test('[C42] more writes than can be walked back: the oldest go, what they wrote still counts', () => {
  const made = createWriteHistory();
  const [over, after] = [at(1), at(2)];
  for (let index = 0; index < 10_001; index += 1) {
    made.add({ scope: all, general: index === 0 ? ['r9'] : [], memory: [], over, after });
  }
  let steps = 0;
  while (made.toUndo() !== null) {
    made.walked('undo');
    steps += 1;
  }
  expect(steps).toBe(10_000);
  expect(made.general()).toEqual(['r9']);
});
