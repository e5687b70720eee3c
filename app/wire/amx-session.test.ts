import { describe, expect, test } from 'vitest';
import { fromHexInOrder, readU32 } from '../bits/bytes.ts';
import { assert, type Decoded } from '../bits/decoded.ts';
import { bitsOf, hasBit } from '../bits/mask.ts';
import type { Capture } from '../capture/capture.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import { checkTracedProducts } from '../debug/traced-products.ts';
import { decodeRefusal } from '../refusals/helper-refusal.ts';
import { parsePath } from '../register/path.ts';
import { showJson } from '../register/read.ts';
import { tileConfigOf } from '../tile/config.ts';
import { TILE_STRIDE_BYTES, tileByteOffset } from '../tile/geometry.ts';
import { expectedProduct } from '../tile/product.ts';
import { compareProduct } from '../tile/product-compare.ts';
import type { ProductInstruction } from '../tile/product-instruction.ts';
import { type ProductOperands, productExtents } from '../tile/product-shape.ts';
import { BIT } from '../xsave/components.ts';
import { enablementOf, xfdArmed } from '../xsave/enablement.ts';
import { msrValue } from '../xsave/facts.ts';
import { xstateBv } from '../xsave/header.ts';
import { componentBytesOrInit, viewComponent } from '../xsave/view.ts';
import { STATUS } from './frames.ts';
import { EVENTS, MESSAGES } from './messages.ts';
import { stepCaptures } from './step-capture.ts';
import {
  answers,
  attached,
  captureAt,
  recordsOf,
  refusalOf,
  replyTo,
  requests,
  steps,
  sure,
} from './testing/amx-recording.ts';

const tileOf = ({ image }: Capture, tile: number): Uint8Array => {
  const start = tileByteOffset(tile, 0);
  return componentBytesOrInit(image, BIT.XTILEDATA).subarray(start, start + TILE_STRIDE_BYTES);
};

const show = (capture: Capture, path: string): unknown => showJson(capture, sure(parsePath(path)));

const productOf = (capture: Capture, instruction: ProductInstruction, operands: ProductOperands) => {
  const extents = productExtents(sure(tileConfigOf(capture.image)), operands);
  const tiles = {
    c: new Uint8Array(TILE_STRIDE_BYTES),
    a: tileOf(capture, operands.a),
    b: tileOf(capture, operands.b),
  };
  const expected = sure(expectedProduct(instruction, tiles, extents));
  const type = instruction === 'TDPBSSD' ? 'i32' : 'f32';
  return compareProduct(expected, tileOf(capture, operands.c), extents.c, type);
};

const INT8: ProductOperands = { c: 0, a: 1, b: 2 };
const BF16: ProductOperands = { c: 3, a: 4, b: 5 };
const AMX = [BIT.XTILECFG, BIT.XTILEDATA];

/** C += A · B as the guest has them, and the TILEZERO between: what a trace of these steps would have kept. */
const TRACED_CODE = ['c4e26b5ec1', 'c4e27b49d8', 'c4e2525cdc', 'c3'].map(
  (hex) => fromHexInOrder(hex) ?? new Uint8Array(),
);

