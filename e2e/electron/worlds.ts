import { type Codec, makeCodec } from './codec.ts';

/**
 * The two worlds of a sandboxed, isolated window: the page's, and the preload's beside it. Nothing but text goes between
 * them, by events that are dispatched and answered synchronously, so that no object is ever shared. Both functions are put
 * into the page as their own source: they may name nothing from outside themselves but what is handed to them.
 */
export const ISOLATED = 'electron-preload';

type Reply = { readonly ok: boolean; readonly value: unknown };

/** contextBridge as the page sees it (electron_api_context_bridge.cc): copies of values, functions that call back. */
const pageWorld = ({ encode, decode }: Codec): void => {
  const MOST_DEEP = 1000;
  const functions = new Map<number, (...args: unknown[]) => unknown>();
  const promises = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let last = 0;

  const call = (id: number, args: readonly unknown[]): Reply => {
    let answer = '';
    const hear = (event: Event): void => {
      answer = (event as CustomEvent<string>).detail;
    };
    document.addEventListener('stand-in:answer', hear, { once: true });
    document.dispatchEvent(new CustomEvent('stand-in:call', { detail: JSON.stringify({ id, args }) }));
    document.removeEventListener('stand-in:answer', hear);
    return JSON.parse(answer);
  };
  const isTree = (value: unknown): value is object =>
    typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));
  const leave = (value: unknown, depth = 0): unknown => {
    if (depth >= MOST_DEEP) throw new TypeError('Electron contextBridge recursion depth exceeded.');
    if (typeof value === 'function') {
      last += 1;
      functions.set(last, value as () => unknown);
      return { $: 'f', v: last };
    }
    if (Array.isArray(value)) return value.map((item) => leave(item, depth + 1));
    if (!isTree(value)) return encode(value);
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key === '$' ? '$$' : key, leave(item, depth + 1)]),
    );
  };
  const enter = (value: unknown): unknown => {
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map(enter);
    const { $: kind, v: id } = value as { $?: string; v: number };
    if (kind === 'p') return new Promise((resolve, reject) => promises.set(id, { resolve, reject }));
    if (kind === 'f') {
      return (...args: unknown[]) => {
        const reply = call(
          id,
          args.map((item) => leave(item)),
        );
        if (reply.ok) return enter(reply.value);
        throw new Error(String(reply.value));
      };
    }
    if (kind !== undefined) return decode(value);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key === '$$' ? '$' : key, enter(item)]));
  };
  const freeze = (value: unknown): unknown => {
    if (value !== null && typeof value === 'object') {
      for (const item of Object.values(value)) freeze(item);
      Object.freeze(value);
    }
    return value;
  };
  const on = (name: string, use: (body: never) => void): void =>
    document.addEventListener(`stand-in:${name}`, (event) =>
      use(JSON.parse((event as CustomEvent<string>).detail) as never),
    );

  // lib/browser/guest-window-manager.ts: the main process is asked, and says no; nothing else is imitated.
  window.open = (url) => {
    document.dispatchEvent(new CustomEvent('stand-in:open', { detail: String(url) }));
    return null;
  };
  // web_contents_preferences.cc: a script may close its window, which a tab's may not.
  window.close = () => {
    document.dispatchEvent(new CustomEvent('stand-in:close'));
  };
  on('expose', ({ key, api }: { key: string; api: unknown }) => {
    if (key in window) throw new Error('Cannot bind an API on top of an existing property on the window object');
    Object.defineProperty(window, key, { value: freeze(enter(api)), enumerable: true });
  });
  on('settle', ({ id, ok, value }: { id: number } & Reply) => {
    const waiting = promises.get(id);
    promises.delete(id);
    if (ok) waiting?.resolve(enter(value));
    else waiting?.reject(new Error(String(value)));
  });
  on('back', ({ id, args }: { id: number; args: readonly unknown[] }) => {
    functions.get(id)?.(...args.map(enter));
  });
};

