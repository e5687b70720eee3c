import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Answer, CaptureDocument, Opened, StepResult, Told } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { openModel } from '../../app/debug/model-target.ts';
import { STANDS_STILL } from '../../app/debug/run-state.ts';
import { refuse } from '../../app/refusals/refusal.ts';
import { parsePath } from '../../app/register/path.ts';
import { showJson } from '../../app/register/read.ts';
import { decodeCapture } from '../../app/session/document.ts';
import { withChange } from '../../app/session/json-change.ts';
import { xstateBv } from '../../app/xsave/header.ts';
import { createShared } from '../services/opening.ts';
import { createSessions, type Sessions } from '../services/sessions.ts';

let folder: string;
let sessions: Sessions;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-model-'));
  const nothing = async () => refuse('fault', 'not in this test');
  sessions = createSessions({
    startDemo: nothing,
    hostFacts: nothing,
    listTargets: nothing,
    openLive: nothing,
    journalFolder: join(folder, 'journal'),
    openAtStart: null,
    shared: createShared(),
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sure = <T>(answer: Answer<T>): T => {
  if (!answer.ok) throw new Error(`${answer.refusal.code}: ${answer.refusal.what}`);
  return answer.value;
};
const captureOf = (document: CaptureDocument): Capture => {
  const decoded = decodeCapture(JSON.parse(JSON.stringify(document)));
  if (!decoded.ok) throw new Error('not a capture');
  return decoded.value;
};
const bvOf = (document: CaptureDocument): bigint => xstateBv(captureOf(document).image);
const open = async (program = 'int8-product'): Promise<Opened> => sure(await sessions.openModel(program));
const step = async (session: string, count: number): Promise<StepResult> => {
  const told = sure(await sessions.step(session, count, null));
  if (!('whole' in told)) throw new Error('told as a change of what nobody has');
  return told.whole;
};

const shown = (document: CaptureDocument, text: string): unknown => {
  const path = parsePath(text);
  if (!path.ok) throw new Error(text);
  return showJson(captureOf(document), path.value);
};

describe('[C90] a step is told as what differs', () => {
  test('from the one that the page has, and is the same; else whole', async () => {
    const { session } = await open();
    const tell = async (have: number | null): Promise<Told<StepResult>> =>
      JSON.parse(JSON.stringify(sure(await sessions.step(session, 1, have))));
    let had = await tell(7);
    const whole = await open();
    let page = 'whole' in had ? had.whole : null;
    const bytes = { whole: 0, told: 0 };
    for (let left = 30; left > 0; left -= 1) {
      const told = await tell(had.number);
      if (!('change' in told)) throw new Error('told whole');
      page = withChange(page, told.change) as StepResult;
      had = told;
      bytes.told += JSON.stringify(told).length;
      bytes.whole += JSON.stringify(page).length;
    }
    await step(whole.session, 30);
    const { capture, ...rest } = await step(whole.session, 1);
    expect({ ...page, capture: null }).toEqual({ ...rest, capture: null });
    const [one, other] = [page?.capture, capture].map((document) => document && captureOf(document));
    expect(one?.image.bytes).toEqual(other?.image.bytes);
    expect(one?.facts.general).toEqual(other?.facts.general);
    expect(bytes.told).toBeLessThan(bytes.whole / 10);
    expect(await tell(had.number - 1)).toHaveProperty('whole');
  });
});

test('[C90] so is each reading of a vCPU that is looked at again and again', async () => {
  const { session } = await open();
  const first = sure(await sessions.look(session, null));
  if (!('whole' in first)) throw new Error('there is nothing that it could differ from');
  await step(session, 3);
  const second = JSON.parse(JSON.stringify(sure(await sessions.look(session, first.number)))) as typeof first;
  // The step was told in between, to who did not say that it has it.
  expect(second).toHaveProperty('whole');
  const third = sure(await sessions.look(session, second.number));
  if (!('change' in third)) throw new Error('told whole');
  expect(withChange(second.whole, third.change)).toEqual(
    expect.objectContaining({ image: (second.whole as { image: unknown }).image }),
  );
  expect(JSON.stringify(third).length).toBeLessThan(JSON.stringify(second).length / 10);
});

describe('[C27] the model guest as a session', () => {
  test('programs are listed, opened before their first instruction, stepped to the halt and let go', async () => {
    const models = sure(await sessions.listModels());
    expect(models[0]).toMatchObject({ id: 'int8-product', cpu: 'Sapphire Rapids', steps: 42 });
    const opened = await open();
    expect(opened).toMatchObject({
      kind: 'model',
      run: STANDS_STILL,
      canWrite: true,
      vcpus: [0],
      model: { at: 0, total: 42 },
    });
    expect(opened.model?.disassembly[0]).toEqual({
      address: '0x401000',
      bytes: 'bf 00 20 40 00',
      text: 'mov edi,0x402000',
      current: true,
    });
    expect(captureOf(opened.capture).facts.target).toMatchObject({ kind: 'model', vmm: 'model' });
    expect(await step(opened.session, 2)).toMatchObject({ at: 2, total: 42, event: null, ended: false });
    const last = await step(opened.session, 100);
    expect(last).toMatchObject({ at: 42, total: 42, event: null, ended: true });
    expect(last.disassembly.some((line) => line.current)).toBe(false);
    expect(sure(await sessions.detach(opened.session, true))).toBeNull();
    expect(await sessions.step(opened.session, 1, null)).toMatchObject({
      ok: false,
      refusal: { code: 'no-such-session' },
    });
  });

  test('an unknown program, and resuming, are refused by name', async () => {
    expect(await sessions.openModel('linux')).toMatchObject({ ok: false, refusal: { code: 'no-such-model' } });
    const { session } = await open();
    expect(await sessions.resume(session)).toMatchObject({ ok: false, refusal: { code: 'model-stands-still' } });
    expect((await sessions.freeze(session)).ok).toBe(true);
  });

  test('a tile element that is edited is what the guest multiplies; restoring puts the state at open back', async () => {
    const { session, capture } = await open();
    const before = await step(session, 15);
    const applied = sure(await sessions.apply(session, [{ path: 'tmm4:i8[0][0]', value: '100' }]));
    expect(applied.changes).toMatchObject([{ path: 'tmm4:i8[0][0]', after: '100' }]);
    expect(shown(applied.capture, 'tmm4:i8[0][0]')).toBe(100);
    expect(shown(before.capture, 'tmm4:i8[0][0]')).not.toBe(100);
    const product = await step(session, 1);
    const other = await open();
    const untouched = await step(other.session, 16);
    const row = (document: CaptureDocument, index: number) => shown(document, `tmm0:i32[${index}]`);
    expect(row(product.capture, 0)).not.toEqual(row(untouched.capture, 0));
    expect(row(product.capture, 1)).toEqual(row(untouched.capture, 1));
    const restored = sure(await sessions.restore(session, { kind: 'all' }, null));
    expect(captureOf(restored.capture).image.bytes).toEqual(captureOf(capture).image.bytes);
    // A model ends with this process: it leaves nothing on disk.
    expect(() => readdirSync(join(folder, 'journal'))).toThrow();
  });

  test('registers of every kind, XCR0 and IA32_XFD are written and read back', async () => {
    const { session } = await open();
    const assignments = [
      { path: 'zmm5', value: '0x1234' },
      { path: 'k3', value: '0xbeef' },
      { path: 'mxcsr.RC', value: 'down' },
      { path: 'pkru', value: '0x55555554' },
      { path: 'xfd', value: '0x40000' },
    ];
    const applied = sure(await sessions.apply(session, assignments));
    expect(bvOf(applied.capture)).toBe(0x222n);
    expect(applied.changes.map((change) => change.path)).toEqual(assignments.map((row) => row.path));
    expect(sure(await sessions.apply(session, [{ path: 'xcr0', value: '0x2e7' }])).changes).toHaveLength(1);
    expect((await step(session, 100)).event?.kind).toBe('ud');
  });

  test('general registers are written and read back', async () => {
    const model = sure(openModel('int8-product', Date.now));
    const { general } = sure(await model.capture()).facts;
    if (general === null) throw new Error('no general registers');
    const changed = { ...general, rax: 0x1234n, rflags: 1n };
    sure(await model.writeGeneral(changed));
    expect(sure(await model.capture()).facts.general).toEqual({ ...changed, rflags: 3n });
    expect(await model.writeGeneral({ ...changed, rip: 1n << 60n })).toMatchObject({
      ok: false,
      refusal: { code: 'guard-regs' },
    });
  });

  test('what the kernel or the guard refuses is refused before it is written', async () => {
    const { session } = await open();
    await step(session, 15);
    expect(await sessions.apply(session, [{ path: 'xfd', value: '0x40000' }])).toMatchObject({
      ok: false,
      refusal: { code: 'guard-arming-over-state' },
    });
    expect(await sessions.apply(session, [{ path: 'tilecfg.rows[0]', value: '17' }])).toMatchObject({ ok: false });
    expect(await sessions.apply(session, [{ path: 'mxcsr', value: '0x10000' }])).toMatchObject({
      ok: false,
      refusal: { code: 'pre-flight', errno: 'EINVAL' },
    });
    expect(bvOf(sure(await sessions.capture(session)))).toBe(0x60200n);
  });

  test('a file and a live target have no program to step', async () => {
    const opened = openModel('avx512-sum', () => 7);
    const model = sure(opened);
    expect(sure(await model.capture()).facts.takenAtMs).toBe(7);
    const document = Buffer.from(JSON.stringify((await open()).capture)).toString('base64');
    const file = sure(await sessions.openFile('model.json', document));
    expect(file.model).toBeUndefined();
    expect(await sessions.step(file.session, 1, null)).toMatchObject({ ok: false, refusal: { code: 'no-program' } });
  });

  test('10,000 steps leave no more memory behind than one guest', async () => {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    if (typeof collect !== 'function') throw new Error('no garbage collection on demand');
    const used = (): number => {
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const before = used();
    const startedMs = performance.now();
    let steps = 0;
    while (steps < 10_000) {
      const { session } = await open();
      for (let ended = false; !ended; steps += 1) ({ ended } = await step(session, 1));
      sure(await sessions.detach(session, false));
    }
    const perStepMs = (performance.now() - startedMs) / steps;
    const grown = used() - before;
    process.stdout.write(
      `${steps} model steps with captures: ${perStepMs.toFixed(3)} ms each, ${(grown / 2 ** 20).toFixed(1)} MiB left in use\n`,
    );
    expect(grown).toBeLessThan(16 * 2 ** 20);
  });
});
