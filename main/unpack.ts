import * as zlib from 'node:zlib';
import type { Answer } from '../app/bridge.ts';
import { answer, messageOf, refuse } from '../app/refusals/refusal.ts';

type Unpack = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;

/** Node has it since 22.15; where it has not, the file is named with what to do. */
const zstd = (zlib as { readonly zstdDecompressSync?: Unpack }).zstdDecompressSync ?? null;

/** How packed files begin. No XSAVE image begins so: FCW would have reserved bits set. */
const PACKED: readonly {
  readonly what: string;
  readonly magic: readonly number[];
  readonly unpack: Unpack | null;
  readonly tool: string;
}[] = [
  { what: 'gzip', magic: [0x1f, 0x8b], unpack: zlib.gunzipSync, tool: 'gzip -d' },
  { what: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd], unpack: zstd, tool: 'zstd -d' },
  { what: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], unpack: null, tool: 'xz -d' },
  { what: 'bzip2', magic: [0x42, 0x5a, 0x68], unpack: null, tool: 'bzip2 -d' },
  { what: 'lz4', magic: [0x04, 0x22, 0x4d, 0x18], unpack: null, tool: 'lz4 -d' },
];

/**
 * The bytes of a file as they were before they were packed; those of any other file as they are. A short file can unpack to
 * much: more than `mostBytes` is refused before it is there.
 */
export const unpacked = (name: string, bytes: Uint8Array, mostBytes: number): Answer<Uint8Array> => {
  const row = PACKED.find(({ magic }) => magic.every((byte, index) => bytes[index] === byte));
  if (row === undefined) return answer(bytes);
  const { what, unpack, tool } = row;
  const mend = `Unpack it with ${tool}, and open what comes out`;
  if (unpack === null)
    return refuse('file', `the file is packed with ${what}, which is not read here`, { where: name, mend });
  try {
    const whole = unpack(bytes, { maxOutputLength: mostBytes });
    return answer(new Uint8Array(whole.buffer, whole.byteOffset, whole.byteLength));
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') {
      return refuse('file', `the file unpacks to more than the ${mostBytes} bytes that are read`, {
        where: name,
        mend,
      });
    }
    return refuse('file', `the file is packed with ${what} and cannot be unpacked: ${messageOf(error)}`, {
      where: name,
    });
  }
};
