import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CaptureDocument, Opened, SessionEvent, TargetSummary } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { type FakeTarget, fakeTarget, withRegisters } from '../../app/debug/testing/fake-target.ts';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { writeCore } from '../../app/formats/elf-write.ts';
import { answer, refusal, refuse } from '../../app/refusals/refusal.ts';
import { parsePath } from '../../app/register/path.ts';
import { showText } from '../../app/register/read.ts';
import { captureText } from '../../app/session/document.ts';
import { decodeSession, encodeSession, type SavedSession } from '../../app/session/session-document.ts';
import { joinedCore, sure } from '../testing/cores.ts';
import { type FakeClock, fakeClock } from '../testing/fake-clock.ts';
import { createShared, type Shared } from './opening.ts';
import { createSessions, type Sessions } from './sessions.ts';

let folder: string;
let target: FakeTarget;
let sessions: Sessions;
let events: SessionEvent[];
let shared: Shared;
let clock: FakeClock;

/** Other vCPUs of the same process. */
let others: FakeTarget[];

const STARTED = 918_273n;

/** The same process's, with another number. */
const withVcpu = (vcpu: number): Capture => {
  const { facts, ...rest } = sampleCapture();
  return { ...rest, facts: { ...facts, target: { ...facts.target, pid: 4242, startTimeTicks: STARTED, vcpu } } };
};

const listedWith = (vcpus: readonly FakeTarget[]): TargetSummary => ({
  ...{ pid: 4242, vmm: 'QEMU', name: 'debian-12', executable: '/usr/bin/qemu', user: 'mara', runningMs: 1 },
  ...{ startTimeTicks: String(STARTED), vcpusLeftOut: 0, attachable: true, reason: null, remedy: null },
  vcpus: vcpus.map(({ identity: { vcpu } }) => ({
    ...{ index: vcpu, vmmNumber: vcpu, tid: vcpu + 1, fd: 20 + vcpu, seccomp: 'none' },
  })),
});

