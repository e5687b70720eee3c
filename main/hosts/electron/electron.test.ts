import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BRIDGE_VERBS } from '../../../app/bridge.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import { type FakeSessions, fakeSessions } from '../../testing/fake-sessions.ts';
import { createHostPages } from '../host-pages.ts';
import { followPage } from './page.ts';

vi.mock('electron', async () => (await import('../../testing/fake-electron.ts')).electronModule);

const { recorded } = await import('../../testing/fake-electron.ts');
const host = await import('./window.ts');

const open = (given: Partial<Parameters<typeof host.openWindow>[0]> = {}) =>
  host.openWindow({ preload: '/preload.cjs', place: null, dark: true, onShown: () => undefined, ...given });

const attach = vi.fn(async () => refuse('fault', 'not in this test'));
const listTargets = async () => answer({ targets: [], skippedCount: 0 });

beforeEach(() => {
  recorded.handles.clear();
  recorded.windows.length = 0;
});

describe('[C20] the window', () => {
  test('is sandboxed, isolated and without Node, and shows our page', () => {
    open();
    const [{ options, url } = { options: {}, url: '' }] = recorded.windows;
    expect(url).toBe('app://tilescope/index.html');
    expect(options.webPreferences).toEqual({
      preload: '/preload.cjs',
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
    });
  });

  test('no web contents can navigate, open a window or hold a webview', () => {
    host.closeWaysOut();
    const listeners = new Map<string, (event: { preventDefault: () => void }) => void>();
    let openHandler: (() => unknown) | null = null;
    const contents = {
      on: (name: string, listener: (event: { preventDefault: () => void }) => void) => listeners.set(name, listener),
      setWindowOpenHandler: (handler: () => unknown) => {
        openHandler = handler;
      },
    };
    recorded.appListeners.get('web-contents-created')?.({} as never, contents as never);
    for (const name of ['will-navigate', 'will-redirect', 'will-attach-webview']) {
      const preventDefault = vi.fn();
      listeners.get(name)?.({ preventDefault });
      expect(preventDefault, name).toHaveBeenCalledOnce();
    }
    expect((openHandler as (() => unknown) | null)?.()).toEqual({ action: 'deny' });
  });

  test('of permissions, the clipboard’s text alone is granted, and to our page alone', () => {
    host.limitPermissions();
    const asked = (permission: string, requestingUrl: string, isMainFrame = true): unknown => {
      const decide = vi.fn();
      const details = { requestingUrl, isMainFrame };
      recorded.permissionRequest?.({} as never, permission as never, decide as never, details as never);
      return decide.mock.calls[0]?.[0];
    };
    const checked = (permission: string, origin: string): unknown =>
      recorded.permissionCheck?.(null as never, permission as never, origin as never, {} as never);
    const [granted, page] = ['clipboard-sanitized-write', 'app://tilescope/index.html'];
    expect([asked(granted, page), checked(granted, 'app://tilescope/')]).toEqual([true, true]);
    for (const other of ['clipboard-read', 'media', 'notifications', 'openExternal', 'fileSystem']) {
      expect([asked(other, page), checked(other, 'app://tilescope/')], other).toEqual([false, false]);
    }
    for (const url of ['https://tilescope/', 'app://other/', '', 'app://tilescope.evil/']) {
      expect([asked(granted, url), checked(granted, url)], url).toEqual([false, false]);
    }
    expect(asked(granted, page, false)).toBe(false);
    expect(recorded.spellchecker).toBe(false);
  });

  test('it is shown at the first of painted, loaded, two seconds, and once', () => {
    vi.useFakeTimers();
    type Shown = { show: ReturnType<typeof vi.fn>; onceListeners: Map<string, () => void> };
    for (const first of ['ready-to-show', 'did-finish-load', 'time']) {
      const onShown = vi.fn();
      const { show, onceListeners } = open({ onShown }) as unknown as Shown;
      expect(show).not.toHaveBeenCalled();
      if (first === 'time') vi.advanceTimersByTime(2_000);
      else onceListeners.get(first)?.();
      expect(
        [show, onShown].map((told) => told.mock.calls.length),
        first,
      ).toEqual([1, 1]);
      for (const name of ['ready-to-show', 'did-finish-load']) onceListeners.get(name)?.();
      vi.advanceTimersByTime(2_000);
      expect(show).toHaveBeenCalledOnce();
    }
    vi.useRealTimers();
  });

  test('it opens where the user left it, on the background of the theme it was left in', () => {
    const bounds = { x: 1, y: 2, width: 1000, height: 700 };
    open({ place: { bounds, maximized: false, background: '#ebedef' } });
    open({ dark: false });
    open({ dark: true });
    expect(recorded.windows[0]?.options).toMatchObject({ ...bounds, backgroundColor: '#ebedef' });
    expect(recorded.windows[1]?.options).toMatchObject({ width: 1440, backgroundColor: '#ebedef' });
    expect(recorded.windows[2]?.options).toMatchObject({ backgroundColor: '#0a0c10' });
  });
});

