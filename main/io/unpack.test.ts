import { readFileSync } from 'node:fs';
import * as zlib from 'node:zlib';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { decodeFile } from './captures.ts';
import { unpacked } from './unpack.ts';

const image = sampleCapture().image.bytes;
const what = async (bytes: Uint8Array): Promise<string> => {
  const opened = await decodeFile('file', bytes);
  return opened.ok ? opened.value.kind : `${opened.refusal.what}; ${opened.refusal.mend}`;
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

describe('[F1] packed files are opened in place', () => {
  test('gzip', async () => {
    expect(await what(gzipSync(image))).toBe('raw');
    const cut = gzipSync(image);
    expect(await what(cut.subarray(0, cut.length - 40))).toContain('cannot be unpacked');
  });

  test('zstd where Node has it, else named with what to do', async () => {
    const pack = (zlib as { zstdCompressSync?: (bytes: Uint8Array) => Uint8Array }).zstdCompressSync;
    if (pack === undefined) expect(await what(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0))).toContain('zstd -d');
    else expect(await what(pack(image))).toBe('raw');
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
