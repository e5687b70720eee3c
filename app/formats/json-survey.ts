import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { textFromUtf8 } from '../bits/text.ts';

/** Deeper than any snapshot or session; a nest of brackets ends here instead of at the end of the stack. */
export const MOST_DEPTH = 64;

/**
 * What a text may hold before it is parsed. A list or object of three characters takes some hundred bytes once parsed, a
 * member of seven as many, a number of two takes eight: 60 MB of text would become gigabytes. A session of 50,000 stops at
 * each of which the MSRs differ has some 1.3 million lists and objects, and 3 million members and strings; a snapshot of
 * hundreds of vCPUs kept as bytes has 16 million numbers.
 */
const MOST_CONTAINERS = 1 << 21;
/** Members of all objects of a document that is read. */
const MOST_MEMBERS = 1 << 22;
/** Strings of a document that is read, names of members among them. */
const MOST_STRINGS = 1 << 22;
/** Values of a document that is read, of whatever kind. */
export const MOST_JSON_VALUES = 1 << 24;
/** A member's name that is longer than this is none that is looked for, and no object looked for has more. */
const MOST_NAME_BYTES = 64;
const MOST_NAMES = 1024;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const OPENS = new Uint8Array(256);
const CLOSES = new Uint8Array(256);
for (const code of [0x5b, 0x7b]) OPENS[code] = 1;
for (const code of [0x5d, 0x7d]) CLOSES[code] = 1;

export interface JsonSurvey {
  /** Names of the outermost object's first members; without those that are long. */
  readonly names: ReadonlySet<string>;
}

/** Where the string that begins behind this quote ends: at its closing quote, or at the end of the bytes. */
const stringEnd = (bytes: Uint8Array, from: number): number => {
  for (let at = bytes.indexOf(QUOTE, from); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let backslashes = 0;
    while (at - 1 - backslashes >= from && bytes[at - 1 - backslashes] === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
  return bytes.length;
};

/** A name as it is meant: "f\u006frmat" is format. */
const nameFrom = (bytes: Uint8Array): string => {
  const text = textFromUtf8(bytes);
  if (!text.includes('\\')) return text;
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return text;
  }
};

const refuse = (what: string, why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what, why });

/**
 * Looks over JSON without building anything: how deep it nests, how much it holds, and what the outermost object's members
 * are called. It is no check of the grammar: that is the parser's, which is not begun where this refuses.
 */
export const surveyJson = (what: string, bytes: Uint8Array): Decoded<JsonSurvey> => {
  const names = new Set<string>();
  const tooMany = (most: number, of: string): Decoded<never> => refuse(what, `more than ${most} ${of} of JSON`);
  let [depth, containers, values, members, strings] = [0, 0, 0, 0, 0];
  let last = '';
  for (let at = 0; at < bytes.length; at += 1) {
    const code = bytes[at] ?? 0;
    if (code === QUOTE) {
      const end = stringEnd(bytes, at + 1);
      if (depth === 1 && end - at <= MOST_NAME_BYTES && names.size < MOST_NAMES)
        last = nameFrom(bytes.subarray(at + 1, end));
      strings += 1;
      // The names of members are strings too, and are counted as members.
      if (strings - members > MOST_STRINGS) return tooMany(MOST_STRINGS, 'strings');
      at = end;
    } else if (code === COMMA) {
      values += 1;
      if (values > MOST_JSON_VALUES) return tooMany(MOST_JSON_VALUES, 'values');
    } else if (code === COLON) {
      members += 1;
      if (members > MOST_MEMBERS) return tooMany(MOST_MEMBERS, 'members');
      if (depth === 1 && names.size < MOST_NAMES) names.add(last);
    } else if (OPENS[code] === 1) {
      depth += 1;
      containers += 1;
      if (depth > MOST_DEPTH) return refuse(what, `JSON nested deeper than ${MOST_DEPTH} levels, at byte ${at}`);
      if (containers > MOST_CONTAINERS) return tooMany(MOST_CONTAINERS, 'lists and objects');
    } else if (CLOSES[code] === 1) depth -= 1;
  }
  return decoded({ names });
};
