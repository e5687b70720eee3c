/** Images and captures never change, so identity is the cache key and a result lives as long as its argument. */
export const memoizeByIdentity = <K extends object, V>(derive: (key: K) => V): ((key: K) => V) => {
  const known = new WeakMap<K, { readonly value: V }>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined) return found.value;
    const value = derive(key);
    known.set(key, { value });
    return value;
  };
};

/** The same for two arguments, either of them an immutable object. */
export const memoizePair = <A extends object, B extends object, V>(derive: (a: A, b: B) => V): ((a: A, b: B) => V) => {
  const rows = memoizeByIdentity((a: A) => memoizeByIdentity((b: B) => derive(a, b)));
  return (a, b) => rows(a)(b);
};

/** Remembers the results for one object and many small keys (a path, a component bit). */
export const memoizeKeyed = <K extends object, T extends string | number, V>(
  derive: (key: K, detail: T) => V,
): ((key: K, detail: T) => V) => {
  const tables = memoizeByIdentity((_: K) => new Map<T, V>());
  return (key, detail) => {
    const table = tables(key);
    if (table.has(detail)) return table.get(detail) as V;
    const value = derive(key, detail);
    table.set(detail, value);
    return value;
  };
};

interface Listed<T extends object> {
  readonly after: WeakMap<T, Listed<T>>;
  list?: readonly T[];
}

/** The same list again for the same elements in the same order. */
export const sameList = <T extends object>(): ((list: readonly T[]) => readonly T[]) => {
  const node = (): Listed<T> => ({ after: new WeakMap() });
  const root = node();
  return (list) => {
    let at = root;
    for (const one of list) {
      const next = at.after.get(one) ?? node();
      at.after.set(one, next);
      at = next;
    }
    at.list ??= list;
    return at.list;
  };
};
