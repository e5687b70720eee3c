import type { CallVerdict, HostFacts, Opened, OpenFile, Refusal, TargetList } from '../../../app/bridge.ts';

/** What the open session is about. The captures themselves are the timeline's. */
export interface Session {
  readonly id: string;
  readonly kind: Opened['kind'];
  readonly vmm: string;
  readonly name: string;
  readonly pid: number | null;
  /** null for a file: there is no process to attach to again. */
  readonly startTimeTicks: string | null;
  readonly vcpus: readonly number[];
  readonly vcpu: number;
  readonly canWrite: boolean;
  readonly verdicts: readonly CallVerdict[];
  /** What a file is and what else it holds; there for kind 'file' alone. */
  readonly file?: OpenFile;
}

export type Busy = 'attach' | 'open' | 'capture' | 'freeze' | 'resume' | 'apply' | 'restore' | 'detach' | 'step';

export interface TargetSlice {
  readonly hostFacts: HostFacts | null;
  readonly helperProblem: string | null;
  /** The host is gone: nothing can be asked of it, and what is on screen is all there is. */
  readonly hostLost: boolean;
  readonly listing: { readonly looking: boolean; readonly list: TargetList | null; readonly refusal: Refusal | null };
  readonly pickedPid: number | null;
  readonly pickedVcpu: number;
  readonly targetFilter: string;
  readonly busy: Busy | null;
  /** A file that takes long to read: how long by now. */
  readonly reading: { readonly name: string; readonly sizeBytes: number; readonly elapsedMs: number } | null;
  cancelReading(): Promise<void>;
  start(): Promise<void>;
  refreshTargets(): Promise<void>;
  /** Starts the demo guest and picks it. */
  startDemo(): Promise<void>;
  setTargetFilter(text: string): void;
  pickTarget(pid: number): void;
  pickVcpu(vcpu: number): void;
  attach(freeze: boolean): Promise<void>;
  openFile(name: string, base64: string): Promise<void>;
  capture(): Promise<void>;
  freeze(): Promise<void>;
  resume(): Promise<void>;
  /** Another thread or vCPU of a file, or the same bytes with the layout of the CPU named; '' leaves it to the file. */
  chooseState(vcpu: number, preset: string): Promise<void>;
  /** Shows a refusal that was decided here. */
  refuse(refusal: Refusal): void;
  closeRefusal(): void;
}