beforeEach(() => {
  others = [];
  folder = mkdtempSync(join(tmpdir(), 'tilescope-sessions-'));
  target = fakeTarget(withVcpu(0));
  shared = createShared();
  clock = fakeClock();
  const nothing = async () => refuse('fault', 'not in this test');
  sessions = createSessions({
    startDemo: nothing,
    hostFacts: nothing,
    listTargets: async () => answer({ targets: [listedWith([target, ...others])], skippedCount: 0 }),
    openLive: async (pid, _ticks, vcpu) =>
      pid === 4242
        ? answer(others.find((one) => one.identity.vcpu === vcpu) ?? target)
        : refuse('no-such-process', 'there is no such process'),
    journalFolder: join(folder, 'journal'),
    openAtStart: join(folder, 'start.json'),
    shared,
    clock,
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

const RAX = [{ path: 'rax', value: '5' }];

const shownOf = (capture: Capture, text: string): string => {
  const path = parsePath(text);
  return path.ok ? showText(capture, path.value) : 'no path';
};

const xcr0Of = (document: CaptureDocument): unknown => (document.facts as { xcr0: unknown }).xcr0;

/** Three stops of one vCPU, told apart by XCR0. */
const savedSession = (): SavedSession => ({
  product: 'Tilescope',
  savedAtMs: 0,
  pinned: null,
  stops: [1, 2, 5].map((number) => ({
    number,
    cause: number === 1 ? 'attach' : 'capture',
    label: null,
    write: null,
    capture: withRegisters(sampleCapture(), { xcr0: BigInt(number) }),
  })),
});

describe('[C14] sessions', () => {
  test('attach gives the state found, which is JSON through and through', async () => {
    const opened = await open(true);
    expect(opened).toMatchObject({
      kind: 'live',
      vcpu: 0,
      vcpus: [0],
      run: { state: 'stopped', why: 'freeze' },
      canWrite: true,
    });
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
    expect((await sessions.restore(session, { kind: 'all' }, null)).ok).toBe(true);
    expect(target.state.image.bytes).toEqual(sampleCapture().image.bytes);
  });

  test('a session that has ended is refused by every verb', async () => {
    const { session } = await open();
    expect((await sessions.detach(session, false)).ok).toBe(true);
    const refused = { ok: false, refusal: { code: 'no-such-session' } };
    expect(await sessions.capture(session)).toMatchObject(refused);
    expect(await sessions.detach(session, false)).toMatchObject(refused);
  });

  test('[MA2] what is held for a drive is let go where its page is loaded again, and where it ends', async () => {
    const other = fakeTarget(withVcpu(1));
    others = [other];
    const { session } = await open();
    expect(await sessions.holdOthers(session)).toEqual(answer([1]));
    expect(other.run.state).toBe('stopped');
    expect((await sessions.comeBack('0'.repeat(32), false)).ok).toBe(true);
    expect(other.log).toEqual(['freeze', 'detach']);
    expect((await sessions.holdOthers(session)).ok).toBe(true);
    await sessions.close();
    expect(other.log).toEqual(['freeze', 'detach', 'freeze', 'detach']);
  });

  test('[MA2] once one is held no longer the drive is refused at its next part, and letting go says it', async () => {
    const other = fakeTarget(withVcpu(1));
    others = [other];
    const { session } = await open(true);
    await sessions.holdOthers(session);
    other.loseHelper('the helper was ended by SIGKILL');
    const told = { ok: false, refusal: { code: 'not-held' } };
    expect(await sessions.drive(session, { kind: 'step', count: 1 }, null)).toMatchObject(told);
    expect(await sessions.letOthersGo(session)).toMatchObject(told);
    expect(await sessions.drive(session, { kind: 'step', count: 1 }, null)).toMatchObject({
      refusal: { code: 'no-program' },
    });
    await sessions.detach(session, false);
    expect(await sessions.holdOthers(session)).toMatchObject({ refusal: { code: 'no-such-session' } });
    expect(await sessions.letOthersGo(session)).toMatchObject({ refusal: { code: 'no-such-session' } });
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

describe('[C46] a restore of any state', () => {
  test('of a stop that the page hands over, verified like every write', async () => {
    const { session } = await open();
    const stop = await sessions.apply(session, [{ path: 'k3', value: '0xbeef' }]);
    await sessions.apply(session, [{ path: 'k3', value: '0x1' }, ...RAX]);
    if (!stop.ok) throw new Error(stop.refusal.what);
    const then = JSON.parse(JSON.stringify(stop.value.capture));
    expect((await sessions.restore(session, { kind: 'components', bits: [5] }, then)).ok).toBe(true);
    expect(shownOf(target.state, 'k3')).toBe('0x000000000000beef');
    expect(target.state.facts.general?.rax).toBe(5n);
    expect((await sessions.restore(session, { kind: 'all' }, then)).ok).toBe(true);
    expect(target.state.facts.general).toEqual(sampleCapture().facts.general);
  });

  test.each<[string, (document: Record<string, unknown>) => unknown]>([
    ['another format', (document) => ({ ...document, format: 'x' })],
    ['no image', (document) => ({ ...document, image: {} })],
    ['facts that are none', (document) => ({ ...document, facts: [] })],
    [
      'a layout beyond the image',
      (document) => ({ ...document, layout: { source: '', totalBytes: 9, components: [] } }),
    ],
  ])('%s is refused, and nothing is written', async (_what, change) => {
    const { session, capture } = await open();
    const then = change(capture as Record<string, unknown>) as Opened['capture'];
    target.log.length = 0;
    expect(await sessions.restore(session, { kind: 'all' }, then)).toMatchObject({ refusal: { code: 'bad-call' } });
    expect(target.log).toEqual([]);
  });
});

describe('[O2] what the VMM puts back', () => {
  test('is told with its session and the state that was read', async () => {
    const { session } = await open();
    await sessions.apply(session, [{ path: 'k3', value: '0xbeef' }]);
    target.state = sampleCapture();
    await clock.pass(60);
    expect(events).toMatchObject([{ kind: 'overwritten', session, parts: ['opmask'] }]);
    expect(JSON.parse(JSON.stringify(events))).toEqual(events);
  });
});

describe('[J3] ids of the sessions that are open', () => {
  test('are shared with the other pages until the vCPU is let go', async () => {
    const { session } = await open();
    expect([...shared.openIds]).toEqual([session]);
    const { detach } = target;
    let during: string[] = [];
    target.detach = () => {
      during = [...shared.openIds];
      return detach();
    };
    await sessions.close();
    expect(during).toEqual([session]);
    expect([...shared.openIds]).toEqual([]);
  });

  test('an entry of another page of this process is not offered', async () => {
    const { session } = await open();
    await sessions.apply(session, RAX);
    expect(await sessions.orphans()).toMatchObject({ ok: true, value: [] });
    shared.openIds.delete(session);
    expect(await sessions.orphans()).toMatchObject({ ok: true, value: [{ id: session }] });
  });

  test('end with a detach and with the target', async () => {
    const { session } = await open();
    await sessions.detach(session, false);
    expect(shared.openIds.size).toBe(0);
    await open();
    target.end(refusal('target-gone', 'the target has ended'));
    expect(shared.openIds.size).toBe(0);
  });
});

describe('[C15] files', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');

  test('a capture opens as a file, which is edited in a copy', async () => {
    const opened = await sessions.openFile('a.json', base64(captureText(sampleCapture())));
    expect(opened).toMatchObject({ ok: true, value: { kind: 'file', canWrite: true } });
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

  test('a saved session opens at its last stop, with all of them beside it', async () => {
    const bytes = Buffer.from(JSON.stringify(encodeSession(savedSession()))).toString('base64');
    const opened = await sessions.openFile('session.json', bytes);
    expect(opened).toMatchObject({
      ok: true,
      value: { kind: 'file', canWrite: true, vcpu: 5, vcpus: [1, 2, 5], file: { kind: 'session' } },
    });
    if (!opened.ok) return;
    expect(JSON.parse(JSON.stringify(opened.value))).toEqual(opened.value);
    expect(xcr0Of(opened.value.capture)).toBe('0x5');
    const timeline = decodeSession(opened.value.timeline);
    expect(timeline.ok && timeline.value.stops.map(({ number }) => number)).toEqual([1, 2, 5]);
    const chosen = await sessions.chooseState(opened.value.session, 2, '');
    expect(chosen.ok && xcr0Of(chosen.value.capture)).toBe('0x2');
  });

  test('one state of a file can be read without a session', async () => {
    const bytes = Buffer.from(JSON.stringify(encodeSession(savedSession()))).toString('base64');
    const read = async (state: number | null, name = 'session.json', content = bytes) => {
      const got = await sessions.readState(name, content, state, '');
      return got.ok ? xcr0Of(got.value.capture) : got.refusal.code;
    };
    expect(await read(null)).toBe('0x5');
    expect(await read(1)).toBe('0x1');
    expect(await read(3)).toBe('file');
    expect(await read(null, 'a.json', base64('{}'))).toBe('file');
    expect(shared.openIds.size).toBe(0);
    writeFileSync(join(folder, 'start.json'), captureText(sampleCapture()));
    expect(await read(null, join(folder, 'start.json'), '')).toBe('0xe7');
    expect(await read(null, join(folder, 'other.json'), '')).toBe('file');
  });

  test('no path is read but the one named at the start', async () => {
    writeFileSync(join(folder, 'start.json'), captureText(sampleCapture()));
    writeFileSync(join(folder, 'other.json'), captureText(sampleCapture()));
    expect((await sessions.openFile(join(folder, 'start.json'), '')).ok).toBe(true);
    expect((await sessions.openFile(join(folder, 'other.json'), '')).ok).toBe(false);
  });
});

test('a target that another page of this Tilescope holds is not called traced by a stranger', async () => {
  shared.attachedPids.set('0'.repeat(32), { pid: 4242, tab: 'a'.repeat(32) });
  const traced = {
    ...{ pid: 4242, vmm: 'QEMU', name: 'a', executable: '/q', user: 'u', runningMs: 1, startTimeTicks: '1', vcpus: [] },
    ...{
      vcpusLeftOut: 0,
      attachable: false,
      reason: 'the process is already traced by pid 9',
      remedy: 'end the tracer, pid 9, first',
    },
  };
  const nothing = async () => refuse('fault', 'not in this test');
  const other = createSessions({
    ...{ startDemo: nothing, hostFacts: nothing, openLive: nothing, openAtStart: null, shared },
    listTargets: async () => answer({ targets: [traced, { ...traced, pid: 7 }], skippedCount: 0 }),
    journalFolder: join(folder, 'journal'),
  });
  const listed = await other.listTargets();
  expect(listed.ok && listed.value.targets.map(({ reason }) => reason)).toEqual([
    'attached in another tab or window of this Tilescope',
    'the process is already traced by pid 9',
  ]);
});
