import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { fromBrowser } from './addresses.ts';
import { browser, emitter, life, notifyAndShutDown, shutDown, windows } from './app.ts';
import type { Message } from './chromium.ts';
import { nativeTheme } from './menus.ts';
import { isHeadless, log } from './run.ts';
import { handlerFor, settlePermissions, toBrowser } from './session.ts';
import { preventable, strict } from './strict.ts';
import { WebContents } from './web-contents.ts';
import { ISOLATED, pageWorldSource, preloadWorldSource } from './worlds.ts';

interface Bounds {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Options extends Partial<Bounds> {
  readonly show?: boolean;
  readonly backgroundColor?: string;
  readonly webPreferences?: {
    readonly preload?: string;
    readonly nodeIntegration?: boolean;
    readonly contextIsolation?: boolean;
    readonly sandbox?: boolean;
  };
}

/** Bounds are the desktop's to give; a test says where the user has moved the window. */
const MOVED = process.env.STAND_IN_MOVED;

class Window extends EventEmitter {
  gone = false;
  readonly webContents: WebContents;
  readonly #options: Options;
  readonly #contents: WebContents;
  readonly #opened: Promise<void>;
  #shown = false;
  #session = '';
  #target = '';
  #frame = '';

  constructor(options: Options = {}) {
    super();
    if (!life.ready) throw new Error('Cannot create BrowserWindow before app is ready');
    if (isHeadless()) {
      // electron/electron#53722: the constructor never returns, then the process dies.
      process.stderr.write('stand-in: new BrowserWindow() under --ozone-platform=headless never returns\n');
      process.kill(process.pid, 'SIGSEGV');
    }
    const { nodeIntegration, contextIsolation, sandbox } = options.webPreferences ?? {};
    if (nodeIntegration || contextIsolation === false || sandbox === false) {
      throw new Error('stand-in: a sandboxed, isolated page alone is imitated');
    }
    this.#options = options;
    const { x, y, width, height, backgroundColor } = options;
    log('a window', JSON.stringify({ x, y, width, height, backgroundColor }));
    this.#contents = new WebContents(this);
    this.webContents = strict('webContents', this.#contents);
    windows.add(this);
    this.#contents.on('closed-by-script', () => void this.close());
    emitter.emit('web-contents-created', preventable(), this.webContents);
    this.#opened = this.#open();
    this.#opened.catch((error) => {
      if (!this.gone) process.stderr.write(`stand-in: ${error.stack}\n`);
    });
  }

