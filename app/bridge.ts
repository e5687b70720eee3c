import type { CpuidEntry } from './cpu/cpuid.ts';
import type { FileKind } from './formats/kinds.ts';

/**
 * The bridge between the renderer and main: a short list of verbs. The window's preload and the web host's client both
 * satisfy it, so the renderer never knows which it has. Everything that crosses is plain JSON: 64-bit numbers and bytes
 * travel inside capture documents (see app/SPEC.md), which the receiver decodes as hostile data.
 */

/** An answer that says no: what failed, why, what to do. Text is one sentence each, without a full stop. */
export interface Refusal {
  /** Stable, for tests and scripts: 'seccomp', 'yama', 'guard-xfd-covers-image', 'pre-flight', 'target-gone', … */
  readonly code: string;
  readonly what: string;
  readonly where: string | null;
  readonly mend: string | null;
  /** The call refused and its errno's name, where a call was. */
  readonly call: string | null;
  readonly errno: string | null;
}

export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal };

export interface VcpuSummary {
  /** KVM's number, the APIC id. */
  readonly index: number;
  /** The CPU's number in its VMM's count, which differs where the APIC ids have gaps; null: not known. */
  readonly vmmNumber: number | null;
  readonly tid: number | null;
  readonly fd: number;
  readonly seccomp: 'none' | 'strict' | 'filter';
}

export interface TargetSummary {
  readonly pid: number;
  readonly vmm: string;
  readonly name: string;
  readonly executable: string;
  readonly user: string;
  readonly runningMs: number;
  readonly startTimeTicks: string;
  readonly vcpus: readonly VcpuSummary[];
  /** So many vCPUs more are not among them. */
  readonly vcpusLeftOut: number;
  readonly attachable: boolean;
  /** Why not, and what would mend it; null where attachable. */
  readonly reason: string | null;
  readonly mend: string | null;
}

export interface HostFacts {
  readonly product: string;
  readonly helper: { readonly ok: boolean; readonly version: string; readonly problem: string | null };
  readonly kernelRelease: string | null;
  readonly host: 'electron' | 'web';
  readonly cpu: string | null;
  /** A file named on the command line, to be opened first. */
  readonly openAtStart: string | null;
  /** What this machine's KVM would take; null where the helper does not answer. */
  readonly machine: MachineFacts | null;
}

/** This machine as a place to restore a state: its CPU's leaf 0xD, and what its KVM says. */
export interface MachineFacts {
  readonly cpuid: readonly CpuidEntry[];
  /** KVM_X86_XCOMP_GUEST_SUPP, hex as in a capture document; null: not known. */
  readonly supportedXcr0: string | null;
}

/**
 * What a file is and what else it holds. A core has one state for each thread, a snapshot one for each vCPU, a saved
 * session one for each stop.
 */
export interface OpenFile {
  readonly kind: FileKind;
  /** `vcpu` is the number by which a state is chosen: a vCPU, a thread id, in a saved session the number of a stop. */
  readonly states: readonly { readonly vcpu: number; readonly label: string }[];
  /** The CPU that was named for the layout; null: what the file says, or a guess. */
  readonly preset: string | null;
}

export interface TargetList {
  readonly targets: readonly TargetSummary[];
  /** Processes whose descriptors may not be read. */
  readonly skippedCount: number;
}

/** A capture document: JSON as described in app/SPEC.md, to be decoded with decodeCapture(). */
export type CaptureDocument = Readonly<Record<string, unknown>>;

/** A saved session: all its stops, as described in app/SPEC.md, to be decoded with decodeSession(). */
export type SessionDocument = Readonly<Record<string, unknown>>;

export type SessionId = string;

export interface Opened {
  readonly session: SessionId;
  readonly kind: 'live' | 'model' | 'file';
  readonly vcpus: readonly number[];
  readonly vcpu: number;
  readonly frozen: boolean;
  readonly canWrite: boolean;
  readonly verdicts: readonly CallVerdict[];
  readonly capture: CaptureDocument;
  /** There for kind 'file' alone. */
  readonly file?: OpenFile;
  /** Every stop of a saved session; there for a file of kind 'session' alone. `capture` is its last stop. */
  readonly timeline?: SessionDocument;
  /** Where the program of a model stands; there for kind 'model' alone. */
  readonly model?: ModelPosition;
}

/** A program that the model guest can run: a software vCPU in this process, never hardware. */
export interface ModelSummary {
  readonly id: string;
  readonly title: string;
  /** One sentence. */
  readonly what: string;
  /** Instructions until the program halts, faults and their retries counted, where nobody changes its state. */
  readonly steps: number;
  /** The CPU whose CPUID it reports: "Sapphire Rapids". */
  readonly cpu: string;
}

