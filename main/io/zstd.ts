/*
 * Frames of zstd (RFC 8878): magic, a header that may say how long the contents are, blocks of a known length, and a checksum.
 * They are walked before anything is unpacked, so that what is allocated is bounded whatever a header says.
 */
const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const MOST_BLOCK_BYTES = 128 * 1024;
const [RAW, RLE, COMPRESSED] = [0, 1, 2];

/** Unpacked it would be longer than is read; the code is Node's of its own unpackers. */
export class TooLong extends Error {
  readonly code = 'ERR_BUFFER_TOO_LARGE';
}

interface Frame {
  readonly bytes: Uint8Array;
  /** What its header says; null: nothing. */
  readonly saysBytes: number | null;
  /** What its blocks can unpack to at most. */
  readonly mostBytes: number;
}

class Damaged extends Error {}
const EARLY = 'it ends early';

const walkFrame = (bytes: Uint8Array, start: number): { frame: Frame | null; end: number } => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = start;
  const take = (sizeBytes: number): number => {
    const from = at;
    at += sizeBytes;
    if (at > bytes.length) throw new Damaged(EARLY);
    return from;
  };
  const magic = view.getUint32(take(4), true);
  if ((magic & ~0xf) >>> 0 === SKIPPABLE) {
    const sizeBytes = view.getUint32(take(4), true);
    take(sizeBytes);
    return { frame: null, end: at };
  }
  if (magic !== MAGIC) throw new Damaged('what follows its first frame is none');
  const flags = view.getUint8(take(1));
  const isSingle = (flags & 0x20) !== 0;
  if (!isSingle) take(1);
  take([0, 1, 2, 4][flags & 3] ?? 0);
  const sizeFlag = flags >> 6;
  const field = take([isSingle ? 1 : 0, 2, 4, 8][sizeFlag] ?? 0);
  const says = [
    () => (isSingle ? view.getUint8(field) : null),
    () => view.getUint16(field, true) + 256,
    () => view.getUint32(field, true),
    () => Number(view.getBigUint64(field, true)),
  ][sizeFlag]?.();
  let mostBytes = 0;
  for (let isLast = false; !isLast; ) {
    const head = take(3);
    const word = view.getUint16(head, true) | (view.getUint8(head + 2) << 16);
    const [type, sizeBytes] = [(word >> 1) & 3, word >> 3];
    if (type > COMPRESSED) throw new Damaged('a block of a kind that there is not');
    mostBytes += type === RAW || type === RLE ? sizeBytes : MOST_BLOCK_BYTES;
    take(type === RLE ? 1 : sizeBytes);
    isLast = (word & 1) === 1;
  }
  if ((flags & 4) !== 0) take(4);
  return { frame: { bytes: bytes.subarray(start, at), saysBytes: says ?? null, mostBytes }, end: at };
};

/** Ends with TooLong before anything is unpacked where the headers say so, else at the frame that goes beyond the bound. */
export const unzstd = async (
  bytes: Uint8Array,
  { maxOutputLength }: { readonly maxOutputLength: number },
): Promise<Uint8Array> => {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { frame, end } = walkFrame(bytes, at);
    if (frame !== null) frames.push(frame);
    at = end;
  }
  const said = frames.reduce((sum, { saysBytes }) => sum + (saysBytes ?? 0), 0);
  if (said > maxOutputLength) throw new TooLong();
  const { ZSTDDecoder } = await import('zstddec');
  const decoder = new ZSTDDecoder();
  await decoder.init();
  const pieces: Uint8Array[] = [];
  let left = maxOutputLength;
  for (const { bytes: packed, saysBytes, mostBytes } of frames) {
    if (saysBytes !== null && (saysBytes > mostBytes || (saysBytes === 0 && mostBytes > 0))) {
      throw new Damaged('its blocks do not hold what its header says');
    }
    if (mostBytes === 0) continue;
    // One more than is left, so that what is longer can be told from what is just as long.
    const room = saysBytes ?? Math.min(mostBytes, left + 1);
    const piece = decoder.decode(packed, room);
    if (piece.length > left) throw new TooLong();
    // The library answers what it refuses with nothing.
    if (piece.length === 0 || piece.length !== (saysBytes ?? piece.length)) {
      throw mostBytes > left && saysBytes === null
        ? new Damaged(`its bytes are damaged, or it unpacks to more than ${maxOutputLength} bytes`)
        : new Damaged('its bytes are damaged');
    }
    pieces.push(piece);
    left -= piece.length;
  }
  return Buffer.concat(pieces);
};