describe('[C21] the app: scheme', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tilescope-pages-'));
  mkdirSync(join(folder, 'renderer'));
  writeFileSync(join(folder, 'secret.html'), 'secret');
  writeFileSync(join(folder, 'renderer', 'index.html'), '<!doctype html><html lang="en"></html>');
  const get = async (url: string, method = 'GET'): Promise<Response> => {
    host.servePages(join(folder, 'renderer'), true);
    return (await recorded.protocols.get('app')?.({ url, method } as never)) as Response;
  };

  test('has an origin of its own', () => {
    host.registerScheme();
    expect(recorded.schemes).toMatchObject([{ scheme: 'app', privileges: { standard: true, secure: true } }]);
    expect(JSON.stringify(recorded.schemes)).not.toMatch(/bypassCSP|corsEnabled|allowServiceWorkers/);
  });

  test('serves the page under a strict policy', async () => {
    const response = await get('app://tilescope/index.html');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:");
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(await response.text()).toContain('<html data-deterministic lang="en">');
  });

  test.each([
    'app://tilescope/../secret.html',
    'app://tilescope/%2e%2e/secret.html',
    'app://tilescope/..%2fsecret.html',
    'app://other/index.html',
    'app://tilescope/none.html',
  ])('does not reach outside: %s', async (url) => {
    const response = await get(url);
    expect(response.status).toBe(404);
    expect(await response.text()).not.toContain('secret');
  });

  test('takes GET alone', async () => {
    expect((await get('app://tilescope/index.html', 'POST')).status).toBe(404);
    rmSync(folder, { recursive: true, force: true });
  });
});

describe('[C22] every call is checked', () => {
  const served = () => {
    const window = open();
    let now: typeof window | null = window;
    const page = createHostPages(() => fakeSessions({ attach, listTargets })).open(() => undefined);
    host.serveVerbs(
      () => ({ now: () => page }),
      () => now,
    );
    const call = (verb: string, frame: unknown, args: unknown) =>
      recorded.handles.get(`tilescope:verb:${verb}`)?.(
        { senderFrame: frame } as never,
        args as never,
      ) as Promise<unknown>;
    return { window, call, close: () => (now = null) };
  };
  const page = { url: 'app://tilescope/index.html' };

  test('there is one handler a verb, and no other', () => {
    served();
    expect([...recorded.handles.keys()].sort()).toEqual(BRIDGE_VERBS.map((verb) => `tilescope:verb:${verb}`).sort());
  });

  test('the main frame of our window is answered', async () => {
    const { window, call } = served();
    expect(await call('listTargets', window.webContents.mainFrame, [])).toMatchObject({ ok: true });
  });

  test('another frame, another page, and nobody are refused', async () => {
    const { window, call, close } = served();
    const bad = { ok: false, refusal: { code: 'bad-sender' } };
    expect(await call('listTargets', null, [])).toMatchObject(bad);
    expect(await call('listTargets', { ...page }, [])).toMatchObject(bad);
    const { mainFrame } = window.webContents as unknown as { mainFrame: { url: string } };
    for (const url of ['https://evil.example/', 'app://other/', 'file:///etc/passwd', 'about:blank', '']) {
      mainFrame.url = url;
      expect(await call('listTargets', mainFrame, []), url).toMatchObject(bad);
    }
    mainFrame.url = page.url;
    close();
    expect(await call('listTargets', mainFrame, [])).toMatchObject(bad);
  });

  test('arguments of another shape never reach the verb', async () => {
    const { window, call } = served();
    const frame = window.webContents.mainFrame;
    for (const args of [
      undefined,
      {},
      [],
      ['1', '0', 0, false],
      [0, '0', 0, false],
      [1, 'x', 0, false],
      [1, '0', -1, false],
    ]) {
      expect(await call('attach', frame, args)).toMatchObject({ ok: false, refusal: { code: 'bad-call' } });
    }
    expect(attach).not.toHaveBeenCalled();
    await call('attach', frame, [1, '77', 0, true]);
    expect(attach).toHaveBeenCalledWith(1, '77', 0, true);
  });
});

