import type { Bridge } from '../app/bridge.ts';
import { createWebBridge, type Socket } from './web-bridge.ts';
import { type EntryPage, entryWords, isToken, keepSecret } from './web-entry.ts';

declare global {
  interface Window {
    /** The preload's bridge, in the Electron window only. */
    readonly tilescope?: Bridge;
  }
}

/** What is kept is kept for this origin alone, port and all. */
const entryPage = (): EntryPage => ({
  hash: window.location.hash,
  clearHash: () => window.history.replaceState(null, '', window.location.pathname + window.location.search),
  memory: {
    getItem: (name) => window.localStorage.getItem(name),
    setItem: (name, value) => window.localStorage.setItem(name, value),
  },
});

const webBridge = (): Bridge => {
  const page = entryPage();
  // The next start's address, put in the place of this one.
  window.addEventListener('hashchange', () => {
    if (isToken(window.location.hash)) window.location.reload();
  });
  const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws';
  return createWebBridge(
    () => new WebSocket(`${scheme}://${window.location.host}/bridge`, [...entryWords(page)]) as unknown as Socket,
    (secret) => keepSecret(page, secret),
  );
};

export const chooseBridge = (): Bridge => window.tilescope ?? webBridge();