/** The preload's world: `require('electron')` with ipcRenderer and contextBridge, and no other module. */
const preloadWorld = ({ encode, decode }: Codec, binding: string, source: string): void => {
  const functions = new Map<number, (...args: unknown[]) => unknown>();
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const listeners = new Map<string, ((...args: unknown[]) => void)[]>();
  let last = 0;
  const world = globalThis as unknown as Record<string, (text: string) => void>;
  const post = world[binding];
  delete world[binding];
  const tell = (name: string, body: unknown): void => {
    document.dispatchEvent(new CustomEvent(`stand-in:${name}`, { detail: JSON.stringify(body) }));
  };
  const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

  const leave = (value: unknown): unknown => {
    if (typeof value === 'function') {
      last += 1;
      functions.set(last, value as () => unknown);
      return { $: 'f', v: last };
    }
    if (value instanceof Promise) {
      last += 1;
      const id = last;
      value.then(
        (got) => tell('settle', { id, ok: true, value: leave(got) }),
        (error) => tell('settle', { id, ok: false, value: textOf(error) }),
      );
      return { $: 'p', v: id };
    }
    if (Array.isArray(value)) return value.map(leave);
    if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype)
      return encode(value);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key === '$' ? '$$' : key, leave(item)]));
  };
  const enter = (value: unknown): unknown => {
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map(enter);
    const { $: kind, v: id } = value as { $?: string; v?: number };
    if (kind === 'f') return (...args: unknown[]) => tell('back', { id, args: args.map(leave) });
    if (kind !== undefined) return decode(value);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key === '$$' ? '$' : key, enter(item)]));
  };
  document.addEventListener('stand-in:call', (event) => {
    const { id, args } = JSON.parse((event as CustomEvent<string>).detail) as { id: number; args: unknown[] };
    let answer: Reply;
    try {
      answer = { ok: true, value: leave(functions.get(id)?.(...args.map(enter))) };
    } catch (error) {
      answer = { ok: false, value: textOf(error) };
    }
    document.dispatchEvent(new CustomEvent('stand-in:answer', { detail: JSON.stringify(answer) }));
  });

  type Message =
    | { reply: number; value?: unknown; error?: string }
    | { reply?: undefined; channel: string; args: unknown[] };
  Object.assign(globalThis, {
    __deliver: (message: Message): void => {
      if (message.reply === undefined) {
        for (const listener of [...(listeners.get(message.channel) ?? [])]) {
          listener({ sender: ipcRenderer }, ...(decode(message.args) as unknown[]));
        }
        return;
      }
      const asked = waiting.get(message.reply);
      waiting.delete(message.reply);
      if (message.error === undefined) asked?.resolve(decode(message.value));
      else asked?.reject(new Error(message.error));
    },
  });
  const ipcRenderer = {
    invoke: (channel: string, ...args: unknown[]) =>
      new Promise((resolve, reject) => {
        last += 1;
        const text = JSON.stringify({ id: last, channel, args: encode(args) });
        waiting.set(last, { resolve, reject });
        post?.(text);
      }),
    on: (channel: string, listener: (...args: unknown[]) => void) => {
      listeners.set(channel, [...(listeners.get(channel) ?? []), listener]);
      return ipcRenderer;
    },
    removeListener: (channel: string, listener: (...args: unknown[]) => void) => {
      const others = (listeners.get(channel) ?? []).filter((one) => one !== listener);
      listeners.set(channel, others);
      return ipcRenderer;
    },
  };
  const contextBridge = {
    exposeInMainWorld: (key: string, api: unknown) => tell('expose', { key, api: leave(api) }),
  };
  const require = (name: string): unknown => {
    if (name === 'electron') return { ipcRenderer, contextBridge };
    throw new Error(`module not found: ${name}`);
  };
  document.addEventListener('stand-in:open', (event) => {
    post?.(JSON.stringify({ opens: (event as CustomEvent<string>).detail }));
  });
  document.addEventListener('stand-in:close', () => post?.(JSON.stringify({ closes: true })));
  // `did-change-theme-color` is the browser's, which has no event for it in its protocol.
  const tellColor = (): void => {
    const color = document.querySelector('meta[name="theme-color"]')?.getAttribute('content');
    if (color !== undefined) post?.(JSON.stringify({ color }));
  };
  document.addEventListener('DOMContentLoaded', () => {
    tellColor();
    new MutationObserver(tellColor).observe(document.head, { subtree: true, attributeFilter: ['content'] });
  });
  const module = { exports: {} };
  try {
    new Function('require', 'process', 'exports', 'module', source)(
      require,
      { type: 'renderer', sandboxed: true },
      module.exports,
      module,
    );
  } catch (error) {
    console.error('Unable to load preload script', error);
    post?.(JSON.stringify({ preloadError: error instanceof Error ? (error.stack ?? '') : String(error) }));
  }
};

export const pageWorldSource = `(${pageWorld})((${makeCodec})());`;

export const preloadWorldSource = (binding: string, preload: string): string =>
  `(${preloadWorld})((${makeCodec})(), ${JSON.stringify(binding)}, ${JSON.stringify(preload)});`;
