import { contextBridge, ipcRenderer } from 'electron';
import type { Bridge, BridgeVerb, SessionEvent } from '../../../app/bridge.ts';
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
  chooseState: (session, vcpu, preset) => ask('chooseState', session, vcpu, preset),
  readState: (name, base64, state, preset) => ask('readState', name, base64, state, preset),
  listModels: () => ask('listModels'),
  openModel: (program) => ask('openModel', program),
  step: (session, count, have) => ask('step', session, count, have),
  drive: (session, act, have) => ask('drive', session, act, have),
  rewind: (session, at) => ask('rewind', session, at),
  capture: (session) => ask('capture', session),
  look: (session, have) => ask('look', session, have),
  freeze: (session) => ask('freeze', session),
  resume: (session) => ask('resume', session),
  freezeAll: (session) => ask('freezeAll', session),
  resumeAll: (session) => ask('resumeAll', session),
  holdOthers: (session) => ask('holdOthers', session),
  letOthersGo: (session) => ask('letOthersGo', session),
  nameCode: (session, codes, syntax) => ask('nameCode', session, codes, syntax),
  readCode: (session, address, count, syntax) => ask('readCode', session, address, count, syntax),
  readMemory: (session, request) => ask('readMemory', session, request),
  findMemory: (session, request) => ask('findMemory', session, request),
  readArea: (session, address, isPhysical) => ask('readArea', session, address, isPhysical),
  readCalls: (session) => ask('readCalls', session),
  takeSymbols: (session, name, base64) => ask('takeSymbols', session, name, base64),
  placeSymbols: (session, address) => ask('placeSymbols', session, address),
  apply: (session, assignments) => ask('apply', session, assignments),
  restore: (session, scope, then) => ask('restore', session, scope, then),
  undo: (session) => ask('undo', session),
  redo: (session) => ask('redo', session),
  detach: (session, restoreFirst) => ask('detach', session, restoreFirst),
  startDemo: () => ask('startDemo'),
  orphans: () => ask('orphans'),
  recover: (id) => ask('recover', id),
  compareOrphan: (id) => ask('compareOrphan', id),
  forgetOrphan: (id) => ask('forgetOrphan', id),
  cancelReading: () => ask('cancelReading'),
  comeBack: (tab, take) => ask('comeBack', tab, take),
  keep: (name, text) => ask('keep', name, text),
  onEvent: (listener) => {
    const hear = (_event: unknown, event: SessionEvent): void => listener(event);
    ipcRenderer.on(EVENT_CHANNEL, hear);
    return () => {
      ipcRenderer.removeListener(EVENT_CHANNEL, hear);
    };
  },
} satisfies Bridge);

contextBridge.exposeInMainWorld('tilescope', bridge);
