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
  readonly index: number;
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
  /** A capture file named on the command line, to be opened first. */
  readonly openAtStart: string | null;
}

export interface TargetList {
  readonly targets: readonly TargetSummary[];
  /** Processes whose descriptors may not be read. */
  readonly skippedCount: number;
}

/** A capture document: JSON as described in app/SPEC.md, to be decoded with decodeCapture(). */
export type CaptureDocument = Readonly<Record<string, unknown>>;

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

export type RestoreScope = { readonly kind: 'all' } | { readonly kind: 'components'; readonly bits: readonly number[] } | { readonly kind: 'paths'; readonly paths: readonly string[] };

export type SessionEvent =
  | { readonly kind: 'gone'; readonly session: SessionId; readonly refusal: Refusal }
  | { readonly kind: 'helper'; readonly problem: string | null };

export interface Bridge {
  hostFacts(): Promise<Answer<HostFacts>>;
  listTargets(): Promise<Answer<TargetList>>;
  /** Attaches to one vCPU and takes the first capture, which is kept as the state to restore. */
  attach(pid: number, startTimeTicks: string, vcpu: number, freeze: boolean): Promise<Answer<Opened>>;
  /** Opens the file that the user chooses; bytes come from a drop or a file picker of the page. */
  openFile(name: string, base64: string): Promise<Answer<Opened>>;
  capture(session: SessionId): Promise<Answer<CaptureDocument>>;
  freeze(session: SessionId): Promise<Answer<CaptureDocument>>;
  resume(session: SessionId): Promise<Answer<null>>;
  /** Pre-flight, one write, read back, compare; rolled back and refused on a mismatch. */
  apply(session: SessionId, assignments: readonly Assignment[]): Promise<Answer<Applied>>;
  /** Puts back the state found at attach. */
  restore(session: SessionId, scope: RestoreScope): Promise<Answer<Applied>>;
  /** Restores the state found at attach first, where asked. The VMM runs on as if nobody had been there. */
  detach(session: SessionId, restoreFirst: boolean): Promise<Answer<null>>;
  onEvent(listener: (event: SessionEvent) => void): () => void;
}

/** The verbs by name: hosts check every call against this list. */
export const BRIDGE_VERBS = [
  'hostFacts', 'listTargets', 'attach', 'openFile', 'capture', 'freeze', 'resume', 'apply', 'restore', 'detach',
] as const satisfies readonly (keyof Bridge)[];
export type BridgeVerb = (typeof BRIDGE_VERBS)[number];
