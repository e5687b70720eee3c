import { assert } from './decoded.ts';

/**
 * Little-endian access to bytes. Reading or writing outside the array is a fault of ours and throws: whoever decodes
 * outside data checks lengths first. The write functions are for arrays that their caller has just made.
 */

// The view keeps the array's own byteOffset: a subarray of a frame is not at the start of its buffer.
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export const readU8 = (bytes: Uint8Array, offsetBytes: number): number => viewOf(bytes).getUint8(offsetBytes);
export const readU16 = (bytes: Uint8Array, offsetBytes: number): number => viewOf(bytes).getUint16(offsetBytes, true);
export const readU32 = (bytes: Uint8Array, offsetBytes: number): number => viewOf(bytes).getUint32(offsetBytes, true);
export const readI32 = (bytes: Uint8Array, offsetBytes: number): number => viewOf(bytes).getInt32(offsetBytes, true);
export const readU64 = (bytes: Uint8Array, offsetBytes: number): bigint =>
  viewOf(bytes).getBigUint64(offsetBytes, true);

/** Eight bytes of both are the same, byte by byte: for arrays of which most are. */
export const sameU64 = (a: Uint8Array, b: Uint8Array, offsetBytes: number): boolean => {
  for (let at = offsetBytes; at < offsetBytes + 8; at += 1) if (a[at] !== b[at]) return false;
  return true;
};

export const writeU8 = (bytes: Uint8Array, offsetBytes: number, value: number): void =>
  viewOf(bytes).setUint8(offsetBytes, value);
export const writeU16 = (bytes: Uint8Array, offsetBytes: number, value: number): void =>
  viewOf(bytes).setUint16(offsetBytes, value, true);
export const writeU32 = (bytes: Uint8Array, offsetBytes: number, value: number): void =>
  viewOf(bytes).setUint32(offsetBytes, value, true);
export const writeI32 = (bytes: Uint8Array, offsetBytes: number, value: number): void =>
  viewOf(bytes).setInt32(offsetBytes, value, true);
export const writeU64 = (bytes: Uint8Array, offsetBytes: number, value: bigint): void =>
  viewOf(bytes).setBigUint64(offsetBytes, value, true);

/** A little-endian unsigned number of any width up to the whole array. */
export const readUint = (bytes: Uint8Array, offsetBytes: number, sizeBytes: number): bigint => {
  assert(offsetBytes >= 0 && offsetBytes + sizeBytes <= bytes.length, `read of ${sizeBytes} bytes at ${offsetBytes}`);
  let value = 0n;
  for (let index = sizeBytes - 1; index >= 0; index -= 1) {
    value = (value << 8n) | BigInt(bytes[offsetBytes + index] ?? 0);
  }
  return value;
};

/** The low sizeBytes of a number, little-endian; negative numbers as two's complement. */
export const bytesOfUint = (value: bigint, sizeBytes: number): Uint8Array => {
  const bytes = new Uint8Array(sizeBytes);
  let rest = BigInt.asUintN(sizeBytes * 8, value);
  for (let index = 0; index < sizeBytes; index += 1, rest >>= 8n) bytes[index] = Number(rest & 0xffn);
  return bytes;
};

/** A new array of all parts, one behind the other. */
export const concat = (parts: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offsetBytes = 0;
  for (const part of parts) {
    whole.set(part, offsetBytes);
    offsetBytes += part.length;
  }
  return whole;
};

const WORD_BYTES = 4;
/** From so many bytes on two views cost less than the bytes one by one. */
const LEAST_BY_WORDS = 128;

/** The bytes as whole words, without those behind the last one; null: few, or they do not begin at a word of their buffer. */
const wordsOf = (bytes: Uint8Array): Uint32Array | null =>
  bytes.length < LEAST_BY_WORDS || bytes.byteOffset % WORD_BYTES !== 0
    ? null
    : new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / WORD_BYTES));

/** Plain loops, over words where it can: whole histories are compared with it, and a callback for each byte takes several times as long. */
export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  const words = wordsOf(a);
  const others = words === null ? null : wordsOf(b);
  let index = 0;
  if (words !== null && others !== null) {
    for (let at = 0; at < words.length; at += 1) if (words[at] !== others[at]) return false;
    index = words.length * WORD_BYTES;
  }
  for (; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
};

const HEX_BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
/** Of 0 to 255, two digits without a prefix. */
export const hexByte = (byte: number): string => HEX_BYTES[byte] ?? '';

/** Bytes in memory order, two digits each. */
export const toHexInOrder = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += hexByte(byte);
  return text;
};

/** The inverse of toHexInOrder; null: not two hex digits a byte, or none at all. */
export const fromHexInOrder = (text: string): Uint8Array | null =>
  /^([0-9a-f]{2})+$/i.test(text)
    ? Uint8Array.from({ length: text.length / 2 }, (_, at) => Number.parseInt(text.slice(at * 2, at * 2 + 2), 16))
    : null;

/** The whole register as one number: highest byte first, two digits a byte, without a prefix. */
export const toHexHighFirst = (bytes: Uint8Array): string => Array.from(bytes, hexByte).reverse().join('');

const DUMP_ROW_BYTES = 16;

/** Rows of sixteen bytes in memory order: offset, bytes, and the printable ASCII characters among them. */
export const hexDump = (bytes: Uint8Array, baseOffsetBytes = 0): string => {
  const rows: string[] = [];
  for (let start = 0; start < bytes.length; start += DUMP_ROW_BYTES) {
    const row = Array.from(bytes.subarray(start, start + DUMP_ROW_BYTES));
    const low = row.slice(0, 8).map(hexByte).join(' ');
    const high = row.slice(8).map(hexByte).join(' ');
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    const offset = (baseOffsetBytes + start).toString(16).padStart(8, '0');
    rows.push(`${offset}  ${low.padEnd(23)}  ${high.padEnd(23)}  |${text}|`);
  }
  return rows.join('\n');
};
