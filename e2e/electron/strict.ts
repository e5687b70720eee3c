/** A member that is not imitated throws by name: a call that Electron would answer must not answer undefined here. */
export const strict = <T extends object>(name: string, target: T): T =>
  new Proxy(target, {
    get(object, key) {
      if (key in object || typeof key === 'symbol' || key === 'then') {
        const value = Reflect.get(object, key);
        return typeof value === 'function' && key !== 'constructor' ? value.bind(object) : value;
      }
      throw new Error(`stand-in: ${name}.${key} is not imitated: add it to e2e/electron`);
    },
  });

export interface Preventable {
  defaultPrevented: boolean;
  preventDefault(): void;
}

export const preventable = <T extends object>(extra: T = {} as T): Preventable & T => ({
  ...extra,
  defaultPrevented: false,
  preventDefault() {
    this.defaultPrevented = true;
  },
});
