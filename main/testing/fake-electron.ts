import { vi } from 'vitest';

/** What the host tells Electron, recorded by a stand-in for the module: the binary is not needed to check the walls. */
type Listener = (...args: never[]) => unknown;
export const recorded = {
  handles: new Map<string, Listener>(),
  appListeners: new Map<string, Listener>(),
  schemes: [] as unknown[],
  protocols: new Map<string, Listener>(),
  permissionRequest: null as Listener | null,
  permissionCheck: null as Listener | null,
  windows: [] as { options: Record<string, unknown>; url: string }[],
  exposed: new Map<string, unknown>(),
  invoked: [] as unknown[][],
  rendererListeners: new Map<string, Set<Listener>>(),
  spellchecker: true,
};
class BrowserWindow {
  readonly pageListeners = new Map<string, Listener>();
  readonly listeners = new Map<string, Listener>();
  readonly onceListeners = new Map<string, Listener>();
  readonly webContents = {
    mainFrame: { url: 'app://tilescope/index.html' },
    send: vi.fn(),
    sendInputEvent: vi.fn(),
    on: (name: string, listener: Listener) => this.pageListeners.set(name, listener),
    once: (name: string, listener: Listener) => this.onceListeners.set(name, listener),
  };
  readonly record: { options: Record<string, unknown>; url: string };
  destroyed = false;
  constructor(options: Record<string, unknown>) {
    this.record = { options, url: '' };
    recorded.windows.push(this.record);
  }
  once = (name: string, listener: Listener) => this.onceListeners.set(name, listener);
  on = (name: string, listener: Listener) => this.listeners.set(name, listener);
  show = vi.fn();
  maximize = vi.fn();
  isDestroyed = () => this.destroyed;
  loadURL = async (url: string) => {
    this.record.url = url;
  };
}

export const electronModule = {
  BrowserWindow,
  app: { on: (name: string, listener: Listener) => recorded.appListeners.set(name, listener) },
  ipcMain: { handle: (channel: string, listener: Listener) => recorded.handles.set(channel, listener) },
  protocol: {
    registerSchemesAsPrivileged: (schemes: unknown[]) => recorded.schemes.push(...schemes),
    handle: (scheme: string, listener: Listener) => recorded.protocols.set(scheme, listener),
  },
  session: {
    defaultSession: {
      setPermissionRequestHandler: (listener: Listener) => {
        recorded.permissionRequest = listener;
      },
      setSpellCheckerEnabled: (enabled: boolean) => {
        recorded.spellchecker = enabled;
      },
      setPermissionCheckHandler: (listener: Listener) => {
        recorded.permissionCheck = listener;
      },
    },
  },
  contextBridge: { exposeInMainWorld: (name: string, value: unknown) => recorded.exposed.set(name, value) },
  ipcRenderer: {
    invoke: async (...args: unknown[]) => {
      recorded.invoked.push(args);
      return { ok: true, value: null };
    },
    on: (channel: string, listener: Listener) => {
      const all = recorded.rendererListeners.get(channel) ?? new Set();
      recorded.rendererListeners.set(channel, all.add(listener));
    },
    removeListener: (channel: string, listener: Listener) => recorded.rendererListeners.get(channel)?.delete(listener),
  },
};
