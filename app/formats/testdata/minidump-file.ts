import { writeU32, writeU64 } from '../../bits/bytes.ts';

/** Bytes laid down by hand from the headers: 32 of the file, one directory entry, the list of threads, the contexts. */
export const minidumpFile = (images: readonly Uint8Array[]): Uint8Array => {
  const list = 32 + 12;
  const first = list + 4 + 48 * images.length;
  const size = (image: Uint8Array): number => 1232 + 32 + (image.length - 512);
  const bytes = new Uint8Array(first + images.reduce((sum, image) => sum + size(image), 0));
  writeU32(bytes, 0, 0x504d444d);
  writeU32(bytes, 4, 0xa793);
  writeU32(bytes, 8, 1);
  writeU32(bytes, 12, 32);
  writeU32(bytes, 32, 3);
  writeU32(bytes, 36, 4 + 48 * images.length);
  writeU32(bytes, 40, list);
  writeU32(bytes, list, images.length);
  let at = first;
  for (const [index, image] of images.entries()) {
    const thread = list + 4 + 48 * index;
    writeU32(bytes, thread, 1000 + index);
    writeU32(bytes, thread + 40, size(image));
    writeU32(bytes, thread + 44, at);
    writeU32(bytes, at + 48, 0x10005f);
    writeU64(bytes, at + 248, 0x7ff6_0000_1234n);
    bytes.set(image.subarray(0, 512), at + 256);
    writeU32(bytes, at + 1232 + 16, 32);
    writeU32(bytes, at + 1232 + 20, image.length - 512);
    bytes.set(image.subarray(512), at + 1232 + 32);
    at += size(image);
  }
  return bytes;
};
