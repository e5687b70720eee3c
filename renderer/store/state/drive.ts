import type { DrivenBreakpoint } from '../../../app/bridge.ts';

/** What the vCPU's breakpoint registers are asked to watch, as the page knows it. */
export interface Breakpoint extends DrivenBreakpoint {
  readonly enabled: boolean;
  readonly hits: number;
}

export interface DriveSlice {
  /** Of the guest with this key: an address means something in one guest alone. */
  readonly breakpointsOf: number | string | null;
  readonly breakpoints: readonly Breakpoint[];
  /** All other vCPUs of the process with this pid are held while one of it is driven; null: they run on. */
  readonly allStopOf: number | null;
  /** Holds them, or lets them run on, the next time. */
  toggleAllStop(): void;
  /** Instructions a second of the last drive of more than one; null: none was made yet. */
  readonly stepsPerSecond: number | null;
  /** Linear address of the instruction that has the focus in a list of them; null: none has. */
  readonly focusedLine: string | null;
  focusLine(address: string | null): void;
  /** So many instructions of a live vCPU, one stop at their end. One that runs is frozen first. */
  driveSteps(count: number): Promise<void>;
  /** One instruction, a call or a repeated one as a whole; or out of the function. */
  stepAlong(way: 'over' | 'out'): Promise<void>;
  /** So many instructions, a stop for each. */
  trace(count: number): Promise<void>;
  /** On to the instruction at this linear address. */
  runToAddress(address: string): Promise<void>;
  /** Instruction by instruction until the condition holds. */
  driveUntil(condition: string): Promise<void>;
  /** Runs on: to a breakpoint where one is enabled, else freely. */
  continueLive(): Promise<void>;
  /** Ends the drive where it is now; the vCPU stays frozen there. */
  stopDriving(): void;
  addBreakpoint(breakpoint: DrivenBreakpoint): void;
  /** One where the instruction at this linear address is executed, or none there any more. */
  toggleBreakpoint(address: string): void;
  /** A breakpoint that is enabled was reached. */
  countHit(address: string): void;
  enableBreakpoint(at: number, enabled: boolean): void;
  removeBreakpoint(at: number): void;
}
