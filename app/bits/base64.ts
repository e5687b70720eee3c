import { type Decoded, decoded, undecodable } from './decoded.ts';
import { CHUNK_CHARACTERS, textOfCodes } from './text.ts';

// Written out because neither btoa nor Buffer exists in this room. (RFC 4648, section 4.)
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** Character codes of the digits, and the value of each character code; 255: no digit. */
const CODES = Uint8Array.from(ALPHABET, (character) => character.charCodeAt(0));
const VALUES = new Uint8Array(128).fill(255);
for (const [value, code] of CODES.entries()) VALUES[code] = value;
const PADDING = 0x3d;

/** Base64 of RFC 4648, section 4, padded; any number of bytes. */
export const toBase64 = (bytes: Uint8Array): string => {
  const codes = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  for (let start = 0, at = 0; start < bytes.length; start += 3, at += 4) {
    const left = bytes.length - start;
    const group = ((bytes[start] ?? 0) << 16) | ((bytes[start + 1] ?? 0) << 8) | (bytes[start + 2] ?? 0);
    codes[at] = CODES[group >> 18] ?? 0;
    codes[at + 1] = CODES[(group >> 12) & 63] ?? 0;
    codes[at + 2] = left > 1 ? (CODES[(group >> 6) & 63] ?? 0) : PADDING;
    codes[at + 3] = left > 2 ? (CODES[group & 63] ?? 0) : PADDING;
  }
  let text = '';
  for (let start = 0; start < codes.length; start += CHUNK_CHARACTERS) {
    text += textOfCodes(codes.subarray(start, start + CHUNK_CHARACTERS));
  }
  return text;
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
    const value = VALUES[text.charCodeAt(at)] ?? 255;
    if (value === 255) return wrong(at, 'a base64 digit');
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
