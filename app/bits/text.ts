/** Text in bytes that came from outside: nothing here throws, whatever the bytes. */

/** Bytes up to the first NUL. */
export const untilNul = (bytes: Uint8Array): Uint8Array => {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
};

const REPLACEMENT = 0xfffd;

// Smallest code point that each length may encode: shorter is possible, so longer is not UTF-8. (RFC 3629.)
const SMALLEST = [0, 0, 0x80, 0x800, 0x10000] as const;

const sequenceBytes = (lead: number): number =>
  lead < 0x80
    ? 1
    : lead >= 0xc2 && lead < 0xe0
      ? 2
      : lead >= 0xe0 && lead < 0xf0
        ? 3
        : lead >= 0xf0 && lead < 0xf5
          ? 4
          : 0;

/** Characters made in one go: a call takes so many arguments at most, and a call for each character far longer. */
export const CHUNK_CHARACTERS = 8192;

/** The characters of these codes, of at most CHUNK_CHARACTERS. Applied, not spread: that goes through an iterator. */
export const textOfCodes = (codes: Uint8Array | Uint16Array): string =>
  String.fromCharCode.apply(null, codes as unknown as number[]);

/** Where the run of ASCII that begins here ends, or its chunk. */
const asciiEnd = (bytes: Uint8Array, from: number): number => {
  const most = Math.min(bytes.length, from + CHUNK_CHARACTERS);
  let at = from;
  while (at < most && (bytes[at] ?? 0x80) < 0x80) at += 1;
  return at;
};

/** Runs of ASCII that are shorter are put together with what stands around them: each text of its own has its price. */
const SHORT_RUN = 64;

/** UTF-8 to text; every byte that is not part of a valid sequence becomes U+FFFD. */
export const textFromUtf8 = (bytes: Uint8Array): string => {
  if (bytes.length <= CHUNK_CHARACTERS && asciiEnd(bytes, 0) === bytes.length) return textOfCodes(bytes);
  const pieces: string[] = [];
  const codes = new Uint16Array(Math.min(CHUNK_CHARACTERS, bytes.length) + 2 + SHORT_RUN);
  let held = 0;
  const flush = (): void => {
    if (held > 0) pieces.push(textOfCodes(codes.subarray(0, held)));
    held = 0;
  };
  for (let at = 0; at < bytes.length; ) {
    if (held >= CHUNK_CHARACTERS) flush();
    const end = asciiEnd(bytes, at);
    if (end - at >= SHORT_RUN) {
      flush();
      pieces.push(textOfCodes(bytes.subarray(at, end)));
      at = end;
      continue;
    }
    if (end > at) {
      for (; at < end; at += 1, held += 1) codes[held] = bytes[at] ?? 0;
      continue;
    }
    const lead = bytes[at] ?? 0;
    const sizeBytes = sequenceBytes(lead);
    let codePoint = sizeBytes === 1 ? lead : lead & (0x7f >> sizeBytes);
    let good = sizeBytes > 0 && at + sizeBytes <= bytes.length;
    for (let next = 1; good && next < sizeBytes; next += 1) {
      const byte = bytes[at + next] ?? 0;
      good = (byte & 0xc0) === 0x80;
      codePoint = (codePoint << 6) | (byte & 0x3f);
    }
    good &&= codePoint >= (SMALLEST[sizeBytes] ?? 0) && codePoint <= 0x10ffff;
    good &&= codePoint < 0xd800 || codePoint > 0xdfff;
    const character = good ? codePoint : REPLACEMENT;
    // Beyond U+FFFF a pair of surrogates.
    if (character > 0xffff) {
      codes[held] = 0xd800 + ((character - 0x10000) >> 10);
      held += 1;
    }
    codes[held] = character > 0xffff ? 0xdc00 + (character & 0x3ff) : character;
    held += 1;
    at += good ? sizeBytes : 1;
  }
  flush();
  return pieces.join('');
};

/** Text to UTF-8; a lone surrogate becomes U+FFFD. */
export const utf8FromText = (text: string): Uint8Array => {
  const bytes: number[] = [];
  for (const character of text) {
    const read = character.codePointAt(0) ?? 0;
    const codePoint = read >= 0xd800 && read <= 0xdfff ? REPLACEMENT : read;
    if (codePoint < 0x80) bytes.push(codePoint);
    else if (codePoint < 0x800) bytes.push(0xc0 | (codePoint >> 6), 0x80 | (codePoint & 63));
    else if (codePoint < 0x10000) {
      bytes.push(0xe0 | (codePoint >> 12), 0x80 | ((codePoint >> 6) & 63), 0x80 | (codePoint & 63));
    } else {
      bytes.push(0xf0 | (codePoint >> 18), 0x80 | ((codePoint >> 12) & 63));
      bytes.push(0x80 | ((codePoint >> 6) & 63), 0x80 | (codePoint & 63));
    }
  }
  return Uint8Array.from(bytes);
};

/** A fixed field padded with NUL, as the helper sends it. */
export const textFromField = (bytes: Uint8Array): string => textFromUtf8(untilNul(bytes));

/**
 * What a terminal or a browser obeys instead of showing: controls, C1 and U+009B (one more way to begin an escape) among
 * them; marks of direction, which let a name read as another (U+202E); separators of lines; what has no width; and halves of
 * characters.
 */
const NOT_SHOWN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Text from outside as it may be shown, on one line: names, paths and messages bring no lines and no orders of their own. */
export const shownText = (text: string): string => text.replaceAll(NOT_SHOWN, '?');

/** The same for text that has lines of its own. */
export const shownLines = (text: string): string => text.split('\n').map(shownText).join('\n');

/** The same for JSON, whose strings stay what they are: each such character as its escape. */
export const shownJson = (json: string): string =>
  json.replaceAll(NOT_SHOWN, (found) =>
    found === '\n'
      ? found
      : Array.from(
          { length: found.length },
          (_, at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`,
        ).join(''),
  );
