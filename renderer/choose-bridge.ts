import type { Bridge } from '../app/bridge.ts';
import { createWebBridge, type Socket } from './web-bridge.ts';

declare global {
  interface Window {
    /** The preload's bridge, in the Electron window only. */
    readonly tilescope?: Bridge;
  }
}

export const chooseBridge = (): Bridge =>
  window.tilescope ??
  createWebBridge(() => {
    const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws';
    return new WebSocket(`${scheme}://${window.location.host}/bridge`) as unknown as Socket;
  });
