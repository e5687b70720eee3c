import * as zlib from 'node:zlib';
import type { Answer } from '../../app/bridge.ts';
import { answer, messageOf, refuse } from '../../app/refusals/refusal.ts';
import { TooLong, unzstd } from './zstd.ts';

type Unpack = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array | Promise<Uint8Array>;

/** What the reader of xz says with a number (xz-embedded's enum xz_ret). */
const XZ_ERRORS: ReadonlyMap<string, string> = new Map([
  ['4', 'its dictionary is larger than the 64 MiB of xz -9'],
  ['6', 'it has a check or a filter that is not read here: CRC32, CRC64 and LZMA2 are'],
  ['7', 'its bytes are damaged'],
  ['8', 'it ends early'],
]);

type Xz = typeof import('xz-decompress');

/** Piece by piece, so that it ends at the bound. Loaded by the first who needs it. */
const unxz: Unpack = async (bytes, { maxOutputLength }) => {
  const loaded: Xz & { readonly default?: Xz } = await import('xz-decompress');
  const { XzReadableStream } = loaded.default ?? loaded;
  const packed = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(bytes);
      controller.close();
    },
  });
  const reader = new XzReadableStream(packed).getReader();
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      length += piece.value.length;
      if (length > maxOutputLength) throw new TooLong();
      pieces.push(piece.value);
    }
  } catch (error) {
    const [, code = ''] = /error code (\d+)$/.exec(messageOf(error)) ?? [];
    throw XZ_ERRORS.has(code) ? new Error(XZ_ERRORS.get(code)) : error;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
  return Buffer.concat(pieces);
};

/** Node has one since 22.15. */
const zstd: Unpack = (zlib as { readonly zstdDecompressSync?: Unpack }).zstdDecompressSync ?? unzstd;

/** How packed files begin. No XSAVE image begins so: FCW would have reserved bits set. */
const PACKED: readonly {
  readonly what: string;
  readonly magic: readonly number[];
  readonly unpack: Unpack | null;
  readonly tool: string;
}[] = [
  { what: 'gzip', magic: [0x1f, 0x8b], unpack: zlib.gunzipSync, tool: 'gzip -d' },
  { what: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd], unpack: zstd, tool: 'zstd -d' },
  { what: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], unpack: unxz, tool: 'xz -d' },
  { what: 'bzip2', magic: [0x42, 0x5a, 0x68], unpack: null, tool: 'bzip2 -d' },
  { what: 'lz4', magic: [0x04, 0x22, 0x4d, 0x18], unpack: null, tool: 'lz4 -d' },
];

const rowOf = (bytes: Uint8Array) => PACKED.find(({ magic }) => magic.every((byte, index) => bytes[index] === byte));

export const isPacked = (bytes: Uint8Array): boolean => rowOf(bytes) !== undefined;

/**
 * The bytes of a file as they were before they were packed; those of any other file as they are. A short file can unpack to
 * much: more than `mostBytes` is refused before it is there.
 */
export const unpacked = async (name: string, bytes: Uint8Array, mostBytes: number): Promise<Answer<Uint8Array>> => {
  const row = rowOf(bytes);
  if (row === undefined) return answer(bytes);
  const { what, unpack, tool } = row;
  const remedy = `Unpack it with ${tool}, and open what comes out`;
  if (unpack === null)
    return refuse('file', `the file is packed with ${what}, which is not read here`, { where: name, remedy });
  try {
    const whole = await unpack(bytes, { maxOutputLength: mostBytes });
    return answer(new Uint8Array(whole.buffer, whole.byteOffset, whole.byteLength));
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') {
      return refuse('file', `the file unpacks to more than the ${mostBytes} bytes that are read`, {
        where: name,
        remedy,
      });
    }
    return refuse('file', `the file is packed with ${what} and cannot be unpacked: ${messageOf(error)}`, {
      where: name,
    });
  }
};