  ask(method: string, params: object = {}): Promise<Message> {
    return browser().ask(method, params, this.#session);
  }

  async #open(): Promise<void> {
    const contents = this.#contents;
    const { width = 800, height = 600, show, webPreferences } = this.#options;
    const made = { url: 'about:blank', newWindow: true, width, height };
    this.#target = (await browser().ask('Target.createTarget', made)).targetId;
    const attached = await browser().ask('Target.attachToTarget', { targetId: this.#target, flatten: true });
    this.#session = attached.sessionId;
    browser().on('Target.targetDestroyed', ({ targetId }) => {
      if (targetId === this.#target) this.#ended();
    });
    const binding = `ipc${Math.random().toString(36).slice(2)}`;
    this.#listen(binding);
    this.#frame = (await this.ask('Page.getFrameTree')).frameTree.frame.id;
    await this.ask('Page.enable');
    await this.ask('Page.setLifecycleEventsEnabled', { enabled: true });
    await this.ask('Runtime.enable');
    await this.ask('Inspector.enable');
    const value = nativeTheme.shouldUseDarkColors ? 'dark' : 'light';
    await this.ask('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] });
    await this.ask('Fetch.enable', { patterns: [{ urlPattern: '*' }] });
    // In the preload's world alone: the page never sees the way to ipcMain.
    await this.ask('Runtime.addBinding', { name: binding, executionContextName: ISOLATED });
    await this.ask('Page.addScriptToEvaluateOnNewDocument', { source: pageWorldSource });
    const { preload } = webPreferences ?? {};
    if (preload !== undefined) {
      const source = preloadWorldSource(binding, readFileSync(preload, 'utf8'));
      await this.ask('Page.addScriptToEvaluateOnNewDocument', { source, worldName: ISOLATED });
    }
    contents.emit('opened');
    if (show !== false) this.show();
  }

  #listen(binding: string): void {
    const contents = this.#contents;
    const on = (name: string, listener: (params: Message) => void): void => browser().on(name, listener, this.#session);
    on('Runtime.executionContextCreated', ({ context }) => {
      if (context.name === ISOLATED && context.auxData?.frameId === this.#frame) contents.context = context.id;
    });
    on('Runtime.executionContextDestroyed', ({ executionContextId }) => {
      if (contents.context === executionContextId) contents.context = null;
    });
    on('Runtime.bindingCalled', ({ name, payload, executionContextId }) => {
      if (name === binding) void contents.invoked(payload, executionContextId);
    });
    on('Runtime.exceptionThrown', ({ exceptionDetails: { exception, text } }) => log(exception?.description ?? text));
    on('Inspector.targetCrashed', () => {
      contents.context = null;
      contents.emit('render-process-gone', preventable(), { reason: 'crashed', exitCode: 5 });
    });
    on('Page.frameNavigated', ({ frame }) => {
      if (frame.parentId !== undefined || frame.url === 'about:blank') return;
      contents.address = frame.url;
      contents.emit('did-navigate', preventable(), fromBrowser(frame.url), 200, '');
    });
    on('Page.loadEventFired', () => {
      if (contents.address !== '') contents.emit('did-finish-load', preventable());
    });
    on('Page.lifecycleEvent', ({ name, frameId }) => {
      if (name !== 'firstContentfulPaint' || frameId !== this.#frame || contents.address === '') return;
      // electron/electron#48859: under Wayland a window that was never shown is never painted.
      if (process.env.STAND_IN_WAYLAND === undefined || this.#shown) this.emit('ready-to-show');
    });
    // electron_api_web_contents.cc BeforeUnloadFired(): no dialog, the page stays unless the application says otherwise.
    on('Page.javascriptDialogOpening', ({ type }) => {
      const event = preventable();
      if (type === 'beforeunload') contents.emit('will-prevent-unload', event);
      const accept = type !== 'beforeunload' || event.defaultPrevented;
      // Whoever else watches the page may have answered already, and says the same.
      this.ask('Page.handleJavaScriptDialog', { accept }).catch(() => undefined);
      if (type === 'beforeunload' && !event.defaultPrevented) life.quitting = false;
    });
    on('Fetch.requestPaused', (paused) => {
      this.#request(paused).catch((error) => log('request', error.message));
    });
  }

  /** The application's scheme comes from protocol.handle(); nothing else is anywhere. */
  async #request({ requestId, request, resourceType, frameId }: Message): Promise<void> {
    const contents = this.#contents;
    const url = fromBrowser(request.url);
    const refuse = (errorReason: string): Promise<Message> => this.ask('Fetch.failRequest', { requestId, errorReason });
    if (resourceType === 'Document' && frameId === this.#frame && url !== contents.loading) {
      const event = preventable({ url, isMainFrame: true });
      contents.emit('will-navigate', event, url);
      // A reload is no navigation of the page's.
      if (event.defaultPrevented && url !== contents.getURL()) {
        log('a navigation was prevented:', url);
        await refuse('Aborted');
        return;
      }
    }
    const handler = handlerFor(url);
    if (handler === undefined) {
      log('nowhere:', url);
      await refuse('BlockedByClient');
      return;
    }
    const response = await handler(new Request(url, { method: request.method }));
    const responseHeaders = [...response.headers].map(([name, value]) => ({ name, value }));
    const body = Buffer.from(await response.arrayBuffer()).toString('base64');
    await this.ask('Fetch.fulfillRequest', { requestId, responseCode: response.status, responseHeaders, body });
  }

  async loadURL(url: string): Promise<void> {
    await this.#opened;
    const address = toBrowser(url);
    this.#contents.loading = url;
    await settlePermissions(this.#contents, address);
    const { errorText } = await this.ask('Page.navigate', { url: address });
    if (errorText !== undefined) throw new Error(`${errorText} (${url})`);
  }

  show(): void {
    this.#shown = true;
    log('the window is shown');
    this.emit('show');
  }
  focus(): void {
    log('the window is focused');
    void this.#opened
      .then(() => browser().ask('Target.activateTarget', { targetId: this.#target }))
      .catch(() => undefined);
  }
  isVisible = (): boolean => this.#shown && !this.gone;
  isMinimized = (): boolean => false;
  isMaximized = (): boolean => MOVED === 'maximized';
  isFullScreen = (): boolean => false;
  isDestroyed = (): boolean => this.gone;
  restore = (): void => undefined;
  maximize = (): void => log('the window is maximized');
  getNormalBounds = (): Bounds => {
    const { x = 80, y = 50, width = 800, height = 600 } = this.#options;
    if (MOVED === undefined || MOVED === 'maximized') return { x, y, width, height };
    const [left = 0, top = 0, wide = 0, high = 0] = MOVED.split(',').map(Number);
    return { x: left, y: top, width: wide, height: high };
  };

  async close(): Promise<void> {
    const event = preventable();
    this.emit('close', event);
    if (event.defaultPrevented) {
      life.quitting = false;
      return;
    }
    // Page.close asks the page's beforeunload, as a person who closes the window does.
    await this.#opened.then(() => this.ask('Page.close')).catch(() => this.#ended());
  }

  destroy(): void {
    void browser()
      .ask('Target.closeTarget', { targetId: this.#target })
      .catch(() => undefined);
    this.#ended();
  }

  #ended(): void {
    if (this.gone) return;
    this.gone = true;
    windows.delete(this);
    this.emit('closed');
    if (windows.size > 0) return;
    if (life.exiting) shutDown();
    else if (life.quitting) notifyAndShutDown();
    else emitter.emit('window-all-closed');
  }
}

/** What a person does with the frame around the page, which no protocol reaches: a test sends this signal. */
process.on('SIGUSR2', () => {
  for (const window of [...windows]) void window.close();
});

export const BrowserWindow = new Proxy(Window, {
  construct: (target, [options]) => strict('BrowserWindow', new target(options as Options)),
});
