import type { Decoded } from '../../app/bits/decoded.ts';

export const sure = <T>(result: Decoded<T>): T => {
  if (!result.ok) throw new Error('a test’s own data decodes');
  return result.value;
};

const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;

/** Cores of one thread each as one core: the note segments of all of them under one header. */
export const joinedCore = (cores: readonly Uint8Array[]): Uint8Array => {
  const head = HEADER_BYTES + SEGMENT_BYTES;
  const notes = cores.map((core) => core.subarray(head));
  const out = new Uint8Array(head + notes.reduce((bytes, part) => bytes + part.length, 0));
  out.set(cores[0]?.subarray(0, head) ?? []);
  let at = head;
  for (const part of notes) {
    out.set(part, at);
    at += part.length;
  }
  new DataView(out.buffer).setBigUint64(HEADER_BYTES + 32, BigInt(out.length - head), true);
  return out;
};
