import { expect, test } from 'vitest';
import { sampleCapture } from '../../../app/fixtures/samples.ts';
import { createDebuggerStore } from '../../store/debugger-store.ts';
import { provenanceOf } from '../../store/select/provenance.ts';
import { vectorFile } from '../../store/select/vector.ts';
import { createFakeBridge } from '../../testing/fake-bridge.ts';
import { blockName, blockSums, filledVector, pastedVector, vectorBlock, vectorText } from './vector-block.ts';

const file = vectorFile(sampleCapture().image);
const rows = [0, 1, 2, 3, 4];
/** Lane 0 right. */
const order = Array.from({ length: 16 }, (_, at) => 15 - at);

test('[U11] a block of elements is named, summed, copied as it is seen, pasted back and filled as one step', async () => {
  const { getState } = createDebuggerStore(createFakeBridge());
  await getState().start();
  await getState().attach(true);
  const typed = pastedVector(file, 'f32', { rows, order }, { index: 1, element: 5 }, '1.5\t-2\r\n\t4\n');
  if (typeof typed === 'string') throw new Error(typed);
  // An empty cell leaves what is there.
  expect(typed.map(({ path, value }) => `${path}=${value}`)).toEqual([
    'zmm1:f32[5]=1.5',
    'zmm1:f32[4]=-2',
    'zmm2:f32[4]=4',
  ]);
  expect(getState().stageAll(typed)).toBeNull();
  const block = vectorBlock(rows, order, { index: 2, element: 4 }, { index: 1, element: 5 });
  if (block === null) throw new Error('both corners are shown');
  expect(blockName(file, block)).toBe('zmm1–zmm2, elements 4–5');
  const now = (): NonNullable<ReturnType<typeof provenanceOf>> => {
    const { stops, at, staged } = getState();
    const provenance = provenanceOf(stops, at, staged);
    if (provenance === null) throw new Error('a stop is shown');
    return provenance;
  };
  const [first, second] = vectorText(now(), file, 'f32', block).split('\n');
  expect(first).toBe('1.5\t-2');
  expect(second).toMatch(/\t4$/);
  expect(blockSums(now(), file, 'f32', block)).toMatchObject({ staged: 3, least: -2 });
  expect(getState().stageAll(filledVector(file, 'f32', block, '7'))).toBeNull();
  expect(blockSums(now(), file, 'f32', block)).toMatchObject({ sum: 28, least: 7, greatest: 7 });
  getState().undo();
  expect(vectorText(now(), file, 'f32', block).split('\n')[0]).toBe('1.5\t-2');
});

test('[U11] what does not fit, or is no value, is said with its place, and nothing is staged', () => {
  const paste = (text: string, element = 1) => pastedVector(file, 'i32', { rows, order }, { index: 4, element }, text);
  expect(paste('1\t2\t3')).toMatch(/do not fit from zmm4, element 1/);
  expect(paste('1\n2')).toMatch(/do not fit/);
  expect(paste('1\t2.5')).toMatch(/^row 1, column 2 of the block: /);
  expect(paste('  ')).toBe('the clipboard holds no text');
});
