import type { MachineFacts } from './compat/machine-facts.ts';
import type { DriveResult } from './debug/drive-result.ts';
import type { DriveAct } from './debug/drive-words.ts';
import type {
  CallsView,
  CodeView,
  FindMemoryRequest,
  KnownBytes,
  MemoryFound,
  MemoryRequest,
  MemoryView,
  NamedCode,
} from './debug/guest-words.ts';
import type { MachineVerbs } from './debug/machine-verbs.ts';
import type { RunState } from './debug/run-state.ts';
import type { WritesSoFar } from './debug/writes-so-far.ts';
import type { Syntax } from './disas/instruction.ts';
import type { Assignment, RestoreScope } from './edit/assignment.ts';
import type { FileKind } from './formats/kinds.ts';
import type { ModelPosition, ModelSummary } from './model/words.ts';
import type { Answer, Refusal } from './refusals/answer.ts';
import type { CaptureDocument, SessionDocument } from './session/document-types.ts';
import type { JsonChange } from './session/json-change.ts';
import type { ModelEvent } from './session/model-event.ts';
import type { CallVerdict } from './wire/call-verdict.ts';

export type { MachineFacts } from './compat/machine-facts.ts';
export type { DriveResult } from './debug/drive-result.ts';
export type { DriveAct, DrivenBreakpoint } from './debug/drive-words.ts';
export type {
  CallFrameView,
  CallsView,
  CodeLine,
  CodeView,
  FindMemoryAs,
  FindMemoryRequest,
  KnownBytes,
  MemoryFound,
  MemoryPage,
  MemoryRequest,
  MemoryRow,
  MemoryView,
  NamedCode,
} from './debug/guest-words.ts';
export type { VcpuAnswer } from './debug/machine-verbs.ts';
export type { WritesSoFar } from './debug/writes-so-far.ts';
export type { Assignment, RestoreScope } from './edit/assignment.ts';
export type { DisassemblyLine, ModelPosition, ModelSummary } from './model/words.ts';
export type { Answer, Refusal } from './refusals/answer.ts';
export type { CaptureDocument, SessionDocument } from './session/document-types.ts';
export type { ModelEvent } from './session/model-event.ts';
export type { CallVerdict } from './wire/call-verdict.ts';

/**
 * The bridge between the renderer and main: a short list of verbs. The window's preload and the web host's client both
 * satisfy it, so the renderer never knows which it has. Everything that crosses is plain JSON: 64-bit numbers and bytes
 * travel inside capture documents (see app/SPEC.md), which the receiver decodes as hostile data.
 */

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
  /** Attached to by a page of this very Tilescope, which is called by this: its sessions can be gone on with in another one. */
  readonly heldBy?: string;
  /** Why not, and the remedy; null where attachable. */
  readonly reason: string | null;
  readonly remedy: string | null;
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
  /** What would let them be; left out: there are none. */
  readonly skippedRemedy?: string;
}

export type SessionId = string;