export interface DisassemblyLine {
  /** Hex, such as "0x401000". */
  readonly address: string;
  /** Machine code, "c4 e2 78 49 00". */
  readonly bytes: string;
  readonly text: string;
  /** Where RIP stands: the instruction that the next step executes. */
  readonly current: boolean;
}

export interface ModelPosition {
  /** Steps taken so far. */
  readonly at: number;
  /** Steps from the start to the halt, as ModelSummary.steps; a guest whose state was edited may need another number. */
  readonly total: number;
  /** The whole program in the order of its addresses. */
  readonly disassembly: readonly DisassemblyLine[];
}

/** An exception that the last step raised in the guest. */
export interface ModelEvent {
  readonly kind: 'nm' | 'ud' | 'gp';
  /** One sentence without a full stop: which instruction, why, where it went. */
  readonly text: string;
}

export interface StepResult extends ModelPosition {
  readonly capture: CaptureDocument;
  /** Stepping stops at an exception, so that it is the last step's. */
  readonly event: ModelEvent | null;
  /** The guest has halted; it takes no further step. */
  readonly ended: boolean;
}

/** What the vCPU thread's seccomp filter says to a call Tilescope makes. */
export interface CallVerdict {
  readonly call: string;
  readonly number: string;
  readonly verdict: 'allowed' | 'refused' | 'kills' | 'not known';
}

/** One assignment, as on the command line: a register path and a value in the path's type. */
export interface Assignment {
  readonly path: string;
  readonly value: string;
}

export interface Applied {
  /** Read back after the write. */
  readonly capture: CaptureDocument;
  readonly writtenBytes: number;
  /** Each path with its value before the write and the one read back, as text. */
  readonly changes: readonly { readonly path: string; readonly before: string; readonly after: string }[];
}

/** What a session has written so far: by it a page shows what undo, redo and a restore would do, as the host will do it. */
export interface WritesSoFar {
  /** Writes that can be taken back, and those taken back that can be written again. */
  readonly undoable: number;
  readonly redoable: number;
  /** General registers, by name, that hold what was written: they go back with everything to the state at attach. */
  readonly standingGeneral: readonly string[];
  /** Those that were ever written: they go back with everything to any other state. */
  readonly everGeneral: readonly string[];
}

export interface AppliedInSession extends Applied {
  readonly writes: WritesSoFar;
}

/** A state that a Tilescope which died has kept from before its first write to a vCPU. */
export interface LeftOver {
  readonly id: string;
  readonly vmm: string;
  readonly name: string;
  readonly executable: string | null;
  readonly pid: number;
  readonly vcpu: number;
  /** When the state was read, milliseconds since 1970; null: not readable. */
  readonly keptSinceMs: number | null;
  /** there: the same process still runs. gone: it has ended. unreadable: what is on disk cannot be used. */
  readonly state: 'there' | 'gone' | 'unreadable';
  /** Why it cannot be put back, one sentence without a full stop; null where it can. */
  readonly why: string | null;
}

/** One state of a file, to compare with or to restore from. */
export interface FileState {
  readonly capture: CaptureDocument;
  readonly file: OpenFile;
}

/** The state that was kept, and the one that the vCPU holds now. */
export interface ComparedLeftOver {
  readonly kept: CaptureDocument;
  readonly now: CaptureDocument;
  /** The general registers that were written, by name: the others are the guest's own, and do not go back. */
  readonly general: readonly string[];
}

export type RestoreScope =
  /** `general: false` leaves the general registers as the guest has them, also those that were written. */
  | { readonly kind: 'all'; readonly general?: false }
  | { readonly kind: 'components'; readonly bits: readonly number[] }
  | { readonly kind: 'paths'; readonly paths: readonly string[] };

export type SessionEvent =
  | { readonly kind: 'gone'; readonly session: SessionId; readonly refusal: Refusal }
  | { readonly kind: 'helper'; readonly problem: string | null }
  /** Started again with a file: `name` is opened as the one named at the start is. */
  | { readonly kind: 'open-file'; readonly name: string }
  /** A file of this page takes longer than a second to read; told each second, and with null once it has ended, however. */
  | { readonly kind: 'reading'; readonly name: string; readonly sizeBytes: number; readonly elapsedMs: number | null }
  /** The host itself is gone, and every session with it: told by the page's own end of the connection, never by a host. */
  | { readonly kind: 'host-gone'; readonly problem: string }
  /**
   * Read after the vCPU ran on: `parts` (components and registers, as shown) hold again what they held before they were
   * written, or are in init, as where the VMM puts back a copy of its own. `capture` is that reading.
   */
  | {
      readonly kind: 'overwritten';
      readonly session: SessionId;
      readonly parts: readonly string[];
      readonly capture: CaptureDocument;
    };

