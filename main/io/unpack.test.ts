import { readFileSync } from 'node:fs';
import * as zlib from 'node:zlib';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { decodeFile } from './captures.ts';
import { unpacked } from './unpack.ts';
import { TooLong, unzstd } from './zstd.ts';

const image = sampleCapture().image.bytes;
const what = async (bytes: Uint8Array): Promise<string> => {
  const opened = await decodeFile('file', bytes);
  return opened.ok ? opened.value.kind : `${opened.refusal.what}; ${opened.refusal.remedy}`;
};

const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
/** What xz -9e makes of the image of a Zen 4 among the cases, and of a MiB of zeros. */
const XZ_IMAGE = fromBase64(
  [
    '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4AmHARddAD+AvBt6v5vvCv2/oM0p9WHCmU58rHz7+NG5BcnJuPTQ474DIlFAyDjkg7vH',
    'mQ2xFpTRz7dNy+e3bEim6TLU4KNxNQOX/OD0o6amO/fWci+XyMw3mkj3bvcvWiEoCKfqQ8XXQvucThXR6pTqztEEyrQQves6ZOpz',
    'aCDGiyKReemmlDJMzk2+S79WuAPzNgYXpZJPADbfGas+4li9nn7FNg6qWqYWZzp9Ur1GmXtgiyoEGSabphL/bYtbHSgRY8WejL1m',
    '74pXghNlNBudpiBQu0zT9iHbg80WLA2GmEY4IBS7tPjgQ3z2GSxOznlOFQu9mutZMC2vEz3QaN/RYhnvH0le7JTMaazQmeVCyFGR',
    'uvhIzmQKmAQTAAAAIjZC2xBK4SwAAbMCiBMAAJtlRhOxxGf7AgAAAAAEWVo=',
  ].join(''),
);
const XZ_ZEROS = fromBase64(
  [
    '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM7///ANldAABv/f//o7f/Rz5IFXI5YVG4kijmo4YH+e7kHoLTL8U6PAFLsX7JiopNL6MN',
    '2X+m44wjEVPgWRjFdYrid/i2lH8MasDedElk4ulcU7IE2PdEDKtfDW1G6eXDdoi3llestk3haR1v+0uIEGxCy4g/XACP0E6vJiiU',
    'cR89jyThcJ6nI1/sKMuF0ZWYin4qkfIndfcZwAaYTZj92K/VkA/EJVP49ZE2MQWlsO5vwXBNRwzRkRGqrWAdus6xJxhcWYbpZlJY',
    'vul2rFnk5VsFCPnH2q38+1Iq9+SVJQAAAAAAwva6PqJwa2AAAfUBgIBAAHmXf0exxGf7AgAAAAAEWVo=',
  ].join(''),
);
/** What zstd makes of the same image when it is piped into it, which says no length, and of a MiB of zeros. */
const ZSTD_IMAGE = fromBase64(
  [
    'KLUv/QRoJRUAukaACSOwp1wNDOCQyJKSkcnDKKhh+FF3d3e3RgghRCK7u7u7u7t3CngAfQCYAJ7VrGUlwgHdN/aJfWGf68Y6sS6sc9vY',
    'JraFbS4by8SysMxdY5fYFXa5aqwSq8IqN41NYlPY5KKxSCwKi9wz9og9YY9rxhqxJqxxy9gitoQtLhlLxJKwxB1jh9gRdrhirBArwgo3',
    'jA1iQ9jgOlaxhlU88IA6WMChQGkDeq6xpda0Io/GInEoDKoMNKD7zj6zr+wj6846s66sI9vONrOtbCPLzjKzrCwju84us6vsIqvOKrOq',
    'rCKbziazqWwii84is6gsInvOHrOn7CFrzhqzpqwhW84Ws6VsIUvOErOkLCE7zg6zo+wgK84Ks6KsIBvOBrOhbCAbhQyxC8Iu8LnGlkro',
    'mEKGWAVhFfhcY0sldEwhQ2yCsAl8rrGlEjqmkCEWQVgEPtfYUvvSPvRcY0utS+vQc40ttS1tQ881ttSytAw919hSu9Iu9FxjS61Kq9Bz',
    'jS21KW1CzzW21KK0CD3X2FJ70h70XGNLrUlr0HONLbUlbUHPNbbUkrQEPdfYUjvSDvRcY0utSCvQc40ttSGqDx48SOC5xpZK6JhChlgH',
    'YR34XGNLJXRMIUMsAmER8LnGlkromEKG2APCHuBzjS2V0DGFDLEGhDXA5xpbKqFjChliCwhbgM81tlRCxxQyxBIQlgCfa2yphI4pZIgd',
    'IOwAPtfYUgkdU8gQK0BYAXyusaUSOqaQITaAsAH4XGNLJXRMIUMsAGEB8LnGlkromEKG2AZhG/hcY0sldEwhQyyDsAx8rrGlEjomgVOo',
    'IdxBuet/HPErY9Lv/9T/2ThA086v1M6v6M6v6M63aM+33uPeY+9j73H3sS8VJAxTuTTAprb3f9DfmmheH3x1olQ=',
  ].join(''),
);
const ZSTD_ZEROS = fromBase64('KLUv/aQAABAAVAAAEAAAAQD7/znAAgIAEAACABAAAgAQAAIAEAACABAAAgAQAAMAEADxPhbh');
const caseImage = new Uint8Array(
  readFileSync(new URL('../../app/formats/testdata/cases/rr3573-zen4.bin', import.meta.url)),
);

