/** Node's module hooks: `electron` is the module beside this file. */
const ELECTRON = new URL('./electron.js', import.meta.url).href;

type Next = (specifier: string, context: object) => unknown;

export const resolve = (specifier: string, context: object, next: Next): unknown =>
  specifier === 'electron' ? { url: ELECTRON, shortCircuit: true } : next(specifier, context);
