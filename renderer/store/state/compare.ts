import type { OpenFile } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';

/** Where A comes from: a stop of this vCPU, a stop of another attached one, a file. B is the stop on screen. */
export type CompareSource =
  | { readonly kind: 'stop' }
  | { readonly kind: 'vcpu'; readonly vcpu: number; readonly number: number }
  | { readonly kind: 'file' };

/** A state of a file that was read to be compared with; no session is open about it. */
export interface CompareFile {
  readonly name: string;
  readonly file: OpenFile;
  /** The number of the state within the file. */
  readonly state: number;
  readonly capture: Capture;
  /** The bytes, for another of its states and to restore from; '' names the file that the host was started with. */
  readonly base64: string;
}

/** What the stops of one vCPU are compared with, and what the user calls them. */
export interface Comparison {
  /** Number of stop A; null: the first stop. B is the stop on screen. */
  readonly pinned: number | null;
  readonly labels: ReadonlyMap<number, string>;
  readonly source: CompareSource;
  /** The value that differs and is looked at, as in its row; null: none is chosen. */
  readonly differencePath: string | null;
}

export interface CompareSlice {
  /** One for the window: every vCPU can be compared with it. */
  readonly compareFile: CompareFile | null;
  readonly compareFileBusy: boolean;
  chooseDifference(path: string): void;
  pinStop(number: number | null): void;
  compareWithVcpu(vcpu: number, number: number): void;
  /** The file that was read last is A again. */
  pinFile(): void;
  /** Reads a file of the page, or another state of it; an empty text names the file that the host was started with. */
  compareWithFile(name: string, base64: string, state: number | null): Promise<void>;
  /** A becomes the stop on screen, and the one on screen A; where A is on another vCPU, that one comes on screen. */
  swapStops(): void;
  /** An empty text takes the label away. */
  labelStop(number: number, text: string): void;
}
