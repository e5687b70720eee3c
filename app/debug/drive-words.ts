/** What a page asks of a vCPU that it drives, as it crosses the bridge. */

export interface DrivenBreakpoint {
  /** Linear, hex: "0x1000". */
  readonly address: string;
  readonly on: 'execute' | 'write' | 'access';
  /** 1, 2, 4 or 8; of an instruction 1. */
  readonly bytes: number;
}

export type DriveAct =
  | { readonly kind: 'step'; readonly count: number }
  /** Instruction by instruction until a condition holds, at most so many. */
  | { readonly kind: 'until'; readonly condition: string; readonly most: number }
  /** On until one of up to four breakpoints is hit. */
  | { readonly kind: 'break'; readonly breakpoints: readonly DrivenBreakpoint[] };

/** A vCPU has so many breakpoint registers. */
export const MOST_BREAKPOINTS = 4;
