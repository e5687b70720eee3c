import { describe, expect, test } from 'vitest';
import type { Orphan } from '../../../app/bridge.ts';
import { createFakeBridge, type FakeBridge, guestWrites } from '../../testing/fake-bridge.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';

const ENTRY: Orphan = {
  id: 'ab'.repeat(16),
  vmm: 'QEMU',
  name: 'debian-12',
  executable: '/usr/bin/qemu-system-x86_64',
  pid: 4242,
  vcpu: 1,
  keptSinceMs: 1_700_000_000_000,
  state: 'there',
  why: null,
};

const begun = async (...left: Orphan[]): Promise<{ store: DebuggerStore; bridge: FakeBridge }> => {
  const bridge = createFakeBridge();
  bridge.left = left;
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  return { store, bridge };
};

describe('[J1] orphaned edits', () => {
  test('are asked for at the start', async () => {
    const { store } = await begun(ENTRY);
    expect(store.getState().orphans).toEqual([ENTRY]);
    expect((await begun()).store.getState().orphans).toEqual([]);
  });

  test('recovered: said with how many bytes, and gone from the list', async () => {
    const { store, bridge } = await begun(ENTRY);
    const first = bridge.held.image.bytes;
    guestWrites(bridge, { path: 'k1', value: '0x77' });
    await store.getState().recover(ENTRY.id);
    expect(store.getState()).toMatchObject({
      orphans: [],
      orphanBusy: null,
      refusal: null,
      recovered: { pid: 4242, vcpu: 1, writtenBytes: expect.any(Number) },
    });
    expect(bridge.held.image.bytes).toEqual(first);
  });

  test('a recovery that is refused keeps the banner and shows why', async () => {
    const { store, bridge } = await begun(ENTRY);
    bridge.refuseNext('recover', { code: 'target-gone', what: 'process 4242 has ended' });
    await store.getState().recover(ENTRY.id);
    expect(store.getState()).toMatchObject({ orphans: [ENTRY], recovered: null });
    expect(store.getState().refusal?.code).toBe('target-gone');
  });

  test('compared: both states, then either choice closes them', async () => {
    const { store, bridge } = await begun(ENTRY);
    guestWrites(bridge, { path: 'k1', value: '0x77' });
    guestWrites(bridge, { path: 'rbx', value: '0x5eed' });
    guestWrites(bridge, { path: 'rcx', value: '0x5eed' });
    await store.getState().compareOrphan(ENTRY.id);
    const states = store.getState().orphanStates;
    // The guest's own registers do not go back, and are no difference.
    expect(states?.now.facts.general).toEqual({ ...states?.kept.facts.general, rbx: 0x5eedn });
    expect(states?.kept.image.bytes).not.toEqual(states?.now.image.bytes);
    expect(store.getState().overlay).toEqual({ kind: 'orphan' });
    const edited = bridge.held.image.bytes;
    await store.getState().keepEdits(ENTRY.id);
    expect(store.getState()).toMatchObject({ overlay: null, orphanStates: null, orphans: [] });
    expect(bridge.held.image.bytes).toEqual(edited);
  });
});
