import { shownText } from '../../app/bits/text.ts';

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/**
 * An answer or event as a page may show it: names of guests, programs, files and what a system says of them come from
 * outside, and all of them cross here. Bytes and numbers cross as they are. A value without such text is the same object.
 */
export const shown = <T>(value: T): T => {
  if (typeof value === 'string') return shownText(value) as T;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    let changed = false;
    const list = value.map((element: unknown) => {
      const clean = shown(element);
      changed ||= clean !== element;
      return clean;
    });
    return changed ? (list as T) : value;
  }
  if (!isPlain(value)) return value;
  let changed = false;
  const entries = Object.entries(value).map(([name, element]: [string, unknown]) => {
    const [cleanName, clean] = [shownText(name), shown(element)];
    changed ||= clean !== element || cleanName !== name;
    return [cleanName, clean] as const;
  });
  return changed ? (Object.fromEntries(entries) as T) : value;
};