describe('[F23] xz is opened in place', () => {
  const refusal = async (bytes: Uint8Array, most: number): Promise<string> => {
    const whole = await unpacked('file.xz', bytes, most);
    return whole.ok ? 'unpacked' : whole.refusal.what;
  };

  test('to its very bytes, one stream or two', async () => {
    expect(await unpacked('file.xz', XZ_IMAGE, 1 << 20)).toEqual({ ok: true, value: caseImage });
    expect(await what(XZ_IMAGE)).toBe('raw');
    const two = new Uint8Array([...XZ_IMAGE, ...XZ_IMAGE]);
    expect(await unpacked('file.xz', two, 1 << 20)).toEqual({
      ok: true,
      value: new Uint8Array([...caseImage, ...caseImage]),
    });
  });

  test('up to the bound and no further', async () => {
    const whole = await unpacked('zeros.xz', XZ_ZEROS, 1 << 20);
    expect(whole.ok && whole.value.every((byte) => byte === 0) ? whole.value.length : 0).toBe(1 << 20);
    for (const most of [0, 1, 1 << 16, (1 << 20) - 1]) {
      expect(await refusal(XZ_ZEROS, most)).toContain(`unpacks to more than the ${most} bytes`);
    }
  });

  test('cut or damaged anywhere it is refused', async () => {
    for (let length = 6; length < XZ_IMAGE.length; length += 7) {
      expect(await refusal(XZ_IMAGE.slice(0, length), 1 << 20)).toContain('cannot be unpacked');
    }
    expect(await refusal(XZ_IMAGE.slice(0, 200), 1 << 20)).toContain('it ends early');
    for (let at = 6; at < XZ_IMAGE.length; at += 5) {
      const bad = XZ_IMAGE.slice();
      bad[at] = (bad[at] ?? 0) ^ 0x10;
      expect(await refusal(bad, 1 << 20), `byte ${at}`).toContain('cannot be unpacked');
    }
  });
});

