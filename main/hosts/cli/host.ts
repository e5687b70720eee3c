import type { Host } from '../../services/host.ts';

/** The host, made when it is first asked for: what is about files alone starts no helper. */
export type HostOf = () => Promise<Host>;

/** Where the command line's words go. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}
