import { beforeEach, describe, expect, test } from 'vitest';
import { stageAssignments } from '../edit/assign.ts';
import { parseMemoryPath, printMemoryPath } from '../edit/memory-path.ts';
import { refuse } from '../refusals/refusal.ts';
import type { Clock } from './clock.ts';
import { openModel } from './model-target.ts';
import { createSession, type Session } from './session.ts';
import { type FakeMemory, fakeMemory, memoryCapture } from './testing/fake-memory.ts';
import { type FakeTarget, fakeTarget } from './testing/fake-target.ts';
import { memoryJournal } from './testing/memory-journal.ts';

const STILL: Clock = { sleep: async () => undefined, after: () => () => undefined };

let fake: FakeMemory;
let target: FakeTarget;
let journal: ReturnType<typeof memoryJournal>;
let session: Session;
let untouched: Uint8Array;
beforeEach(() => {
  fake = fakeMemory();
  untouched = fake.bytes.slice();
  const capture = memoryCapture();
  target = Object.assign(fakeTarget(capture), { memory: fake.port });
  journal = memoryJournal();
  session = createSession('s', target, capture, { clock: STILL, journal });
});

const rbx = () => target.state.facts.general?.rbx;
const bytesAt = (physical: number, count: number) => [...fake.bytes.subarray(physical, physical + count)];
const isAsItWas = (): boolean => Buffer.compare(fake.bytes, untouched) === 0;
const byte = (path: string, value: string) => ({ path, value });

describe('[GW6] guest memory is staged and written as registers are, by paths', () => {
  test.each([
    ['[0x401010]:u32', { address: 0x40_1010n, isPhysical: false, type: 'u32' }],
    ['physical[0x201010]:i8', { address: 0x20_1010n, isPhysical: true, type: 'i8' }],
    ['[0xffffff8000401010]:f64', { address: 0xffff_ff80_0040_1010n, isPhysical: false, type: 'f64' }],
  ] as const)('%s', (path, place) => {
    expect(parseMemoryPath(path)).toEqual({ ok: true, value: place });
    expect(printMemoryPath(place)).toBe(path);
  });

  test.each(['[rsi]:u8', '[0x401010]', '[0x401010]:i9', '[0x1ffffffffffffffff]:u8', 'physical[]:u8'])(
    '%s is none',
    (path) => expect(stageAssignments(memoryCapture(), [byte(path, '1')])).toMatchObject({ ok: false }),
  );

  test('one write of both, of which each part is told', async () => {
    const written = await session.assign([byte('[0x401010]:u16', '0x1234'), byte('rbx', '7')]);
    expect(written).toMatchObject({
      ok: true,
      value: {
        writtenBytes: 3,
        changes: [{ path: '[0x401010]:u16', before: String(0x1110), after: '4660' }, { path: 'rbx' }],
      },
    });
    expect(bytesAt(0x20_1010, 2)).toEqual([0x34, 0x12]);
    expect(rbx()).toBe(7n);
    expect(session.writes()).toMatchObject({ undoable: 1, redoable: 0, standingMemoryBytes: 2 });
  });

  test('memory alone makes no call that writes the vCPU, and the vCPU runs on', async () => {
    target.log.length = 0;
    expect(await session.assign([byte('[0x401010]:u8', '1'), byte('[0x401011]:u8', '2')])).toMatchObject({ ok: true });
    expect(target.log).toEqual(['freeze', 'capture', 'resume']);
    expect(fake.log).toEqual(['write 0x201010+2']);
  });

  test('a later element lies over an earlier one, by whatever page', async () => {
    await session.assign([byte('[0x401010]:u32', '0x01020304'), byte('[0x401011]:u8', '9')]);
    expect(bytesAt(0x20_1010, 4)).toEqual([4, 9, 2, 1]);
    await session.assign([byte('[0x401010]:u8', '1'), byte('physical[0x201010]:u8', '2')]);
    expect(bytesAt(0x20_1010, 1)).toEqual([2]);
    await session.undo();
    expect(bytesAt(0x20_1010, 4)).toEqual([4, 9, 2, 1]);
    await session.undo();
    expect(isAsItWas()).toBe(true);
  });

  test('registers that are refused leave memory as it was', async () => {
    const before = rbx();
    const refused = await session.assign([byte('[0x401010]:u8', '1'), byte('rflags', '0')]);
    expect(refused).toMatchObject({ ok: false, refusal: { code: 'assignment' } });
    target.refuses.add('general');
    expect(await session.assign([byte('[0x401010]:u8', '1'), byte('rbx', '7')])).toMatchObject({ ok: false });
    expect([isAsItWas(), rbx(), journal.memory]).toEqual([true, before, []]);
    expect(session.writes()).toMatchObject({ undoable: 0, standingMemoryBytes: 0 });
  });

  test('memory that is refused leaves registers as they were', async () => {
    const before = rbx();
    const refused = await session.assign([byte('rbx', '7'), byte('[0x406000]:u8', '1')]);
    expect(refused).toMatchObject({ ok: false, refusal: { code: 'not-writable' } });
    expect([isAsItWas(), rbx()]).toEqual([true, before]);
  });

  test('a target without memory refuses it', async () => {
    target = fakeTarget(memoryCapture());
    session = createSession('s', target, memoryCapture(), { clock: STILL, journal });
    expect(await session.assign([byte('[0x401010]:u8', '1')])).toMatchObject({
      ok: false,
      refusal: { code: 'memory-unknown' },
    });
  });
});

