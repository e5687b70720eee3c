import { expect, test } from 'vitest';
import { hexDump } from '../bits/bytes.ts';
import { hasBit } from '../bits/mask.ts';
import type { Capture } from '../capture/capture.ts';
import type { Cpuid } from '../cpu/cpuid.ts';
import { stageAssignments } from '../edit/assign.ts';
import { applyEdit, invertEdit } from '../fixtures/patches.ts';
import { makeCapture, makeImage, presetCpuid, presetLayout } from '../fixtures/preset-captures.ts';
import { captureText, parseCaptureText } from '../session/document.ts';
import { convertImage } from '../xsave/convert.ts';
import { xstateBv } from '../xsave/header.ts';
import { compactedLayout, layoutFromCpuid } from '../xsave/layout.ts';
import { firstRefusal, preflight } from '../xsave/preflight.ts';
import { viewComponent } from '../xsave/view.ts';
import { checkRestore } from './check.ts';
import { layoutTable } from './layouts.ts';

/** Ice Lake with a component 23 that no public document defines, 64 bytes behind PKRU. */
const UNKNOWN = 23;
const cpuid: Cpuid = [
  ...presetCpuid('ice-lake-sp').map((entry) =>
    entry.leaf === 0xd && entry.subleaf === 0
      ? { ...entry, eax: entry.eax | (1 << UNKNOWN), ecx: 2752 + 64, ebx: 2752 + 64 }
      : entry,
  ),
  { leaf: 0xd, subleaf: UNKNOWN, eax: 64, ebx: 2752, ecx: 2, edx: 0 },
];
const layout = (() => {
  const read = layoutFromCpuid(cpuid, 'host CPUID 0xD');
  if (!read.ok) throw new Error('no layout');
  return read.value;
})();
const contents = new Uint8Array(64).map((_, at) => 0xc0 ^ at);
const supported = 0x2e7n | (1n << BigInt(UNKNOWN));
const capture: Capture = makeCapture('ice-lake-sp', makeImage(layout, new Map([[UNKNOWN, contents]])), {
  guestCpuid: cpuid,
  hostCpuid: [...cpuid, { leaf: 1, subleaf: 0, eax: 0, ebx: 0, ecx: 1 << 26, edx: 0 }],
  supportedXcr0: supported,
});

test('[K9] a component without definition has a row with the size and offset of CPUID, and its bytes can be read', () => {
  const row = layoutTable(capture).rows.find(({ bit }) => bit === UNKNOWN);
  expect(row).toMatchObject({ name: 'component 23', kind: 'unknown', difference: 'same' });
  expect(row?.places[2]).toMatchObject({ offsetBytes: 2752, sizeBytes: 64, aligned64: true });
  const view = viewComponent(capture.image, UNKNOWN);
  expect(view).toEqual({ state: 'inUse', bytes: contents });
  expect(view.state === 'inUse' && hexDump(view.bytes, 2752)).toContain('00000ac0  c0 c1 c2 c3');
});

test('[K9] a write to another component keeps its bytes and its bit, and so does taking it back', () => {
  const staged = stageAssignments(capture, [{ path: 'zmm3:u32[0]', value: '7' }]);
  if (!staged.ok) throw new Error('not staged');
  const { image, edit } = staged.value;
  expect(viewComponent(image, UNKNOWN)).toEqual({ state: 'inUse', bytes: contents });
  expect(firstRefusal(preflight(image, capture.facts))).toBeNull();
  const back = applyEdit(image, invertEdit(edit));
  expect(back.ok && back.value.bytes).toEqual(capture.image.bytes);
});

test('[K9] file, conversion and the compacted format keep it', () => {
  expect(parseCaptureText(captureText(capture))).toEqual({ ok: true, value: capture });
  const packed = compactedLayout(layout, (1n << 63n) | supported);
  if (!packed.ok) throw new Error('no layout');
  const there = convertImage(capture.image, packed.value);
  const back = there.ok ? convertImage(there.value.image, layout) : there;
  expect(back.ok && back.value.lost).toEqual([]);
  expect(back.ok && viewComponent(back.value.image, UNKNOWN)).toEqual({ state: 'inUse', bytes: contents });
});

test('[K9] where it is not known it is lost and refused by its number', () => {
  const verdict = checkRestore(capture, {
    kind: 'target',
    facts: makeCapture('ice-lake-sp', makeImage(presetLayout('ice-lake-sp'), new Map())).facts,
  });
  expect(verdict.ok && verdict.value.lost.map(({ name }) => name)).toEqual(['component 23']);
  expect(verdict.ok && verdict.value.firstRefusal?.sentence).toContain('23 (component 23)');
  expect(verdict.ok && hasBit(xstateBv(verdict.value.image), UNKNOWN)).toBe(false);
});
