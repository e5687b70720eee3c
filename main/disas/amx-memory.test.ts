import { describe, expect, test } from 'vitest';
import { assert } from '../../app/bits/decoded.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { type Code, readCode, readRows } from '../../app/debug/guest-view.ts';
import { createSession } from '../../app/debug/session.ts';
import { fakeTarget } from '../../app/debug/testing/fake-target.ts';
import { memoryJournal } from '../../app/debug/testing/memory-journal.ts';
import type { MemoryPort } from '../../app/memory/guest-memory.ts';
import { answer } from '../../app/refusals/refusal.ts';
import { TILE_STRIDE_BYTES, tileByteOffset } from '../../app/tile/geometry.ts';
import { tileBytes } from '../../app/tile/tile-bytes.ts';
import { stepCaptures } from '../../app/wire/step-capture.ts';
import { captureAt, recordsOf, replyTo, sure } from '../../app/wire/testing/amx-recording.ts';
import { BIT } from '../../app/xsave/components.ts';
import { componentBytesOrInit } from '../../app/xsave/view.ts';
import { icedDecoder } from './iced.ts';

/*
 * What Tilescope says of LDTILECFG and TILELOADD before they are executed, beside what they have done to a guest on KVM with AMX: its
 * memory, mappings and translations as the helper gave them, stop by stop (native/test/amx_memory.c).
 */

const PAGE = 4096n;
const PARTS = [
  { step: 'memory-code', from: 0x1000n },
  { step: 'memory-tables', from: 0x8000n },
  { step: 'memory-area', from: 0x20000n },
] as const;

const { mappings } = replyTo('mappings', 'memory-mappings');
const host = mappings.find(({ start, end }) => end - start === 0x100000n)?.start ?? 0n;
const { translations } = replyTo('translate', 'memory-translations');

/** Memory as it was read there; what was not read cannot be. */
const recordedMemory = (): MemoryPort & { readonly parts: readonly { at: bigint; bytes: Uint8Array }[] } => {
  const parts = PARTS.map(({ step, from }) => ({ at: host + from, bytes: replyTo('readMemory', step).bytes.slice() }));
  return {
    parts,
    mappings: async () => answer(mappings),
    readHost: async (address, bytes) => {
      const part = parts.find(
        ({ at, bytes: held }) => address >= at && address + BigInt(bytes) <= at + BigInt(held.length),
      );
      return part === undefined ? null : part.bytes.slice(Number(address - part.at), Number(address - part.at) + bytes);
    },
    translate: async (linear) =>
      linear.map((one) => {
        const page = translations[Number(one / PAGE)];
        return page?.valid ? { valid: true, physical: page.physical + (one % PAGE) } : { valid: false, physical: 0n };
      }),
  };
};

const before = captureAt('loads-before');
const stops = [before, ...sure(stepCaptures(before, recordsOf('loads-steps'), 0))];

const sessionAt = (capture: Capture, memory: MemoryPort) => {
  const target = Object.assign(fakeTarget(capture), { memory });
  const clock = { sleep: async () => undefined, after: () => () => undefined };
  return createSession('s', target, capture, { clock, journal: memoryJournal() });
};

const codeAt = async (capture: Capture, memory = recordedMemory()): Promise<Code> => {
  const request = { address: '', count: 1, syntax: 'intel', symbols: null, loadAddress: null } as const;
  const code = await readCode(sessionAt(capture, memory), icedDecoder, request);
  if (!code.ok) throw new Error(code.refusal.what);
  return code.value;
};

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Bytes of a tile that are not those of its memory, or outside of rows and columns not zero. */
const differing = (tile: Uint8Array, rows: readonly string[]): readonly number[] => {
  const wanted = new Uint8Array(TILE_STRIDE_BYTES);
  for (const [row, hex] of rows.entries()) wanted.set(Buffer.from(hex, 'hex'), tileByteOffset(0, row));
  return Array.from(wanted.keys()).filter((at) => wanted[at] !== tile[at]);
};

