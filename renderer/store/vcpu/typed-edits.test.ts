import { describe, expect, test } from 'vitest';
import { createFakeBridge } from '../../testing/fake-bridge.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { typedEdits } from './typed-edits.ts';

const attached = async (): Promise<DebuggerStore> => {
  const store = createDebuggerStore(createFakeBridge());
  await store.getState().start();
  await store.getState().attach(true);
  return store;
};

const type = (store: DebuggerStore, text: string): string | null => {
  const typed = typedEdits(store.getState(), text);
  if (typed === null) throw new Error(`no edit: ${text}`);
  if (typed.refused === null) typed.go(store.getState());
  return typed.refused;
};

describe('edits typed into the palette', () => {
  test('an element, a field and a general register are staged, and shown', async () => {
    const store = await attached();
    expect(typedEdits(store.getState(), 'zmm3:f32[1]=-6.25')?.title).toBe('Stage zmm3:f32[1] = -6.25');
    expect(type(store, 'zmm3:f32[1]=-6.25')).toBeNull();
    expect(store.getState().selection).toEqual({ kind: 'vector', index: 3, element: 1 });
    expect(type(store, 'MXCSR.rc = down')).toBeNull();
    expect(store.getState()).toMatchObject({
      tab: 'registers',
      group: 'vector',
      selection: { kind: 'register', path: 'mxcsr', field: 'RC' },
    });
    expect(type(store, 'RAX=0x5')).toBeNull();
    expect(store.getState().selection).toEqual({ kind: 'register', path: 'rax' });
    expect(store.getState().staged).toEqual([
      { path: 'zmm3:f32[1]', value: '-6.25' },
      { path: 'mxcsr.RC', value: 'down' },
      { path: 'rax', value: '0x5' },
    ]);
  });

  test('several are one step of undo, all or none', async () => {
    const store = await attached();
    expect(type(store, 'k1=0xff; k2=3 rax=7')).toBeNull();
    expect(store.getState().staged).toHaveLength(3);
    store.getState().undo();
    expect(store.getState().staged).toEqual([]);
    expect(type(store, 'k1=0xff zmm3:f32[1]=3e99')).toContain('does not fit f32');
    expect(store.getState().staged).toEqual([]);
  });

  test('what cannot be staged stays listed with the reason', async () => {
    const store = await attached();
    expect(type(store, 'mxcsr.RC=sideways')).toContain('one of nearest, down, up, zero');
    expect(type(store, 'zmm3:f32[77]=1')).toContain('an index from 0 to 15');
    expect(type(store, 'zmn3=1')).toContain('zmm3');
    expect(type(store, 'cr3=1')).toContain('not written');
    expect(type(store, 'rax=')).toContain('no value for rax');
    expect(type(store, 'rax=5 oops')).toContain('no value for oops');
    await store.getState().capture();
    store.getState().goToStop(0);
    expect(type(store, 'rax=5')).toContain('earlier stop');
  });

  test('a path or a word is no edit', async () => {
    const store = await attached();
    for (const text of ['zmm3:f32', 'capture', '', '=5', 'rax oops=5']) {
      expect(typedEdits(store.getState(), text), text).toBeNull();
    }
  });

  test('a new value takes the place of the staged one, and the one that stands there takes it back', async () => {
    const store = await attached();
    type(store, 'k1=0xff');
    type(store, 'K1=0xfe');
    expect(store.getState().staged).toEqual([{ path: 'k1', value: '0xfe' }]);
    type(store, 'mxcsr=0x1f80');
    type(store, 'mxcsr=0x1fa0');
    expect(store.getState().staged.length).toBeLessThanOrEqual(2);
  });
});
