/** What a page asks of a vCPU that it drives, as it crosses the bridge. */

export interface DrivenBreakpoint {
  /** Linear, hex: "0x1000". */
  readonly address: string;
  readonly on: 'execute' | 'write' | 'access';
  /** 1, 2, 4 or 8; of an instruction 1. */
  readonly bytes: number;
  /** "rax == 5": where this does not hold, it is passed. Not there: it ends every run. */
  readonly when?: string;
}

/** What a vCPU is driven to do. */
export type DriveAct =
  | { readonly kind: 'step'; readonly count: number }
  /** Instruction by instruction until a condition holds, at most so many; of an exception, "#NM", freely on to its handler. */
  | { readonly kind: 'until'; readonly condition: string; readonly most: number }
  /** On until one of up to four breakpoints is hit. */
  | { readonly kind: 'break'; readonly breakpoints: readonly DrivenBreakpoint[] }
  /** So many instructions, with the whole state after each. */
  | { readonly kind: 'trace'; readonly count: number }
  /** One instruction, a call or a repeat as one; out of a function. Breakpoints, three at most, end it too. */
  | { readonly kind: 'over' | 'out'; readonly breakpoints: readonly DrivenBreakpoint[] }
  /** The same act, asked for again: to the place that its answer named. */
  | {
      readonly kind: 'return';
      /** Linear, hex. */
      readonly address: string;
      /** RSP there, at least, hex. */
      readonly leastRsp: string;
      readonly breakpoints: readonly DrivenBreakpoint[];
    };

/** A vCPU has so many breakpoint registers. */
export const MOST_BREAKPOINTS = 4;
/** One of them is the act's own. */
export const MOST_OTHER_BREAKPOINTS = MOST_BREAKPOINTS - 1;

/** Why what stores RFLAGS is stepped all the same, and a run to an instruction is refused. */
export const NO_BREAKPOINTS =
  'this KVM stops no guest at a breakpoint, as a VM of Tilescope’s own has shown: its CPU is emulated';