describe('[C50] each load of the window is a page of its own', () => {
  interface StubWindow {
    destroyed: boolean;
    readonly listeners: Map<string, (...args: unknown[]) => void>;
    readonly pageListeners: Map<string, (...args: unknown[]) => void>;
  }
  const started = () => {
    const made: FakeSessions[] = [];
    const hostPages = createHostPages(() => {
      const sessions = fakeSessions({ attach, listTargets });
      made.push(sessions);
      return sessions;
    });
    const window = open();
    const stub = window as unknown as StubWindow;
    const [tell, load, giveUp, clock] = [vi.fn(), vi.fn(), vi.fn(), { ms: 0 }];
    const page = followPage({ window, hostPages, tell, load, giveUp, nowMs: () => clock.ms });
    host.serveVerbs(
      () => page,
      () => window,
    );
    const call = () =>
      recorded.handles.get('tilescope:verb:listTargets')?.(
        { senderFrame: window.webContents.mainFrame } as never,
        [] as never,
      ) as Promise<unknown>;
    const crash = () => stub.pageListeners.get('render-process-gone')?.({}, { reason: 'crashed', exitCode: 5 });
    return { made, stub, tell, load, giveUp, clock, call, crash };
  };
  let said: { mockRestore(): void };
  beforeEach(() => {
    said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  });
  afterEach(() => said.mockRestore());

  test('a reload ends the sessions of the page before, and the next call has others', async () => {
    const { made, stub, tell, call } = started();
    stub.pageListeners.get('did-navigate')?.({}, 'app://tilescope/index.html');
    expect(made).toHaveLength(0);
    await call();
    await call();
    expect(made).toHaveLength(1);
    for (const listener of made[0]?.listeners ?? []) listener({ kind: 'helper', problem: null });
    expect(tell).toHaveBeenCalledOnce();
    stub.pageListeners.get('did-navigate')?.({}, 'app://tilescope/index.html');
    await vi.waitFor(() => expect(made[0]?.closed).toBe(true));
    await call();
    expect(made.map((sessions) => sessions.closed)).toEqual([true, false]);
  });

  test('a navigation that has only begun ends nothing: it may be prevented', () => {
    const { stub } = started();
    expect([...stub.pageListeners.keys()].sort()).toEqual(['did-navigate', 'render-process-gone']);
  });

  test('a closed window ends its sessions', async () => {
    const { made, stub, call } = started();
    await call();
    stub.listeners.get('closed')?.();
    await vi.waitFor(() => expect(made[0]?.closed).toBe(true));
  });

  test('a page whose process ended is loaded again, with sessions of its own', async () => {
    const { made, load, giveUp, call, crash } = started();
    await call();
    crash();
    expect(load).toHaveBeenCalledOnce();
    await vi.waitFor(() => expect(made[0]?.closed).toBe(true));
    await call();
    expect(made.map((sessions) => sessions.closed)).toEqual([true, false]);
    expect(giveUp).not.toHaveBeenCalled();
  });

  test('not in a loop: the fourth end within a minute is said instead', () => {
    const { load, giveUp, clock, crash } = started();
    for (let crashes = 0; crashes < 4; crashes += 1) {
      clock.ms += 10_000;
      crash();
    }
    expect(load).toHaveBeenCalledTimes(3);
    expect(giveUp).toHaveBeenCalledOnce();
    expect(String(giveUp.mock.calls[0]?.[0])).toContain('4 times within a minute (crashed, code 5)');
  });

  test('an end now and then is no loop, and a window that is closed is not loaded', () => {
    const { stub, load, giveUp, clock, crash } = started();
    for (let crashes = 0; crashes < 10; crashes += 1) {
      clock.ms += 21_000;
      crash();
    }
    expect([load.mock.calls.length, giveUp.mock.calls.length]).toEqual([10, 0]);
    stub.destroyed = true;
    crash();
    expect(load).toHaveBeenCalledTimes(10);
  });
});

describe('[C23] the preload', () => {
  test('exposes the bridge, frozen, and nothing else', async () => {
    await import('./preload.ts');
    expect([...recorded.exposed.keys()]).toEqual(['tilescope']);
    const bridge = recorded.exposed.get('tilescope') as Record<string, (...args: unknown[]) => unknown>;
    expect(Object.keys(bridge).sort()).toEqual([...BRIDGE_VERBS, 'onEvent'].sort());
    expect(Object.isFrozen(bridge)).toBe(true);
    for (const verb of BRIDGE_VERBS) {
      recorded.invoked.length = 0;
      const given = [1, 'two', 3, true].slice(0, (bridge[verb] as { length: number }).length);
      await bridge[verb]?.(...given, 'more than it takes');
      expect(recorded.invoked).toEqual([[`tilescope:verb:${verb}`, given]]);
    }
  });

  test('hands on events without the event object, and lets go', () => {
    const bridge = recorded.exposed.get('tilescope') as {
      onEvent: (listener: (...args: unknown[]) => void) => () => void;
    };
    const heard = vi.fn();
    const unsubscribe = bridge.onEvent(heard);
    const listeners = recorded.rendererListeners.get('tilescope:event') ?? new Set();
    for (const listener of listeners)
      listener({ sender: 'ipcRenderer' } as never, { kind: 'helper', problem: null } as never);
    expect(heard.mock.calls).toEqual([[{ kind: 'helper', problem: null }]]);
    unsubscribe();
    expect(listeners.size).toBe(0);
  });
});
