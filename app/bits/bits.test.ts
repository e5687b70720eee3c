import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromBase64, toBase64 } from './base64.ts';
import {
  bytesOfUint,
  concat,
  equalBytes,
  hexDump,
  readU16,
  readU32,
  readU64,
  readUint,
  toHexHighFirst,
  writeU64,
} from './bytes.ts';
import { bitsOf, hasBit, hex64, hexShort, MAX_U64, maskOf, withBit } from './mask.ts';
import { textFromField, textFromUtf8, utf8FromText } from './text.ts';

const u64 = fc.bigInt(0n, MAX_U64);
const bit = fc.integer({ min: 0, max: 63 });

describe('masks', () => {
  test('[B1] bits above 31 are bits like any other', () => {
    expect(withBit(0n, 40, true)).toBe(0x10000000000n);
    expect(hasBit(1n << 63n, 63)).toBe(true);
    expect(bitsOf(0x602e7n)).toEqual([0, 1, 2, 5, 6, 7, 9, 17, 18]);
    expect(hex64(0x602e7n)).toBe('00000000000602e7');
    expect(hexShort(0x602e7n)).toBe('0x602e7');
  });

  test('[B1] a mask is the list of its bits, and a bit set or cleared is that bit only', () => {
    fc.assert(
      fc.property(u64, bit, fc.boolean(), (mask, at, on) => {
        expect(maskOf(bitsOf(mask))).toBe(mask);
        const changed = withBit(mask, at, on);
        expect(hasBit(changed, at)).toBe(on);
        expect(bitsOf(mask ^ changed)).toEqual(hasBit(mask, at) === on ? [] : [at]);
      }),
    );
  });
});

describe('bytes', () => {
  test('[B2] little-endian, from a view at its own offset', () => {
    const view = Uint8Array.from([9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 0x88]).subarray(3);
    expect(readU16(view, 0)).toBe(0x0201);
    expect(readU32(view, 1)).toBe(0x05040302);
    expect(readU64(view, 0)).toBe(0x8807060504030201n);
    expect(readUint(view, 6, 2)).toBe(0x8807n);
    expect(() => readU32(view, 5)).toThrow();
    expect(() => readUint(view, 5, 4)).toThrow();
    expect(bytesOfUint(-2n, 2)).toEqual(Uint8Array.from([0xfe, 0xff]));
  });

  test('[B2] what is written is read', () => {
    fc.assert(
      fc.property(u64, (value) => {
        const bytes = new Uint8Array(12).subarray(2);
        writeU64(bytes, 1, value);
        expect(readU64(bytes, 1)).toBe(value);
        expect(bytesOfUint(value, 8)).toEqual(bytes.slice(1, 9));
      }),
    );
  });

  test('[B3] hex, highest byte first', () => {
    expect(toHexHighFirst(Uint8Array.from([0x80, 0x1f, 0]))).toBe('001f80');
  });

  test('[B2] parts are joined in order, and equal bytes are equal whatever buffer they stand in', () => {
    const joined = concat([Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)]);
    expect(joined).toEqual(Uint8Array.of(1, 2, 3));
    expect(equalBytes(joined.subarray(1), Uint8Array.of(2, 3))).toBe(true);
    expect(equalBytes(joined, Uint8Array.of(1, 2))).toBe(false);
  });

  test('[B6] a hex dump shows offset, bytes and text', () => {
    expect(hexDump(Uint8Array.from([0x41, 0x7f, 0x20]), 0x240)).toBe(
      `00000240  41 7f 20${' '.repeat(15)}  ${' '.repeat(23)}  |A. |`,
    );
    expect(hexDump(new Uint8Array(17)).split('\n')[1]).toMatch(/^00000010 {2}00 /);
  });
});

describe('base64', () => {
  test('[B4] equals what Node makes, and reads back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = toBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect(fromBase64(text)).toEqual({ ok: true, value: bytes });
      }),
    );
  });

  test('[B4] every other text is refused', () => {
    for (const text of ['A', 'AA', 'AA=', 'AB==', 'A===', '====', 'AA==AAAA', 'AA A', 'AA-_', 'AAB=', 'AAA\n']) {
      expect(fromBase64(text), text).toMatchObject({ ok: false });
    }
  });
});

describe('text', () => {
  test('[B5] equals what TextDecoder reads from valid UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const bytes = utf8FromText(text);
        expect(bytes).toEqual(new Uint8Array(new TextEncoder().encode(text)));
        expect(textFromUtf8(bytes)).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
      }),
    );
  });

  test('[B5] any bytes decode, and are valid where TextDecoder says so', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        let valid = true;
        try {
          new TextDecoder('utf-8', { fatal: true }).decode(bytes);
        } catch {
          valid = false;
        }
        expect(textFromUtf8(bytes).includes('�')).toBe(!valid || bytes.join().includes('239,191,189'));
      }),
      { numRuns: 1000 },
    );
    expect(textFromField(Uint8Array.from([0x6b, 0x76, 0x6d, 0, 0xff]))).toBe('kvm');
  });
});
