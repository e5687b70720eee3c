import { describe, expect, test } from 'vitest';
import type { SessionDocument } from '../../../app/bridge.ts';
import { action } from '../../actions/registry.ts';
import { createFakeBridge, type FakeBridge, guestWrites } from '../../testing/fake-bridge.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { selectEditRefusal } from '../select/selectors.ts';
import type { Session } from '../state/target.ts';
import { sessionFile, sessionFileName } from './saved-session.ts';

const SAVED_AT = Date.UTC(2026, 1, 14, 9, 30, 5);

const worked = async (): Promise<{ store: DebuggerStore; bridge: FakeBridge }> => {
  const bridge = createFakeBridge();
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().attach(true);
  guestWrites(bridge, { path: 'k1', value: '0x77' });
  await store.getState().capture();
  store.getState().stage('zmm3:f32[5]', '2.75');
  await store.getState().apply();
  store.getState().stage('k2', '0x5');
  store.getState().labelStop(2, 'before the crash');
  store.getState().pinStop(2);
  return { store, bridge };
};

const saved = async (): Promise<{ document: SessionDocument; store: DebuggerStore }> => {
  const { store } = await worked();
  const file = sessionFile(store.getState(), SAVED_AT);
  return { document: JSON.parse(new TextDecoder().decode(file?.bytes)) as SessionDocument, store };
};

/** A store whose host opens this document, as main answers for a session's file. */
const opening = async (timeline: SessionDocument): Promise<{ store: DebuggerStore; bridge: FakeBridge }> => {
  const fake = createFakeBridge();
  const bridge: FakeBridge = {
    ...fake,
    openFile: async (name, base64) => {
      const answer = await fake.openFile(name, base64);
      if (!answer.ok) return answer;
      const states = [1, 2, 3].map((vcpu) => ({ vcpu, label: `stop ${vcpu}` }));
      const value = {
        ...answer.value,
        vcpus: [1, 2, 3],
        vcpu: 3,
        file: { kind: 'session', states, preset: null },
        timeline,
      };
      return { ok: true, value } as typeof answer;
    },
  };
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().openFile('saved.session.json', 'AA==');
  return { store, bridge };
};

describe('a session is saved and opened', () => {
  test('stops, causes, writes, labels, the pin and what is staged come back', async () => {
    const { document, store: first } = await saved();
    const { store } = await opening(document);
    const [was, is] = [first.getState(), store.getState()];
    expect(is.stops.map(({ number, cause, write, changed }) => ({ number, cause, write, changed }))).toEqual(
      was.stops.map(({ number, cause, write, changed }) => ({ number, cause, write, changed })),
    );
    expect(is.stops.map(({ capture }) => capture.image.bytes)).toEqual(
      was.stops.map(({ capture }) => capture.image.bytes),
    );
    expect(is).toMatchObject({ at: 2, pinned: 2, staged: was.staged, keptBytes: was.keptBytes });
    expect([...is.labels]).toEqual([[2, 'before the crash']]);
    expect(is.saved).toEqual({ product: 'Tilescope 0.1.0', savedAtMs: SAVED_AT });
    expect(is.session).toMatchObject({ kind: 'file', vcpus: [0], vcpu: 0, file: { kind: 'session' } });
    expect(selectEditRefusal(is)).toBeNull();
    action('detach').run(store);
    await expect.poll(() => store.getState().session).toBeNull();
    expect(store.getState()).toMatchObject({ saved: null, stops: [] });
  });

  test('what was opened and is saved again is the same document', async () => {
    const { document } = await saved();
    const { store } = await opening(document);
    const again = sessionFile(store.getState(), SAVED_AT);
    expect(JSON.parse(new TextDecoder().decode(again?.bytes))).toEqual(document);
  });

  test('an exception of the model guest comes back at its stop', async () => {
    const { store: first } = await worked();
    first.put({ modelEvents: [{ kind: 'nm', text: 'tilezero tmm0 raised #NM', stop: 2 }] });
    const file = sessionFile(first.getState(), SAVED_AT);
    const { store } = await opening(JSON.parse(new TextDecoder().decode(file?.bytes)) as SessionDocument);
    expect(store.getState().modelEvents).toEqual(first.getState().modelEvents);
  });

  test('another file in its place is no saved session any more', async () => {
    const { document } = await saved();
    const { store, bridge } = await opening(document);
    Object.assign(bridge, { openFile: createFakeBridge().openFile });
    await store.getState().openFile('a.core', 'AA==');
    expect(store.getState()).toMatchObject({ saved: null, pinned: null });
    expect(store.getState().stops).toHaveLength(1);
  });

  test('a timeline that does not decode is refused, and its session is left', async () => {
    const { store, bridge } = await opening({ format: 'tilescope-session', version: 1, stops: 7 });
    expect(store.getState().session).toBeNull();
    expect(store.getState().refusal).toMatchObject({ code: 'undecodable', what: 'The saved session cannot be shown' });
    expect(bridge.calls).toContain('detach');
  });

  test('nothing open, nothing to save', () => {
    const store = createDebuggerStore(createFakeBridge());
    expect(action('save-session').refused(store.getState())).toBe('nothing is open');
    expect(sessionFile(store.getState(), SAVED_AT)).toBeNull();
  });
});

test.each([
  ['QEMU', 'debian-12', 1, 'qemu-debian-12-vcpu1-20260214T093005Z.session.json'],
  ['Cloud Hypervisor', '../../etc/pass wd', 0, 'cloud-hypervisor-pass-wd-vcpu0-20260214T093005Z.session.json'],
  ['model', '‮', 0, 'model-vcpu0-20260214T093005Z.session.json'],
])('the file of %s %s, vCPU %i, is %s', (vmm, name, vcpu, fileName) => {
  expect(sessionFileName({ vmm, name, vcpu } as Session, SAVED_AT)).toBe(fileName);
});
