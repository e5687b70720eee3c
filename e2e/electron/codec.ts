/**
 * Structured clone, as Electron's IPC and its context bridge have it, as text. The function is put into the page as its own
 * source, so that it may name nothing from outside itself.
 */
export interface Codec {
  encode(value: unknown): unknown;
  decode(value: unknown): unknown;
}

export const makeCodec = (): Codec => {
  const isPlain = (value: object): boolean => {
    const prototype = Object.getPrototypeOf(value);
    // Another realm's Object.prototype has no prototype of its own either.
    return prototype === null || Object.getPrototypeOf(prototype) === null;
  };
  const number = (value: number): unknown =>
    Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { $: 'n', v: Object.is(value, -0) ? '-0' : String(value) };
  const fields = (value: object, each: (item: unknown) => unknown, key: (name: string) => string): unknown =>
    Object.fromEntries(Object.entries(value).map(([name, item]) => [key(name), each(item)]));

  const encode = (value: unknown, above: readonly unknown[] = []): unknown => {
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
    if (typeof value === 'number') return number(value);
    if (value === undefined) return { $: 'u' };
    if (typeof value === 'bigint') return { $: 'i', v: String(value) };
    if (typeof value !== 'object') throw new Error('An object could not be cloned.');
    if (above.includes(value))
      throw new Error('stand-in: a cycle, which structured clone takes and this codec does not');
    const inside = (item: unknown): unknown => encode(item, [...above, value]);
    if (Array.isArray(value)) return value.map(inside);
    if (value instanceof Uint8Array) {
      let text = '';
      for (const byte of value) text += String.fromCharCode(byte);
      return { $: 'b', v: btoa(text) };
    }
    if (value instanceof Error) return { $: 'e', v: value.message };
    if (!isPlain(value)) throw new Error(`stand-in: the codec lacks ${value.constructor.name}`);
    return fields(value, inside, (name) => (name === '$' ? '$$' : name));
  };

  const decode = (value: unknown): unknown => {
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map(decode);
    const { $: kind, v: text } = value as { $?: string; v?: string };
    if (kind === 'n') return Number(text);
    if (kind === 'u') return undefined;
    if (kind === 'i') return BigInt(text ?? '');
    if (kind === 'b') return Uint8Array.from(atob(text ?? ''), (character) => character.charCodeAt(0));
    if (kind === 'e') return new Error(text);
    return fields(value, decode, (name) => (name === '$$' ? '$' : name));
  };
  return { encode: (value) => encode(value), decode };
};
