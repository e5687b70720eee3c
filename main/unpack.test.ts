import * as zlib from 'node:zlib';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { sampleCapture } from '../app/fixtures/samples.ts';
import { decodeFile } from './captures.ts';
import { unpacked } from './unpack.ts';

const image = sampleCapture().image.bytes;
const what = (bytes: Uint8Array): string => {
  const opened = decodeFile('file', bytes);
  return opened.ok ? opened.value.kind : `${opened.refusal.what}; ${opened.refusal.mend}`;
};

describe('[F1] packed files are opened in place', () => {
  test('gzip', () => {
    expect(what(gzipSync(image))).toBe('raw');
    const cut = gzipSync(image);
    expect(what(cut.subarray(0, cut.length - 40))).toContain('cannot be unpacked');
  });

  test('zstd where Node has it, else named with what to do', () => {
    const pack = (zlib as { zstdCompressSync?: (bytes: Uint8Array) => Uint8Array }).zstdCompressSync;
    if (pack === undefined) expect(what(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0))).toContain('zstd -d');
    else expect(what(pack(image))).toBe('raw');
  });

  test('xz and others are named with what to do', () => {
    expect(what(Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0))).toContain('xz -d');
    expect(what(Uint8Array.of(0x42, 0x5a, 0x68, 0x39))).toContain('bzip2 -d');
  });

  test('a short file that unpacks to much is refused in time, before it is there', () => {
    const bomb = gzipSync(new Uint8Array(8 << 20));
    expect(bomb.length).toBeLessThan(1 << 16);
    const refused = unpacked('bomb', bomb, 1 << 20);
    expect(refused.ok ? 'unpacked' : refused.refusal.what).toContain('unpacks to more than the 1048576 bytes');
  });

  test('what is not packed stays as it is', () => {
    expect(unpacked('raw', image, 1)).toEqual({ ok: true, value: image });
    expect(what(deflateRawSync(image))).not.toBe('raw');
  });
});
