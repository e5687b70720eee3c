import { expect, test } from 'vitest';
import { createDebuggerStore } from '../store/debugger-store.ts';
import { selectPlotted } from '../store/view/watch-slice.ts';
import { createFakeBridge } from '../testing/fake-bridge.ts';
import { contextItems } from './context-items.ts';

const PLACES = ['value', 'stop', 'component', 'target', 'model', 'program', 'elsewhere'] as const;

test('[U15] every place has acts, with the keys that do the same; a value has its own', async () => {
  const store = createDebuggerStore(createFakeBridge());
  await store.getState().start();
  for (const place of PLACES) expect(contextItems(store, place, null).length, place).toBeGreaterThan(0);
  await store.getState().attach(true);
  store.getState().showVector(3, 'f32', 5);
  store.getState().stage('zmm3:f32[5]', '2.75');
  let edited = 0;
  const items = contextItems(store, 'value', () => {
    edited += 1;
  });
  const named = (id: string) => items.find((item) => item.id === id);
  expect(items.map(({ id }) => id)).toEqual([
    ...[
      'edit',
      'base-hex',
      'copy-value',
      'copy-path',
      'watch-selected',
      'plot-value',
      'find-value',
      'last-change',
      'unstage',
      'compare',
    ],
  ]);
  expect(named('copy-path')?.label).toBe('Copy zmm3:f32[5]');
  expect(named('watch-selected')?.keys).toBe('Shift+F9');
  expect(named('last-change')?.refused).toMatch(/not changed/);
  named('edit')?.run();
  expect(edited).toBe(1);
  named('find-value')?.run();
  expect(store.getState()).toMatchObject({ findAs: 'f32', workbenchRequest: { kind: 'show', pane: 'find' } });
  named('base-hex')?.run();
  expect(store.getState().bases.get('zmm3:f32[5]')).toBe('hex');
  // Of a path that is written there it is about that one, whatever is selected.
  const watched = contextItems(store, 'value', null, 'rax');
  expect(watched.find(({ id }) => id === 'copy-path')?.label).toBe('Copy rax');
  expect(watched.find(({ id }) => id === 'base-decimal')).toMatchObject({ label: 'Show in decimal', keys: 'X' });
  watched.find(({ id }) => id === 'plot-value')?.run();
  expect(store.getState()).toMatchObject({ plotKind: 'stops', workbenchRequest: { kind: 'show', pane: 'plot' } });
  expect(selectPlotted(store.getState())).toBe('rax');
  store.getState().showVector(3, 'f32', 6);
  expect(selectPlotted(store.getState())).toBe('zmm3:f32[6]');
  // Memory that is watched has its way over the stops too.
  contextItems(store, 'value', null, '[rsi]:i8')
    .find(({ id }) => id === 'plot-value')
    ?.run();
  expect(selectPlotted(store.getState())).toBe('[rsi]:i8');
  // Of a tile it is the element that is seen, un-interleaved or not.
  store.getState().setTileType(1, 'i8');
  store.getState().setInterpretation(1, 'vnni');
  store.getState().selectElement(1, { row: 5, column: 3 }, false);
  const ofTile = contextItems(store, 'value', null);
  expect(ofTile.find(({ id }) => id === 'copy-path')?.label).toBe('Copy tmm1:i8:vnni[5][3]');
  named('unstage')?.run();
  expect(store.getState().staged).toEqual([]);
});