describe('[GW4] one order of undo for registers and guest memory', () => {
  test('the last write goes first, whichever it was, and comes again in the same order', async () => {
    const before = rbx();
    await session.assign([byte('[0x401010]:u8', '1')]);
    await session.assign([byte('rbx', '7')]);
    await session.assign([byte('[0x401010]:u8', '2')]);
    const seen = [];
    for (const word of ['undo', 'undo', 'undo', 'redo', 'redo', 'redo'] as const) {
      expect(await session[word]()).toMatchObject({ ok: true });
      seen.push([bytesAt(0x20_1010, 1)[0], rbx()]);
    }
    expect(seen).toEqual([
      [1, 7n],
      [1, before],
      [0x10, before],
      [1, before],
      [1, 7n],
      [2, 7n],
    ]);
    expect(await session.redo()).toMatchObject({ ok: false, refusal: { code: 'nothing-to-redo' } });
  });

  test('the journal names what stands, and what is about to, before it does', async () => {
    await session.assign([byte('[0x401010]:u8', '1')]);
    await session.assign([byte('[0x402000]:u8', '2')]);
    expect(journal.memory.map(({ physical }) => physical)).toEqual([0x20_1010n, 0x20_2000n]);
    await session.undo();
    expect(journal.memory.map(({ physical }) => physical)).toEqual([0x20_1010n]);
    await session.restore({ kind: 'all' });
    expect([journal.exists, isAsItWas()]).toEqual([false, true]);
    let kept: readonly bigint[] = [];
    fake.before = () => {
      kept = journal.memory.map(({ physical }) => physical);
    };
    expect(await session.undo()).toMatchObject({ ok: true });
    expect([kept, bytesAt(0x20_1010, 1)]).toEqual([[0x20_1010n], [1]]);
    expect(session.writes().standingMemoryBytes).toBe(1);
    expect(await session.redo()).toMatchObject({ ok: true });
    expect([isAsItWas(), session.writes().standingMemoryBytes]).toEqual([true, 0]);
  });

  test('what could not be rolled back stays in the journal through further writes, and goes back by undo', async () => {
    const { writeHost } = fake.port;
    const untold = fake.bytes.slice();
    let writes = 0;
    // The second page is refused when the first is written, and so is the way back.
    fake.port.writeHost = async (address, before, after) => {
      writes += 1;
      const refused = { ok: false, refusal: { code: 'helper-gone', what: 'the helper is gone' } } as const;
      if (writes > 1)
        return { ok: false, refusal: { ...refused.refusal, where: null, remedy: null, call: null, errno: null } };
      return writeHost?.(address, before, after) ?? refuse('read-only', 'it cannot be written');
    };
    expect(await session.assign([byte('[0x401fff]:u16', '0x0201')])).toMatchObject({
      ok: false,
      refusal: { code: 'roll-back' },
    });
    if (writeHost !== undefined) fake.port.writeHost = writeHost;
    expect(journal.memory.map(({ physical }) => physical)).toEqual([0x20_1fffn, 0x20_2000n]);
    await session.assign([byte('[0x403000]:u8', '1')]);
    expect(journal.memory.map(({ physical }) => physical)).toEqual([0x20_1fffn, 0x20_2000n, 0x20_3000n]);
    await session.undo();
    expect(await session.undo()).toMatchObject({ ok: true });
    expect([Buffer.compare(fake.bytes, untold), journal.memory]).toEqual([0, []]);
  });

  test('bytes that others have written since stay theirs, which is told', async () => {
    await session.assign([byte('[0x401010]:u16', '0x0201')]);
    fake.bytes[0x20_1011] = 0xee;
    expect(await session.undo()).toMatchObject({
      ok: true,
      value: { leftAlone: expect.stringContaining('1 bytes of guest memory were written by others') },
    });
    expect(bytesAt(0x20_1010, 2)).toEqual([0x10, 0xee]);
  });

  test('where the page is gone nothing moves', async () => {
    await session.assign([byte('[0x402010]:u8', '1')]);
    fake.bytes[0x4010] = 0;
    expect(await session.undo()).toMatchObject({ ok: false, refusal: { code: 'not-writable' } });
    expect(session.writes().undoable).toBe(1);
  });
});

describe('[H15] the memory of a model', () => {
  test('is read and written as that of a live guest, and taken back with the run', async () => {
    const model = openModel('int8-product', () => 0);
    if (!model.ok) throw new Error(model.refusal.what);
    const first = await model.value.capture();
    if (!first.ok) throw new Error(first.refusal.what);
    const own = createSession('m', model.value, first.value, { clock: STILL, journal });
    const read = async () => {
      const bytes = await own.withMemory((memory) => memory.readLinear(0x40_2000n, 2));
      return bytes.ok ? [...bytes.value.bytes] : bytes.refusal.code;
    };
    const found = await read();
    await own.step(2);
    expect(await own.assign([byte('[0x402000]:u16', '0x0201')])).toMatchObject({ ok: true });
    expect(await read()).toEqual([1, 2]);
    expect(await own.undo()).toMatchObject({ ok: true });
    expect(await read()).toEqual(found);
    await own.redo();
    await own.step(1);
    await own.rewind(2);
    expect(await read()).toEqual([1, 2]);
    await own.rewind(1);
    expect([await read(), own.writes().undoable]).toEqual([found, 0]);
    expect(await own.assign([byte('[0x100000]:u8', '1')])).toMatchObject({
      ok: false,
      refusal: { code: 'memory-unknown' },
    });
  });
});
