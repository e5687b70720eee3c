import type { NamedCode } from '../../../app/bridge.ts';

/** Which of them are listed. */
export type TraceShow = 'all' | 'tile' | 'differs';

export interface TraceSlice {
  readonly traceText: string;
  readonly traceShow: TraceShow;
  /** How instructions are written, by their address and bytes, in this session and syntax. */
  readonly named: { readonly of: string; readonly byKey: ReadonlyMap<string, NamedCode> };
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
