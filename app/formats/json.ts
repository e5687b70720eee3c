import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { MOST_DEPTH, MOST_JSON_VALUES } from './json-survey.ts';

/** A whole number beyond 2^53 stays exact, as bigint: VMMs write 64-bit registers as plain JSON numbers. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
export type JsonObject = ReadonlyMap<string, Json>;

/**
 * Lists, objects, members, strings and numbers beyond 2^53 in one document: a vCPU has some thousand of them, and each takes
 * some hundred bytes here.
 */
const MOST_HEAVY_VALUES = 1 << 19;

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const SPACE = /[ \t\n\r]*/y;
/** Characters that stand for themselves in a string; control characters too, which a strict reader would refuse. */
const PLAIN = /[^"\\]*/y;
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ...([
    ['"', '"'],
    ['\\', '\\'],
    ['/', '/'],
  ] as const),
  ...([
    ['b', '\b'],
    ['f', '\f'],
    ['n', '\n'],
    ['r', '\r'],
    ['t', '\t'],
  ] as const),
]);

/** Thrown inside this file only, and caught at its one door. */
class Unexpected extends Error {
  readonly at: number;
  readonly expected: string;
  constructor(at: number, expected: string) {
    super(expected);
    this.at = at;
    this.expected = expected;
  }
}

class Parser {
  readonly #text: string;
  #at = 0;
  #heavy = 0;
  #values = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Json {
    const value = this.#value(0);
    this.#match(SPACE);
    if (this.#at < this.#text.length) throw new Unexpected(this.#at, 'the end of the document');
    return value;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #next(): string {
    this.#match(SPACE);
    return this.#text.charAt(this.#at);
  }

  #take(character: string): void {
    if (this.#next() !== character) throw new Unexpected(this.#at, `"${character}"`);
    this.#at += 1;
  }

  #weigh(): void {
    this.#heavy += 1;
    if (this.#heavy > MOST_HEAVY_VALUES)
      throw new Unexpected(this.#at, `at most ${MOST_HEAVY_VALUES} lists, objects, members and strings`);
  }

  #value(depth: number): Json {
    this.#values += 1;
    if (this.#values > MOST_JSON_VALUES) throw new Unexpected(this.#at, `at most ${MOST_JSON_VALUES} values`);
    if (depth > MOST_DEPTH) throw new Unexpected(this.#at, `at most ${MOST_DEPTH} levels of nesting`);
    const first = this.#next();
    if (first === '{') return this.#object(depth);
    if (first === '[') return this.#array(depth);
    if (first === '"') return this.#string();
    for (const [word, value] of [
      ['null', null],
      ['true', true],
      ['false', false],
    ] as const) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    const start = this.#at;
    const digits = this.#match(NUMBER);
    if (digits === '') throw new Unexpected(start, 'a value');
    const value = Number(digits);
    // More than 20 digits are no 64-bit number; turning millions of them into a bigint takes quadratic time.
    if (Number.isSafeInteger(value) || !/^-?[0-9]{1,20}$/.test(digits)) return value;
    this.#weigh();
    return BigInt(digits);
  }

  #object(depth: number): Json {
    const members = new Map<string, Json>();
    this.#weigh();
    this.#take('{');
    if (this.#next() === '}') {
      this.#at += 1;
      return members;
    }
    for (;;) {
      if (this.#next() !== '"') throw new Unexpected(this.#at, 'a member name');
      const name = this.#string();
      this.#take(':');
      members.set(name, this.#value(depth + 1));
      if (this.#next() !== ',') break;
      this.#at += 1;
    }
    this.#take('}');
    return members;
  }

  #array(depth: number): Json {
    const elements: Json[] = [];
    this.#weigh();
    this.#take('[');
    if (this.#next() === ']') {
      this.#at += 1;
      return elements;
    }
    for (;;) {
      elements.push(this.#value(depth + 1));
      if (this.#next() !== ',') break;
      this.#at += 1;
    }
    this.#take(']');
    return elements;
  }

  #string(): string {
    this.#take('"');
    this.#weigh();
    const parts: string[] = [];
    for (;;) {
      parts.push(this.#match(PLAIN));
      const character = this.#text.charAt(this.#at);
      this.#at += 1;
      if (character === '"') return parts.join('');
      if (character !== '\\') throw new Unexpected(this.#at - 1, 'the end of a string');
      parts.push(this.#escape());
    }
  }

  #escape(): string {
    const letter = this.#text.charAt(this.#at);
    this.#at += 1;
    const plain = ESCAPES.get(letter);
    if (plain !== undefined) return plain;
    const digits = this.#text.slice(this.#at, this.#at + 4);
    if (letter !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) throw new Unexpected(this.#at - 1, 'an escape sequence');
    this.#at += 4;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }
}

/** JSON (RFC 8259) with exact 64-bit integers. Of members with the same name the last counts. */
export const parseJson = (what: string, text: string): Decoded<Json> => {
  try {
    return decoded(new Parser(text).document());
  } catch (error) {
    if (!(error instanceof Unexpected)) throw error;
    return undecodable({ kind: 'syntax', what, at: error.at, expected: error.expected });
  }
};

export const isObject = (value: Json | undefined): value is JsonObject => value instanceof Map;
export const isArray = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

/** The member, or undefined where this is no object or has none. */
export const member = (value: Json | undefined, name: string): Json | undefined =>
  isObject(value) ? value.get(name) : undefined;

/** A whole number from 0 to 2^bits − 1; null for anything else. */
export const unsigned = (value: Json | undefined, bits: 8 | 16 | 32 | 64): bigint | null => {
  const number = typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : null;
  return number !== null && number >= 0n && number >> BigInt(bits) === 0n ? number : null;
};
