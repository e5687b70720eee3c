import { EventEmitter } from 'node:events';
import { fromBrowser } from './addresses.ts';
import { decode, encode } from './clone.ts';
import { ipc } from './ipc.ts';
import { log } from './run.ts';
import { preventable } from './strict.ts';

/** What a WebContents needs of the window around it. */
export interface Frame {
  readonly gone: boolean;
  ask(method: string, params?: object): Promise<unknown>;
}

class WebFrameMain {
  readonly #contents: WebContents;
  constructor(contents: WebContents) {
    this.#contents = contents;
  }
  get url(): string {
    return fromBrowser(this.#contents.address);
  }
}

type OpenHandler = (details: { url: string }) => { action: 'deny' | 'allow' };

export class WebContents extends EventEmitter {
  /** As Chromium has it; empty until a document of ours is there. */
  address = '';
  /** The preload's world in that document. */
  context: number | null = null;
  /** What loadURL() asked for: a load of the application's own is no navigation of the page's. */
  loading: string | null = null;
  openHandler: OpenHandler | null = null;
  readonly mainFrame = new WebFrameMain(this);
  readonly #frame: Frame;

  constructor(frame: Frame) {
    super();
    this.#frame = frame;
  }

  getURL = (): string => fromBrowser(this.address);
  isDestroyed = (): boolean => this.#frame.gone;
  setWindowOpenHandler = (handler: OpenHandler): void => {
    this.openHandler = handler;
  };
  send = (channel: string, ...args: unknown[]): void => this.#deliver({ channel, args: encode(args) });

  /** The menu's accelerators and the application's own keys reach the page as keys of the user. */
  sendInputEvent = ({
    type,
    keyCode,
    modifiers = [],
  }: {
    type: string;
    keyCode: string;
    modifiers?: string[];
  }): void => {
    const bits: Record<string, number> = { alt: 1, control: 2, meta: 4, shift: 8 };
    const flags = modifiers.reduce((sum, name) => sum | (bits[name] ?? 0), 0);
    const key = { key: keyCode.toLowerCase(), code: `Key${keyCode}`, windowsVirtualKeyCode: keyCode.charCodeAt(0) };
    const kind = type === 'keyDown' ? 'rawKeyDown' : 'keyUp';
    this.#frame.ask('Input.dispatchKeyEvent', { type: kind, modifiers: flags, ...key }).catch(() => undefined);
  };

  /** ipcRenderer.invoke() of the preload. */
  async invoked(text: string, contextId: number): Promise<void> {
    const { id, channel, args, preloadError, color, opens, closes } = JSON.parse(text);
    if (closes === true) {
      this.emit('closed-by-script');
      return;
    }
    if (opens !== undefined) {
      log('window.open', this.openHandler?.({ url: opens }).action, opens);
      return;
    }
    if (color !== undefined) {
      log('theme color', color);
      this.emit('did-change-theme-color', preventable(), color);
      return;
    }
    if (preloadError !== undefined) {
      process.stderr.write(`stand-in: the preload failed: ${preloadError}\n`);
      this.emit('preload-error', preventable(), '', new Error(preloadError));
      return;
    }
    const handler = ipc.handlers.get(channel);
    let message: object;
    try {
      if (handler === undefined) throw new Error(`No handler registered for '${channel}'`);
      const event = preventable({ type: 'frame', sender: this, senderFrame: this.mainFrame });
      message = { reply: id, value: encode(await handler(event, ...(decode(args) as unknown[]))) };
    } catch (error) {
      process.stderr.write(`Error occurred in handler for '${channel}': ${(error as Error).stack}\n`);
      message = { reply: id, error: `Error invoking remote method '${channel}': ${error}` };
    }
    // A page that has gone meanwhile hears nothing, and another one's promise is not its.
    if (this.context === contextId) this.#deliver(message);
  }

  #deliver(message: object): void {
    if (this.context === null || this.#frame.gone) return;
    const expression = `__deliver(${JSON.stringify(message)})`;
    this.#frame
      .ask('Runtime.evaluate', { contextId: this.context, expression })
      .catch((error) => log('not delivered', error.message));
  }
}
