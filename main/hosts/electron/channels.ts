import type { BridgeVerb } from '../../../app/bridge.ts';

/** The names of the window's IPC channels: the preload's and the host's, and nobody else's. */
export const EVENT_CHANNEL = 'tilescope:event';
export const verbChannel = (verb: BridgeVerb): string => `tilescope:verb:${verb}`;
