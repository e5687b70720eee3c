import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GeneralRegisters } from '../../app/capture/capture.ts';
import { isStopped } from '../../app/debug/run-state.ts';
import { type FakeMemory, fakeMemory, memoryCapture } from '../../app/debug/testing/fake-memory.ts';
import { type FakeTarget, fakeTarget } from '../../app/debug/testing/fake-target.ts';
import { answer } from '../../app/refusals/refusal.ts';
import { executableOf, startTimeOf } from '../io/processes.ts';
import { createKeptSession } from './kept-session.ts';
import { createRecovery } from './recovery.ts';

const ID = 'cd'.repeat(16);

let folder: string;
let fake: FakeMemory;
let target: FakeTarget;
let untouched: Uint8Array;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-memory-'));
  fake = fakeMemory();
  untouched = fake.bytes.slice();
  const capture = memoryCapture();
  const here = { pid: process.pid, startTimeTicks: startTimeOf('self'), executable: executableOf(process.pid) };
  const named = { ...capture.facts.target, kind: 'live' as const, ...here };
  target = Object.assign(fakeTarget({ ...capture, facts: { ...capture.facts, target: named } }), { memory: fake.port });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const isAsItWas = (): boolean => Buffer.compare(fake.bytes, untouched) === 0;
const files = (): string[] => readdirSync(folder);
const entry = () => JSON.parse(readFileSync(join(folder, files()[0] ?? ''), 'utf8'));
const attached = async () => {
  const first = await target.capture();
  if (!first.ok) throw new Error(first.refusal.what);
  return createKeptSession(ID, target, first.value, folder);
};
const at =
  (address: bigint, ...bytes: number[]) =>
  async () =>
    answer([{ address, isPhysical: false, bytes: Uint8Array.from(bytes) }]);
const recovery = () =>
  createRecovery({ journalFolder: folder, openLive: async () => answer(target), isOpen: () => false });

describe('[GW3] guest memory in the journal', () => {
  test('what stood there is on disk before the first byte is written', async () => {
    let before: unknown;
    fake.before = () => {
      before = entry().memory;
    };
    expect(await (await attached()).writeMemory(at(0x40_1010n, 1, 2))).toMatchObject({ ok: true });
    expect(before).toEqual([{ physical: '0x201010', before: '1011', after: '0102' }]);
    expect(target.log).toEqual(['capture', 'freeze', 'capture', 'resume']);
  });

  test('a later start puts it back, and forgets it', async () => {
    const session = await attached();
    await session.writeMemory(at(0x40_1ffen, 1, 2, 3, 4));
    await session.writeMemory(at(0x40_2000n, 9));
    expect(isAsItWas()).toBe(false);
    expect(await recovery().recover(ID)).toMatchObject({ ok: true });
    expect(isAsItWas()).toBe(true);
    expect(files()).toEqual([]);
  });

  test('so it does where the write died half way, or was never begun', async () => {
    for (const written of [[], [1]]) {
      await (await attached()).writeMemory(at(0x40_1010n, 1, 2));
      fake.bytes.set([0x10, 0x11], 0x20_1010);
      fake.bytes.set(written, 0x20_1010);
      expect(await recovery().recover(ID)).toMatchObject({ ok: true });
      expect(isAsItWas()).toBe(true);
    }
  });

  test('what the guest has written since stays, which is said, and the rest goes back', async () => {
    await (await attached()).writeMemory(at(0x40_1010n, 1, 2));
    fake.bytes[0x20_1011] = 0xee;
    expect(await recovery().recover(ID)).toMatchObject({ ok: false, refusal: { code: 'overtaken' } });
    expect([...fake.bytes.subarray(0x20_1010, 0x20_1012)]).toEqual([0x10, 0xee]);
    expect(files()).toEqual([]);
  });

  test('where no page of the guest leads there now, nothing is put back and the entry stays', async () => {
    await (await attached()).writeMemory(at(0x40_1010n, 1, 2));
    fake.bytes.fill(0, 0x4008, 0x4010);
    target.state = {
      ...target.state,
      facts: {
        ...target.state.facts,
        general: { ...(target.state.facts.general as GeneralRegisters), rip: 0x40_2000n },
      },
    };
    expect(await recovery().recover(ID)).toMatchObject({ ok: false, refusal: { code: 'not-writable' } });
    expect(files()).toHaveLength(1);
    expect(isStopped(target)).toBe(false);
  });

  test.each([
    ['bytes of two pages', { physical: '0x201fff', before: '0102', after: '0304' }],
    ['sides of two lengths', { physical: '0x201000', before: '0102', after: '03' }],
    ['no hex', { physical: '0x201000', before: 'zz', after: '03' }],
  ])('an entry with %s is not read', async (_what, patch) => {
    await (await attached()).writeMemory(at(0x40_1010n, 1, 2));
    writeFileSync(join(folder, files()[0] ?? ''), JSON.stringify({ ...entry(), memory: [patch] }));
    expect(await recovery().orphans()).toMatchObject({ ok: true, value: [{ state: 'unreadable' }] });
  });

  test('an entry of version 3 is read, and names none', async () => {
    await (await attached()).writeMemory(at(0x40_1010n, 1, 2));
    const { memory, ...former } = entry();
    expect(memory).toHaveLength(1);
    writeFileSync(join(folder, files()[0] ?? ''), JSON.stringify({ ...former, version: 3 }));
    expect(await recovery().recover(ID)).toMatchObject({ ok: true });
    expect(fake.bytes[0x20_1010]).toBe(1);
  });
});

describe('[GW4] guest memory of a session', () => {
  test('is taken back, the last write first', async () => {
    const session = await attached();
    await session.writeMemory(at(0x40_1010n, 1));
    await session.writeMemory(at(0x40_1010n, 2));
    await session.undo();
    expect(fake.bytes[0x20_1010]).toBe(1);
    await session.undo();
    expect(isAsItWas()).toBe(true);
    expect(await session.undo()).toMatchObject({ ok: false, refusal: { code: 'nothing-to-undo' } });
    expect(entry().memory).toEqual([]);
  });

  test('goes back with everything, on detach too', async () => {
    const session = await attached();
    await session.writeMemory(at(0x40_1010n, 1));
    expect(await session.restore({ kind: 'all' })).toMatchObject({ ok: true });
    expect(isAsItWas()).toBe(true);
    expect(files()).toEqual([]);
    await session.writeMemory(at(0x40_1010n, 1));
    expect(await session.detach(true)).toEqual(answer(null));
    expect(isAsItWas()).toBe(true);
  });

  test('the vCPU runs on as it did, whatever came of it', async () => {
    const session = await attached();
    expect(await session.writeMemory(at(0x40_6000n, 1))).toMatchObject({ ok: false });
    expect(isStopped(target)).toBe(false);
    await session.freeze();
    await session.writeMemory(at(0x40_1010n, 1));
    expect(isStopped(target)).toBe(true);
  });
});