/** A guest of Tilescope's own, to have something live to look at. */
export interface DemoGuest {
  readonly pid: number;
  /** "amx", "avx512", "integer": the first that this machine's KVM can run. */
  readonly program: string;
  readonly summary: string;
}

export interface Bridge {
  hostFacts(): Promise<Answer<HostFacts>>;
  listTargets(): Promise<Answer<TargetList>>;
  /** Attaches to one vCPU and takes the first capture, which is kept as the state to restore. */
  attach(pid: number, startTimeTicks: string, vcpu: number, freeze: boolean): Promise<Answer<Opened>>;
  /** Opens the file that the user chooses; bytes come from a drop or a file picker of the page. */
  openFile(name: string, base64: string): Promise<Answer<Opened>>;
  /**
   * Another state of a session's file, by its number there, or the same one with another layout: `preset` names the CPU,
   * '' leaves it to the file or a guess.
   */
  chooseState(session: SessionId, vcpu: number, preset: string): Promise<Answer<Opened>>;
  /** Reads one state of a file without opening it; `state` is its number there, null the first (of a session: the last). */
  readState(name: string, base64: string, state: number | null, preset: string): Promise<Answer<FileState>>;
  /** The programs of the model guest. */
  listModels(): Promise<Answer<readonly ModelSummary[]>>;
  /** Opens the model guest before the first instruction of a program, named by its id. It stands still between steps. */
  openModel(program: string): Promise<Answer<Opened>>;
  /** Executes up to `count` instructions of a model, 1 to 10,000; fewer where an exception or the halt comes first. */
  step(session: SessionId, count: number): Promise<Answer<StepResult>>;
  capture(session: SessionId): Promise<Answer<CaptureDocument>>;
  freeze(session: SessionId): Promise<Answer<CaptureDocument>>;
  resume(session: SessionId): Promise<Answer<null>>;
  /** Pre-flight, one write, read back, compare; rolled back and refused on a mismatch. */
  apply(session: SessionId, assignments: readonly Assignment[]): Promise<Answer<AppliedInSession>>;
  /** Puts back the parts named as `then` has them; null: as they were found at attach. One verified write. */
  restore(session: SessionId, scope: RestoreScope, then: CaptureDocument | null): Promise<Answer<AppliedInSession>>;
  /** Takes the last write back: one verified write of what stood there before. Refused where nothing is left to undo. */
  undo(session: SessionId): Promise<Answer<AppliedInSession>>;
  /** Writes again what was undone last. A new write leaves nothing to redo. */
  redo(session: SessionId): Promise<Answer<AppliedInSession>>;
  /** Restores the state found at attach first, where asked. The VMM runs on as if nobody had been there. */
  detach(session: SessionId, restoreFirst: boolean): Promise<Answer<null>>;
  /** Starts the demo guest, or names the one that runs; it is listed as any target, and ends with Tilescope. */
  startDemo(): Promise<Answer<DemoGuest>>;
  /** What Tilescopes that died have left behind, the oldest first; nothing that one still running keeps. */
  leftOvers(): Promise<Answer<readonly LeftOver[]>>;
  /** Writes a kept state to its vCPU, verified, and forgets it; refused for every other process. */
  putBack(id: string): Promise<Answer<Applied>>;
  /** Attaches for one reading of the vCPU. */
  compareLeftOver(id: string): Promise<Answer<ComparedLeftOver>>;
  /** Removes what was kept; the vCPU stays as it is. */
  forgetLeftOver(id: string): Promise<Answer<null>>;
  /** Calls off whatever file of this page is being read: its call ends in a refusal. */
  cancelReading(): Promise<Answer<null>>;
  onEvent(listener: (event: SessionEvent) => void): () => void;
}

/** The verbs by name: hosts check every call against this list. */
export const BRIDGE_VERBS = [
  'hostFacts',
  'listTargets',
  'attach',
  'openFile',
  'chooseState',
  'readState',
  'listModels',
  'openModel',
  'step',
  'capture',
  'freeze',
  'resume',
  'apply',
  'restore',
  'undo',
  'redo',
  'detach',
  'startDemo',
  'leftOvers',
  'putBack',
  'compareLeftOver',
  'forgetLeftOver',
  'cancelReading',
] as const satisfies readonly (keyof Bridge)[];
export type BridgeVerb = (typeof BRIDGE_VERBS)[number];
