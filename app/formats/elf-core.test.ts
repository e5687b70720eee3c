import { expect, test } from 'vitest';
import { concat, writeU16, writeU32, writeU64 } from '../bits/bytes.ts';
import { assert } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import { makeCapture, makeImage, presetLayout } from '../fixtures/preset-captures.ts';
import { convertImage, restrictLayout } from '../xsave/convert.ts';
import { compactedLayout, placeOf } from '../xsave/layout.ts';
import { viewComponent } from '../xsave/view.ts';
import { openBytes } from './detect.ts';
import { readCoreNotes } from './elf-notes.ts';
import { writeCore } from './elf-write.ts';

const HI16 = new Uint8Array(1024).map((_, at) => at * 5);

const zen = (mask: bigint): Capture => {
  const layout = restrictLayout(presetLayout('zen5'), mask);
  const { bytes } = makeImage(layout, new Map([[7, HI16]]));
  return makeCapture('zen5', { bytes: bytes.slice(0, layout.totalBytes), layout });
};

const written = (capture: Capture): Uint8Array => {
  const core = writeCore(capture);
  if (!core.ok) throw new Error(JSON.stringify(core.problem));
  return core.value;
};

const opened = (file: Uint8Array) => {
  const result = openBytes('core', file);
  if (!result.ok) throw new Error(JSON.stringify(result.problem));
  return result.value;
};

const refusal = (file: Uint8Array): string => {
  const result = openBytes('core', file);
  return result.ok ? 'opened' : JSON.stringify(result.problem);
};

/** The layout note is the last one of a written core; its type stands 12 bytes of name and head before its records. */
const withoutLayoutNote = (file: Uint8Array, components: number): Uint8Array => {
  const copy = Uint8Array.from(file);
  writeU32(copy, file.length - 16 * components - 8 - 4, 0x7fff);
  return copy;
};

test('[F5] a note of 2432 bytes, which no gdb up to 16 knows: every byte by the layout note', () => {
  const state = opened(written(zen(0xe7n))).states[0]?.capture;
  expect(state?.image.bytes).toHaveLength(2432);
  expect(state?.image.layout.source).toBe('NT_X86_XSAVE_LAYOUT');
  expect(state && placeOf(state.image.layout, 7)?.offsetBytes).toBe(1408);
  expect(state && viewComponent(state.image, 7)).toEqual({ state: 'inUse', bytes: HI16 });
});

test('[F6] and without the note by its size and mask, said to be guessed', () => {
  const state = opened(withoutLayoutNote(written(zen(0xe7n)), 4)).states[0]?.capture;
  expect(state?.image.layout.source).toMatch(/^guessed from its size 2432/);
  expect(state && viewComponent(state.image, 7)).toEqual({ state: 'inUse', bytes: HI16 });
});

test('[F5] a written core gives back the registers, the thread and XCR0', () => {
  const capture = zen(0x2e7n);
  const target = { ...capture.facts.target, pid: 4711, tid: 4712, executable: 'guest-agent' };
  const general = {
    ...{ rax: 1n, rbx: 2n, rcx: 3n, rdx: 4n, rsi: 5n, rdi: 6n, rsp: 7n, rbp: 8n, r8: 9n, r9: 10n, r10: 11n, r11: 12n },
    ...{ r12: 13n, r13: 14n, r14: 15n, r15: 16n, rip: 0xffffffff81000000n, rflags: 0x246n },
  };
  const again = opened(written({ ...capture, facts: { ...capture.facts, target, general } })).states[0];
  expect(again?.label).toBe('thread 4712');
  expect(again?.capture.facts).toMatchObject({ general, xcr0: 0x2e7n, imageCall: 'NT_X86_XSTATE' });
  expect(again?.capture.facts.target).toMatchObject({ pid: 4711, tid: 4712, executable: 'guest-agent', kind: 'file' });
});

test('[F7] a compacted image is not written as a core before it is converted', () => {
  const packed = compactedLayout(presetLayout('zen5'), (1n << 63n) | 0xe7n);
  assert(packed.ok, 'the layout packs');
  const converted = convertImage(zen(0xe7n).image, packed.value);
  assert(converted.ok, 'the image converts');
  expect(writeCore({ ...zen(0xe7n), image: converted.value.image })).toMatchObject({ ok: false });
});

test('[F5] other ELF files are refused, and why', () => {
  const change = (edit: (file: Uint8Array) => void): string => {
    const file = written(zen(0xe7n));
    edit(file);
    return refusal(file);
  };
  expect(change((file) => file.fill(3, 4, 5))).toContain('ELF class is 3');
  expect(change((file) => file.fill(1, 4, 5))).toContain('i386 is 3 in the 32-bit class');
  expect(change((file) => file.fill(2, 5, 6))).toContain('little-endian');
  expect(change((file) => writeU16(file, 16, 3))).toContain('ELF type is 3');
  expect(change((file) => writeU16(file, 18, 183))).toContain('machine is 183');
  expect(change((file) => writeU16(file, 54, 32))).toContain('32 bytes');
  expect(change((file) => writeU16(file, 56, 0))).toContain('no NT_X86_XSTATE');
  expect(change((file) => writeU64(file, 32, 0xffffffffffffff00n))).toContain('truncated');
});

test('[F5] more program headers than 16 bits count: their number is in section 0', () => {
  const file = written(zen(0xe7n));
  const section = new Uint8Array(64);
  writeU32(section, 44, 1);
  writeU16(file, 56, 0xffff);
  writeU64(file, 40, BigInt(file.length));
  expect(opened(concat([file, section])).states).toHaveLength(1);
  writeU64(file, 40, 0xffffffffffffffffn);
  expect(refusal(concat([file, section]))).toContain('truncated');
});

test('[F5] a layout note that contradicts itself is not replaced by a guess', () => {
  const file = written(zen(0xe7n));
  // The second record's offset: opmask into the middle of AVX.
  writeU32(file, file.length - 16 * 3 + 8, 600);
  expect(refusal(file)).toContain('begins inside');
});

test('[F7] NT_PRFPREG has initial values where the image has stale bytes: it has no XSTATE_BV to say so', () => {
  const capture = zen(0xe7n);
  const bytes = capture.image.bytes.slice();
  bytes.fill(0x11, 0, 24);
  bytes.fill(0x22, 32, 416);
  const core = written({ ...capture, image: { ...capture.image, bytes } });
  const notes = readCoreNotes('core', core, new Set([2]));
  assert(notes.ok, 'notes are read');
  const fp = notes.value.find(({ type, name }) => type === 2 && name === 'CORE')?.desc ?? new Uint8Array(0);
  expect(fp).toHaveLength(512);
  expect([fp[0], fp[1]]).toEqual([0x7f, 0x03]);
  expect(fp.subarray(2, 24).every((byte) => byte === 0)).toBe(true);
  expect(fp.subarray(32, 416).every((byte) => byte === 0)).toBe(true);
});