export interface Opened {
  readonly session: SessionId;
  readonly kind: 'live' | 'model' | 'file';
  readonly vcpus: readonly number[];
  readonly vcpu: number;
  readonly run: RunState;
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

export interface StepResult extends ModelPosition {
  readonly capture: CaptureDocument;
  /** Stepping stops at an exception, so that it is the last step's. */
  readonly event: ModelEvent | null;
  /** The guest has halted; it takes no further step. */
  readonly ended: boolean;
  /** Of one step alone: what was executed, in hex, 15 bytes from where RIP stood at most; null: not known, or it was not one. */
  readonly executed: string | null;
}

/** What steps left, by its number within the session: whole, or as what differs from the one that the page said it has. */
export type Told<T> =
  | { readonly number: number; readonly whole: T }
  | { readonly number: number; readonly change: JsonChange | null };

export interface Applied {
  /** Read back after the write. */
  readonly capture: CaptureDocument;
  readonly writtenBytes: number;
  /** Each path with its value before the write and the one read back, as text. */
  readonly changes: readonly { readonly path: string; readonly before: string; readonly after: string }[];
}

export interface AppliedInSession extends Applied {
  readonly writes: WritesSoFar;
  /** Guest memory that others have written over since, and was left to them, as a sentence; not there: nothing was. */
  readonly leftAlone?: string;
}

/** Where a model stands after it was taken back, and what has been written in the session by then. */
export interface Rewound extends StepResult {
  readonly writes: WritesSoFar;
}

/** A state that a Tilescope which died has kept from before its first write to a vCPU. */
export interface Orphan {
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
  /** Why it cannot be recovered, one sentence without a full stop; null where it can. */
  readonly why: string | null;
}

/** One state of a file, to compare with or to restore from. */
export interface FileState {
  readonly capture: CaptureDocument;
  readonly file: OpenFile;
}

/** The state that was kept, and the one that the vCPU holds now. */
export interface ComparedOrphan {
  readonly kept: CaptureDocument;
  readonly now: CaptureDocument;
  /** The general registers that were written, by name: the others are the guest's own, and do not go back. */
  readonly general: readonly string[];
}

/** What the page is told unasked. */
export type SessionEvent =
  | { readonly kind: 'gone'; readonly session: SessionId; readonly refusal: Refusal }
  | { readonly kind: 'helper'; readonly problem: string | null }
  /** Started again with a file: `name` is opened as the one named at the start is. */
  | { readonly kind: 'open-file'; readonly name: string }
  /** A file of this page takes longer than a second to read; told each second, and with null once it has ended, however. */
  | { readonly kind: 'reading'; readonly name: string; readonly sizeBytes: number; readonly elapsedMs: number | null }
  /** The host itself is gone, and every session with it: told by the page's own end of the connection, never by a host. */
  | { readonly kind: 'host-gone'; readonly problem: string }
  /** All sessions of this page went on in another one, at the user's word. */
  | { readonly kind: 'taken' }
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

/** A session that is open on the host, as it is now: its stops are what the page has kept. */
export interface StillOpen extends Omit<Opened, 'capture' | 'file' | 'timeline'> {
  readonly writes: WritesSoFar;
}

/** What a page finds that was loaded again. */
export interface CameBack {
  /** What the page before gave the host to keep, by its names. */
  readonly kept: Readonly<Record<string, string>>;
  readonly open: readonly StillOpen[];
}

/** A guest of Tilescope's own, to have something live to look at. */
export interface DemoGuest {
  readonly pid: number;
  /** "amx", "avx512", "integer": the first that this machine's KVM can run. */
  readonly program: string;
  readonly summary: string;
}

export interface Bridge extends MachineVerbs {
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
  /**
   * Executes up to `count` instructions of a model, 1 to 10,000; fewer where an exception or the halt comes first.
   * @param have the number of what it was told last of this session's steps and drives, and still has; null: nothing
   */
  step(session: SessionId, count: number, have: number | null): Promise<Answer<Told<StepResult>>>;
  /**
   * A part of a drive of a vCPU that stands still and stays so: instructions, until a condition holds, or on until a breakpoint is
   * hit. It ends within about a second: `why` is 'more' where it is to be asked again.
   */
  drive(session: SessionId, act: DriveAct, have: number | null): Promise<Answer<Told<DriveResult>>>;
  /** Takes a model back to where it stood after `at` steps; what was written later is gone with it. */
  rewind(session: SessionId, at: number): Promise<Answer<Rewound>>;
  capture(session: SessionId): Promise<Answer<CaptureDocument>>;
  /**
   * The same, of a vCPU that is read again and again.
   * @param have as of a step
   */
  look(session: SessionId, have: number | null): Promise<Answer<Told<CaptureDocument>>>;
  freeze(session: SessionId): Promise<Answer<CaptureDocument>>;
  resume(session: SessionId): Promise<Answer<null>>;
  /** Instructions of a live guest from an address on, from RIP where it is ''; the vCPU stands still for it. */
  readCode(session: SessionId, address: string, count: number, syntax: Syntax): Promise<Answer<CodeView>>;
  /** Instructions whose bytes are known: how each is written, and the name of its address where symbols are. */
  nameCode(session: SessionId, codes: readonly KnownBytes[], syntax: Syntax): Promise<Answer<readonly NamedCode[]>>;
  /** Rows of a live guest's memory; the vCPU stands still for it. */
  readMemory(session: SessionId, request: MemoryRequest): Promise<Answer<MemoryView>>;
  /**
   * The XSAVE area at an address of a guest's memory, in the layout of its CPUID; the vCPU stands still for it. Refused where no XSAVE has
   * written there.
   */
  readArea(session: SessionId, address: string, isPhysical: boolean): Promise<Answer<CaptureDocument>>;
  /** Who executes and who called whom, with the session's symbols; the vCPU stands still for it. */
  readCalls(session: SessionId): Promise<Answer<CallsView>>;
  /** Looks through a part of a guest's memory, from an address on: `next` is where the next part begins. */
  findMemory(session: SessionId, request: FindMemoryRequest): Promise<Answer<MemoryFound>>;
  /** Names for the addresses of a session's code, out of a file; without bytes none. How many there are. */
  takeSymbols(session: SessionId, name: string, base64: string): Promise<Answer<{ readonly count: number }>>;
  /** Where the file of symbols is loaded: its lowest address, a number; null: as the file or a kernel's handlers say. Refused without a file. */
  placeSymbols(session: SessionId, address: string | null): Promise<Answer<null>>;
  /** Pre-flight, one write, read back, compare; rolled back and refused on a mismatch. */
  apply(session: SessionId, assignments: readonly Assignment[]): Promise<Answer<AppliedInSession>>;
  /** Restores the parts named to what `then` has; null: to what was found at attach. One verified write. */
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
  orphans(): Promise<Answer<readonly Orphan[]>>;
  /** Writes a kept state to its vCPU, verified, and forgets it; refused for every other process. */
  recover(id: string): Promise<Answer<Applied>>;
  /** Attaches for one reading of the vCPU. */
  compareOrphan(id: string): Promise<Answer<ComparedOrphan>>;
  /** Removes what was kept; the vCPU stays as it is. */
  forgetOrphan(id: string): Promise<Answer<null>>;
  /** Calls off whatever file of this page is being read: its call ends in a refusal. */
  cancelReading(): Promise<Answer<null>>;
  /**
   * A page's first call: says what it is called, 32 hex digits of its own making. One that was loaded again by the same name has
   * its sessions back; `take` takes them from a page that is still there.
   */
  comeBack(tab: string, take: boolean): Promise<Answer<CameBack>>;
  /** Text that the host keeps in memory for as long as the page's sessions, unread, for comeBack; '' takes it away. */
  keep(name: string, text: string): Promise<Answer<null>>;
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
  'drive',
  'rewind',
  'capture',
  'look',
  'freeze',
  'resume',
  'freezeAll',
  'resumeAll',
  'holdOthers',
  'letOthersGo',
  'readCode',
  'nameCode',
  'readMemory',
  'findMemory',
  'readArea',
  'readCalls',
  'takeSymbols',
  'placeSymbols',
  'apply',
  'restore',
  'undo',
  'redo',
  'detach',
  'startDemo',
  'orphans',
  'recover',
  'compareOrphan',
  'forgetOrphan',
  'cancelReading',
  'comeBack',
  'keep',
] as const satisfies readonly (keyof Bridge)[];
export type BridgeVerb = (typeof BRIDGE_VERBS)[number];