describe('a session recorded on KVM with AMX', () => {
  test('[W1] every request has one answer, and every step is one of them', () => {
    const replies = answers.filter(({ status }) => status !== STATUS.EVENT);
    expect(replies.map(({ requestId }) => requestId)).toEqual(requests.map(({ requestId }) => requestId));
    expect(replies.map(({ code }) => code)).toEqual(requests.map(({ code }) => code));
    expect(steps.map(({ requestId }) => requestId)).toEqual(requests.map(({ requestId }) => requestId));
    expect(new Set(steps.map(({ step }) => step)).size).toBe(steps.length);
  });

  test('[W4] every answer decodes by its catalogue row, and not when a byte is missing', () => {
    const decoders: { readonly code: number; readonly decode: (bytes: Uint8Array) => Decoded<unknown> }[] = [
      ...Object.values(MESSAGES),
      ...Object.values(EVENTS),
    ];
    for (const { code, status, payload } of answers) {
      const decode = status === STATUS.REFUSED ? decodeRefusal : decoders.find((row) => row.code === code)?.decode;
      assert(decode !== undefined, `code ${code}`);
      sure(decode(payload));
      // Memory is as many bytes as were asked for: who asked compares.
      if (code !== MESSAGES.readMemory.code && payload.length > 0)
        expect(decode(payload.subarray(0, -1)).ok).toBe(false);
    }
  });

  test('[W6] sizes and permission are those of a guest with AMX', () => {
    expect(attached).toMatchObject({ capXsave2Vm: 11008, capXsave2System: 11008, imageBytes: 11008 });
    expect(attached).toMatchObject({ guestPermission: 0x602e7n, supportedXcr0: 0x602e7n });
    expect(replyTo('listTargets', 'listed').targets.flatMap(({ vcpus }) => vcpus.map(({ tid }) => tid))).toContain(
      attached.tid,
    );
    expect(captureAt('loaded').facts.sizes).toEqual({
      capXsave2Vm: 11008,
      capXsave2System: 11008,
      writtenBytes: 11008,
      legacyErrno: 22,
    });
  });

  test.each([
    ['before-tiles', [], 0n, 0n, 0x602e7n],
    ['loaded', AMX, 0n, 0n, 0x602e7n],
    ['multiplied', AMX, 0n, 0n, 0x602e7n],
    ['frozen', AMX, 0n, 0n, 0x602e7n],
    ['after-change', AMX, 0n, 0n, 0x602e7n],
    ['after-refusals', AMX, 0n, 0n, 0x602e7n],
    ['after-arming', [BIT.XTILECFG], 0x40000n, 0n, 0x602e7n],
    ['in-nm-handler', [BIT.XTILECFG], 0x40000n, 0x40000n, 0x602e7n],
    ['after-disarming', [BIT.XTILECFG], 0n, 0n, 0x602e7n],
    ['multiplied-again', AMX, 0n, 0n, 0x602e7n],
    ['released', [], 0n, 0n, 0x602e7n],
    ['after-xcr0', [], 0n, 0n, 0x2e7n],
  ] as const)('[W8] %s: components in use, IA32_XFD, IA32_XFD_ERR, XCR0', (name, inUse, xfd, xfdErr, xcr0) => {
    const { image, facts } = captureAt(name);
    expect(bitsOf(xstateBv(image)).filter((bit) => bit >= BIT.XTILECFG)).toEqual(inUse);
    expect(msrValue(facts, MSR_INDEX.IA32_XFD)).toBe(xfd);
    expect(msrValue(facts, MSR_INDEX.IA32_XFD_ERR)).toBe(xfdErr);
    expect(facts).toMatchObject({ xcr0, inKvmRun: true, frozen: name === 'frozen' });
    expect(xfdArmed(facts, BIT.XTILEDATA)).toBe(xfd !== 0n);
    expect(enablementOf(facts, image, BIT.XTILEDATA)).toEqual({
      supported: 'yes',
      enabled: hasBit(xcr0, BIT.XTILEDATA) ? 'yes' : 'no',
      permitted: 'yes',
      inUse: viewComponent(image, BIT.XTILEDATA).state === 'inUse' ? 'yes' : 'no',
    });
  });

  test.each(['multiplied', 'frozen', 'multiplied-again'])(
    '[M7] %s: both products are the manual’s to the bit',
    (name) => {
      const capture = captureAt(name);
      const clean = { differences: [], nonZeroOutside: 0 };
      expect(productOf(capture, 'TDPBSSD', INT8)).toEqual({ cells: 10 * 14, ...clean });
      expect(productOf(capture, 'TDPBF16PS', BF16)).toEqual({ cells: 7 * 9, ...clean });
      expect(tileOf(capture, 0).some((byte) => byte !== 0) && tileOf(capture, 3).some((byte) => byte !== 0)).toBe(true);
    },
  );

  test('[M10] the dword that was changed is the one difference, and reads back', () => {
    const written = replyTo('setImage', 'changed');
    const capture = captureAt('after-change');
    expect(written.readBack).toEqual(capture.image.bytes);
    const { differences } = productOf(capture, 'TDPBSSD', INT8);
    expect(differences.map(({ row, column, foundBits }) => ({ row, column, foundBits }))).toEqual([
      { row: 3, column: 5, foundBits: 0x5eed5eed },
    ]);
    expect(show(capture, 'tmm0:i32[3][5]')).toBe(0x5eed5eed);
    expect(readU32(tileOf(captureAt('multiplied'), 0), tileByteOffset(0, 3, 20))).not.toBe(0x5eed5eed);
    expect(tileOf(captureAt('after-refusals'), 0)).toEqual(tileOf(capture, 0));
  });

  test('[TP2] traced, both products are checked instruction by instruction; one bit that is wrong shows', () => {
    const before = captureAt('before-products');
    const records = recordsOf('products');
    const captures = [before, ...sure(stepCaptures(before, records, 0))];
    const traced = (all: readonly Capture[]) =>
      checkTracedProducts(
        all.map((capture, at) => ({
          ...{ number: at + 1, cause: at === 0 ? 'attach' : 'step', capture, code: TRACED_CODE[at] ?? null },
        })),
      );
    expect(traced(captures)).toEqual({ checked: 2, differing: [], unchecked: [], unknownSteps: 0 });
    const wrong = captures.map((capture, at) => {
      if (at !== 3) return capture;
      const bytes = capture.image.bytes.slice();
      const place = capture.image.layout.components.find(({ bit }) => bit === BIT.XTILEDATA);
      assert(place !== undefined, 'tiles have a place');
      const offset = place.offsetBytes + tileByteOffset(3, 2) + 4;
      bytes[offset] = (bytes[offset] ?? 0) ^ 1;
      return { ...capture, image: { ...capture.image, bytes } };
    });
    const [one, ...more] = traced(wrong).differing;
    expect(more).toEqual([]);
    expect(one).toMatchObject({ stop: 3, instruction: 'TDPBF16PS', c: 3, a: 4, b: 5 });
    expect(one?.comparison.differences).toMatchObject([{ row: 2, column: 1 }]);
  });

  test('[TP2] an operand that we changed between the stop before a product and the product: that product is named', () => {
    const before = captureAt('spoilt-before');
    const records = recordsOf('spoilt-steps');
    const captures = [before, ...sure(stepCaptures(before, records, 0))];
    const stops = captures.map((capture, at) => ({
      ...{ number: at + 1, cause: at === 0 ? 'attach' : 'step', capture, code: TRACED_CODE[at] ?? null },
    }));
    const found = checkTracedProducts(stops);
    expect(found).toMatchObject({ checked: 2, unchecked: [], unknownSteps: 0 });
    const [one, ...more] = found.differing;
    expect(more).toEqual([]);
    expect(one).toMatchObject({ stop: 1, instruction: 'TDPBSSD', c: 0, a: 1, b: 2, comparison: { nonZeroOutside: 0 } });
    // A byte of row 4 of A goes into each cell of row 4, but where B has 0 beside it.
    const { differences } = one?.comparison ?? { differences: [] };
    expect(new Set(differences.map(({ row }) => row))).toEqual(new Set([4]));
    expect(differences.map(({ column }) => column)).toEqual(
      Array.from({ length: 14 }, (_, column) => column).filter((column) => tileOf(before, 2)[column * 4 + 2] !== 0),
    );
  });

  test('[T6] TILECFG is what the guest loaded, and configures nothing after TILERELEASE', () => {
    expect(sure(tileConfigOf(captureAt('loaded').image))).toEqual({
      paletteId: 1,
      startRow: 0,
      tiles: [
        { rows: 10, colsb: 56 },
        { rows: 10, colsb: 24 },
        { rows: 6, colsb: 56 },
        { rows: 7, colsb: 36 },
        { rows: 7, colsb: 12 },
        { rows: 3, colsb: 36 },
        { rows: 16, colsb: 64 },
        { rows: 0, colsb: 0 },
      ],
    });
    expect(sure(tileConfigOf(captureAt('released').image)).paletteId).toBe(0);
    expect(show(captureAt('released'), 'tmm0:i32')).toEqual({ state: 'init' });
  });

  test('[W7] the guard refused both dangerous moves and named the component; KVM refused two values', () => {
    expect(refusalOf('arming-refused')).toMatchObject({ reason: 'GUARD_ARMING_OVER_STATE', mask: 0x40000n });
    expect(refusalOf('image-refused')).toMatchObject({ reason: 'GUARD_XFD_COVERS_IMAGE', mask: 0x40000n });
    expect(refusalOf('xfd-of-tilecfg-refused')).toMatchObject({
      reason: 'CALL_FAILED',
      call: 'KVM_SET_MSRS',
      errno: 22,
    });
    expect(refusalOf('xcr0-refused')).toMatchObject({ reason: 'CALL_FAILED', call: 'KVM_SET_XCRS', errno: 22 });
  });

  test('[W8] arming gave the tiles up; the #NM handler stood behind the instruction; the registers came along', () => {
    const armed = replyTo('setMsr', 'armed');
    expect(armed.value).toBe(0x40000n);
    const atNm = captureAt('in-nm-handler');
    expect(viewComponent(atNm.image, BIT.XTILEDATA).state).toBe('init');
    expect(atNm.facts.general?.rip).not.toBe(captureAt('after-arming').facts.general?.rip);
    expect(atNm.facts.control?.cr4).toBe(0x40620n);
    expect(replyTo('setMsr', 'disarmed').value).toBe(0n);
    expect(replyTo('setXcr0', 'xcr0-without-amx').value).toBe(0x2e7n);
    expect(replyTo('setXcr0', 'xcr0-back').value).toBe(0x602e7n);
  });
});
