import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Opened, SessionEvent } from '../../app/bridge.ts';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { writeCore } from '../../app/formats/elf-write.ts';
import type { Capture } from '../../app/session/capture.ts';
import { captureText } from '../../app/session/document.ts';
import { joinedCore, sure } from '../testing/cores.ts';
import { type FakeTarget, fakeTarget } from '../testing/fake-target.ts';
import { answer, refusal, refuse } from './refusals.ts';
import { createSessions, type Sessions } from './sessions.ts';

let folder: string;
let target: FakeTarget;
let sessions: Sessions;
let events: SessionEvent[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-sessions-'));
  target = fakeTarget(sampleCapture());
  const nothing = async () => refuse('not-here', 'not in this test');
  sessions = createSessions({
    startDemo: nothing,
    hostFacts: nothing,
    listTargets: nothing,
    openLive: async (pid) => (pid === 4242 ? answer(target) : refuse('no-such-process', 'there is no such process')),
    journalFolder: join(folder, 'journal'),
    openAtStart: join(folder, 'start.json'),
  });
  events = [];
  sessions.onEvent((event) => events.push(event));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = async (freeze = false): Promise<Opened> => {
  const opened = await sessions.attach(4242, '918273', 0, freeze);
  if (!opened.ok) throw new Error(opened.refusal.what);
  return opened.value;
};

describe('[C14] sessions', () => {
  test('attach gives the state found, which is JSON through and through', async () => {
    const opened = await open(true);
    expect(opened).toMatchObject({ kind: 'live', vcpu: 0, vcpus: [0], frozen: true, canWrite: true });
    expect(opened.session).toMatch(/^[0-9a-f]{32}$/);
    expect(JSON.parse(JSON.stringify(opened))).toEqual(opened);
    expect(target.log).toEqual(['freeze', 'capture']);
  });

  test('a first capture that is refused lets the target go', async () => {
    target.refuses.add('capture');
    expect((await sessions.attach(4242, '0', 0, true)).ok).toBe(false);
    expect(target.log).toEqual(['freeze', 'capture', 'detach']);
  });

  test('apply and restore answer with what was read back', async () => {
    const { session } = await open();
    const applied = await sessions.apply(session, [{ path: 'k3', value: '0xbeef' }]);
    expect(applied).toMatchObject({ ok: true, value: { changes: [{ path: 'k3', after: '0x000000000000beef' }] } });
    expect((await sessions.restore(session, { kind: 'all' })).ok).toBe(true);
    expect(target.state.image.bytes).toEqual(sampleCapture().image.bytes);
  });

  test('a session that has ended is refused by every verb', async () => {
    const { session } = await open();
    expect((await sessions.detach(session, false)).ok).toBe(true);
    const refused = { ok: false, refusal: { code: 'no-such-session' } };
    expect(await sessions.capture(session)).toMatchObject(refused);
    expect(await sessions.detach(session, false)).toMatchObject(refused);
  });

  test('a target that ends is told once, with its session', async () => {
    const { session } = await open();
    const why = refusal('target-gone', 'the target has ended');
    target.end(why);
    target.end(why);
    expect(events).toEqual([{ kind: 'gone', session, refusal: why }]);
    expect(await sessions.capture(session)).toMatchObject({ refusal: { code: 'no-such-session' } });
  });

  test('closing lets everything go', async () => {
    await open();
    await sessions.close();
    expect(target.log.at(-1)).toBe('detach');
  });
});

describe('[C15] files', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');

  test('a capture opens as a file, which cannot be written', async () => {
    const opened = await sessions.openFile('a.json', base64(captureText(sampleCapture())));
    expect(opened).toMatchObject({ ok: true, value: { kind: 'file', canWrite: false } });
  });

  test('a file of several states opens with the first, and any other can be chosen', async () => {
    const [first, second] = [7, 9].map((tid, vcpu): Capture => {
      const capture = sampleCapture();
      return { ...capture, facts: { ...capture.facts, target: { ...capture.facts.target, vcpu, tid } } };
    });
    const cores = [first, second].map((capture) => sure(writeCore(capture as Capture)));
    const core = joinedCore(cores);
    const opened = await sessions.openFile('core.7', Buffer.from(core).toString('base64'));
    expect(opened).toMatchObject({
      ok: true,
      value: {
        kind: 'file',
        vcpu: 0,
        vcpus: [0, 1],
        file: { kind: 'elf-core', preset: null, states: [{ label: 'thread 7' }, { label: 'thread 9' }] },
      },
    });
    if (!opened.ok) return;
    const chosen = await sessions.chooseState(opened.value.session, 1, '');
    expect(chosen).toMatchObject({ ok: true, value: { vcpu: 1, capture: { facts: { target: { tid: 9 } } } } });
    expect(await sessions.capture(opened.value.session)).toMatchObject({ refusal: { code: 'no-such-session' } });
    if (!chosen.ok) return;
    expect(await sessions.chooseState(chosen.value.session, 2, '')).toMatchObject({ refusal: { code: 'file' } });
    expect(await sessions.chooseState(chosen.value.session, 1, 'pentium')).toMatchObject({ refusal: { code: 'file' } });
    const preset = await sessions.chooseState(chosen.value.session, 1, 'skylake-sp');
    expect(preset).toMatchObject({ ok: true, value: { file: { preset: 'skylake-sp' } } });
  });

  test('a raw image opens, and its layout is said to be guessed', async () => {
    const image = Buffer.from(sampleCapture().image.bytes).toString('base64');
    const opened = await sessions.openFile('vcpu0.xsave', image);
    expect(opened).toMatchObject({ ok: true, value: { file: { kind: 'raw' }, kind: 'file' } });
    expect(JSON.stringify(opened)).toContain('"source":"guessed from ');
  });

  test.each(['', '{}', 'null', '\u0000', '{"format":"tilescope-capture","version":999}'])(
    '%j is refused',
    async (text) => {
      expect(await sessions.openFile('a.json', base64(text))).toMatchObject({
        ok: false,
        refusal: { code: 'file', where: 'a.json' },
      });
    },
  );

  test('no path is read but the one named at the start', async () => {
    writeFileSync(join(folder, 'start.json'), captureText(sampleCapture()));
    writeFileSync(join(folder, 'other.json'), captureText(sampleCapture()));
    expect((await sessions.openFile(join(folder, 'start.json'), '')).ok).toBe(true);
    expect((await sessions.openFile(join(folder, 'other.json'), '')).ok).toBe(false);
  });
});