describe('[F23] zstd is opened in place', () => {
  const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
  const SKIPPED = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
  const refusal = async (bytes: Uint8Array, most = 1 << 20): Promise<string> => {
    try {
      return `${(await unzstd(bytes, { maxOutputLength: most })).length} bytes`;
    } catch (error) {
      return error instanceof TooLong ? 'too long' : (error as Error).message;
    }
  };

  test('to its very bytes: one frame or more, what is to be skipped left out', async () => {
    expect(await unpacked('file.zst', ZSTD_IMAGE, 1 << 20)).toEqual({ ok: true, value: caseImage });
    expect(await what(ZSTD_IMAGE)).toBe('raw');
    const three = await unzstd(Uint8Array.from([...ZSTD_IMAGE, ...SKIPPED, ...ZSTD_ZEROS, ...ZSTD_IMAGE]), {
      maxOutputLength: 1 << 21,
    });
    expect(three.length).toBe(2 * caseImage.length + (1 << 20));
    expect(new Uint8Array(three.subarray(0, caseImage.length))).toEqual(caseImage);
    const pack = (zlib as { zstdCompressSync?: (bytes: Uint8Array) => Uint8Array }).zstdCompressSync;
    if (pack !== undefined) expect(await what(pack(image))).toBe('raw');
  });

  test('up to the bound and no further, whether a length is said or not', async () => {
    expect(await refusal(ZSTD_ZEROS, 1 << 20)).toBe('1048576 bytes');
    expect(await refusal(ZSTD_IMAGE, caseImage.length)).toBe(`${caseImage.length} bytes`);
    for (const most of [0, 1, 1 << 16, (1 << 20) - 1]) expect(await refusal(ZSTD_ZEROS, most)).toBe('too long');
    for (const most of [0, 1, caseImage.length - 1]) {
      expect(await refusal(ZSTD_IMAGE, most)).toMatch(/too long|unpacks to more than/);
    }
  });

  test('a header that says gigabytes over a few bytes has nothing allocated', async () => {
    const raw = (...header: readonly number[]): Uint8Array => Uint8Array.from([...MAGIC, ...header, 9, 0, 0, 7]);
    expect(await refusal(raw(0xc0, 0xff, 0, 0, 0, 0, 0, 1, 0, 0), 1 << 26)).toBe('too long');
    expect(await refusal(raw(0xa0, 0, 0, 0, 2), 1 << 26)).toBe('its blocks do not hold what its header says');
    expect(await refusal(raw(0x20, 1))).toBe('1 bytes');
    expect(await refusal(raw(0x20, 0))).toBe('its blocks do not hold what its header says');
    // A window of half a gigabyte: what is unpacked at once needs none.
    expect(await refusal(raw(0x00, 0x98))).toBe('1 bytes');
  });

  test('cut or damaged anywhere it is refused', async () => {
    for (let length = 4; length < ZSTD_IMAGE.length; length += 7) {
      expect(await refusal(ZSTD_IMAGE.slice(0, length)), `${length} bytes`).toBe('it ends early');
    }
    for (let at = 4; at < ZSTD_IMAGE.length; at += 3) {
      const bad = ZSTD_IMAGE.slice();
      bad[at] = (bad[at] ?? 0) ^ 0x10;
      // One bit of the flags is not used, and the window's size alone may be another.
      const found = await refusal(bad);
      if (at > 5) expect(found, `byte ${at}`).not.toMatch(/bytes$/);
    }
    expect(await refusal(ZSTD_IMAGE)).toBe(`${caseImage.length} bytes`);
  });
});

describe('[F1] packed files are opened in place', () => {
  test('gzip', async () => {
    expect(await what(gzipSync(image))).toBe('raw');
    const cut = gzipSync(image);
    expect(await what(cut.subarray(0, cut.length - 40))).toContain('cannot be unpacked');
  });

  test('others are named with what to do', async () => {
    expect(await what(Uint8Array.of(0x04, 0x22, 0x4d, 0x18))).toContain('lz4 -d');
    expect(await what(Uint8Array.of(0x42, 0x5a, 0x68, 0x39))).toContain('bzip2 -d');
  });

  test('a short file that unpacks to much is refused in time, before it is there', async () => {
    const bomb = gzipSync(new Uint8Array(8 << 20));
    expect(bomb.length).toBeLessThan(1 << 16);
    const refused = await unpacked('bomb', bomb, 1 << 20);
    expect(refused.ok ? 'unpacked' : refused.refusal.what).toContain('unpacks to more than the 1048576 bytes');
  });

  test('what is not packed stays as it is', async () => {
    expect(await unpacked('raw', image, 1)).toEqual({ ok: true, value: image });
    expect(await what(deflateRawSync(image))).not.toBe('raw');
  });
});