const blockOf = async (capture: Capture, memory: MemoryPort): Promise<{ tile: number; rows: readonly string[] }> => {
  const { tile: move } = await codeAt(capture, memory as ReturnType<typeof recordedMemory>);
  assert(move !== null, 'a tile is moved');
  const { base: address, stride, rows, colsb: rowBytes } = move;
  const view = await readRows(sessionAt(capture, memory), { address, stride, rows, rowBytes, isPhysical: false });
  if (!view.ok) throw new Error(view.refusal.what);
  return { tile: move.tile, rows: view.value.rows.map(({ hex }) => hex) };
};

const loads = async (): Promise<readonly { readonly at: Capture; readonly after: Capture }[]> => {
  const found: { at: Capture; after: Capture }[] = [];
  for (const [index, at] of stops.slice(0, -1).entries()) {
    const after = stops[index + 1];
    if (after !== undefined && (await codeAt(at)).instructions[0]?.mnemonic === 'tileloadd') found.push({ at, after });
  }
  return found;
};

describe('tile instructions of a guest on KVM with AMX', () => {
  test('[GM2] its memory is proved, and the code that is next is LDTILECFG', async () => {
    const code = await codeAt(before);
    expect(code.translations).toBeGreaterThan(3);
    expect(code.instructions[0]?.mnemonic).toBe('ldtilecfg');
  });

  test('[TO2] the 64 bytes of LDTILECFG break no rule before it, and are TILECFG after it', async () => {
    const { tileConfig } = await codeAt(before);
    expect(tileConfig).toMatchObject({ broken: [] });
    const [, after] = stops;
    assert(after !== undefined, 'it was executed');
    expect(hexOf(componentBytesOrInit(after.image, BIT.XTILECFG))).toBe(tileConfig?.hex);
    const spoilt = recordedMemory();
    const area = spoilt.parts[2];
    assert(area !== undefined && tileConfig !== null, 'the configuration was read');
    area.bytes[Number(BigInt(tileConfig.address) - 0x20000n) + 48] = 17;
    const { broken } = (await codeAt(before, spoilt)).tileConfig ?? { broken: [] };
    expect(broken).toEqual([expect.stringContaining('rows[0] is 17')]);
  });

  test('[TO1] the memory of each TILELOADD is its tile right after it, byte by byte, and zero is what is outside', async () => {
    const shapes: unknown[] = [];
    for (const { at, after } of await loads()) {
      const { tile, rows } = await blockOf(at, recordedMemory());
      expect(differing(tileBytes(after.image, tile) ?? new Uint8Array(), rows), `tmm${tile}`).toEqual([]);
      // It has not been loaded before: each has bytes of its own.
      expect(differing(tileBytes(at.image, tile) ?? new Uint8Array(), rows).length, `tmm${tile}`).toBeGreaterThan(0);
      shapes.push([tile, rows.length, (rows[0]?.length ?? 0) / 2]);
    }
    expect(shapes).toEqual([
      [1, 10, 24],
      [2, 6, 56],
      [4, 7, 12],
      [5, 3, 36],
      [6, 16, 64],
    ]);
  });

  test('[TO1] a byte of memory that is another than it was loaded is the one that differs', async () => {
    for (const { at, after } of await loads()) {
      const spoilt = recordedMemory();
      const { tile: move } = await codeAt(at);
      const area = spoilt.parts[2];
      assert(area !== undefined && move !== null, 'a tile is moved');
      const place = Number(BigInt(move.base) - 0x20000n) + (move.rows - 1) * Number(move.stride) + move.colsb - 1;
      area.bytes[place] = (area.bytes[place] ?? 0) ^ 1;
      const { tile, rows } = await blockOf(at, spoilt);
      const found = differing(tileBytes(after.image, tile) ?? new Uint8Array(), rows);
      expect(found, `tmm${tile}`).toEqual([tileByteOffset(0, move.rows - 1) + move.colsb - 1]);
    }
  });

  test('[TO1] no load faults before it is executed, and none did', async () => {
    for (const { at, after } of await loads()) {
      const { tile, execution, instructions } = await codeAt(at);
      expect(tile).toMatchObject({ stores: false, startRow: 0, faultRow: null, why: null });
      expect(after.facts.general?.rip).toBe((execution.next ?? 0n) + BigInt(instructions[0]?.bytes.length ?? 0));
    }
  });
});
