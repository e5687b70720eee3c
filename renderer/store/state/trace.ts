import type { NamedCode } from '../../../app/bridge.ts';

/** Stops by their places in the timeline, both ends included. */
export interface StopRange {
  readonly first: number;
  readonly last: number;
}

/** Which of them are listed. */
export type TraceShow = 'all' | 'tile' | 'differs';

export interface TraceSlice {
  readonly traceText: string;
  readonly traceShow: TraceShow;
  /** The stretch that the plots show, set by the handles of the strip; null: what the strip shows. */
  readonly traceBrush: StopRange | null;
  /** How instructions are written, by their address and bytes, in this session and syntax. */
  readonly named: { readonly of: string; readonly byKey: ReadonlyMap<string, NamedCode> };
  setTraceBrush(brush: StopRange | null): void;
  setTraceFilter(text: string, show: TraceShow): void;
  /** Asks for those that are not named yet. */
  nameTraced(): Promise<void>;
}

/** An instruction of the trace: it was next at the stop before, and this one is behind it. */
export interface TraceRow {
  /** Place of the stop behind it. */
  readonly at: number;
  readonly address: bigint;
  readonly code: Uint8Array;
  readonly key: string;
}
