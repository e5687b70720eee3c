import { type Decoded, decoded, undecodable } from './decoded.ts';

// Written out because neither btoa nor Buffer exists in this room. (RFC 4648, section 4.)
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES: ReadonlyMap<string, number> = new Map(Array.from(ALPHABET, (character, value) => [character, value]));

export const toBase64 = (bytes: Uint8Array): string => {
  const parts: string[] = [];
  for (let start = 0; start < bytes.length; start += 3) {
    const left = bytes.length - start;
    const group = ((bytes[start] ?? 0) << 16) | ((bytes[start + 1] ?? 0) << 8) | (bytes[start + 2] ?? 0);
    parts.push(
      ALPHABET.charAt(group >> 18),
      ALPHABET.charAt((group >> 12) & 63),
      left > 1 ? ALPHABET.charAt((group >> 6) & 63) : '=',
      left > 2 ? ALPHABET.charAt(group & 63) : '=',
    );
  }
  return parts.join('');
};

const wrong = (at: number, expected: string): Decoded<Uint8Array> =>
  undecodable({ kind: 'syntax', what: 'base64', at, expected });

/** Strict: padded, no white space, and no bits left over, so that every array has one text only. */
export const fromBase64 = (text: string): Decoded<Uint8Array> => {
  if (text.length % 4 !== 0) return wrong(text.length, 'a length that is a multiple of 4');
  const paddingCharacters = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const digitCount = text.length - paddingCharacters;
  const bytes = new Uint8Array((text.length / 4) * 3 - paddingCharacters);
  let held = 0;
  let heldBits = 0;
  let offsetBytes = 0;
  for (let at = 0; at < digitCount; at += 1) {
    const value = VALUES.get(text.charAt(at));
    if (value === undefined) return wrong(at, 'a base64 digit');
    held = (held << 6) | value;
    heldBits += 6;
    if (heldBits >= 8) {
      heldBits -= 8;
      bytes[offsetBytes] = held >> heldBits;
      offsetBytes += 1;
      held &= (1 << heldBits) - 1;
    }
  }
  return held === 0 ? decoded(bytes) : wrong(digitCount - 1, 'zero bits after the last byte');
};
