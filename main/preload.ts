import { contextBridge, ipcRenderer } from 'electron';
import type { Bridge, BridgeVerb, SessionEvent } from '../app/bridge.ts';
import { EVENT_CHANNEL, verbChannel } from './channels.ts';

/**
 * All that the window's page can reach: the bridge, one function a verb. No channel name is chosen by the page, and nothing
 * of Electron's crosses, the event object of a listener included.
 */
const ask = (verb: BridgeVerb, ...args: readonly unknown[]) => ipcRenderer.invoke(verbChannel(verb), args);

const bridge = Object.freeze({
  hostFacts: () => ask('hostFacts'),
  listTargets: () => ask('listTargets'),
  attach: (pid, startTimeTicks, vcpu, freeze) => ask('attach', pid, startTimeTicks, vcpu, freeze),
  openFile: (name, base64) => ask('openFile', name, base64),
  capture: (session) => ask('capture', session),
  freeze: (session) => ask('freeze', session),
  resume: (session) => ask('resume', session),
  apply: (session, assignments) => ask('apply', session, assignments),
  restore: (session, scope) => ask('restore', session, scope),
  detach: (session, restoreFirst) => ask('detach', session, restoreFirst),
  onEvent: (listener) => {
    const hear = (_event: unknown, event: SessionEvent): void => listener(event);
    ipcRenderer.on(EVENT_CHANNEL, hear);
    return () => {
      ipcRenderer.removeListener(EVENT_CHANNEL, hear);
    };
  },
} satisfies Bridge);

contextBridge.exposeInMainWorld('tilescope', bridge);
