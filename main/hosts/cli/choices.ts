import type { Preset } from '../../../app/xsave/presets.ts';
import type { VcpuName } from '../../targets/vcpu-name.ts';

/** One state of one file. */
export interface FileChoice {
  /** As it was typed: FILE, or FILE@N where no file has that whole name. */
  readonly path: string;
  /** Thread id in a core, vCPU in a snapshot, stop in a saved session; null: the only one, of a session the last. */
  readonly thread: number | null;
  /** The CPU whose layout the file has; null: what the file says, or a guess. */
  readonly preset: Preset | null;
  /** A layout in doubt is refused. */
  readonly strict: boolean;
}

/** A CPU or a thread of a file that holds memory. */
export interface MemoryFileChoice {
  readonly path: string;
  /** The CPU of a dump or of a snapshot, the thread of a core; null: the first. */
  readonly cpu: number | null;
  /** The state beside a file of memory alone; null: the file has its own. */
  readonly snapshot: string | null;
}

/** Where a state is to fit: a running vCPU, a CPU by name, or this machine. */
export type Destination =
  | { readonly kind: 'live'; readonly vcpu: VcpuChoice }
  | { readonly kind: 'preset'; readonly preset: Preset }
  | { readonly kind: 'this-host' };

/** A running vCPU, as the options name it. */
export interface VcpuChoice {
  readonly pid: number;
  readonly vcpu: VcpuName;
  readonly suspendSeccomp: boolean;
}

/** What is read: a file, or a running vCPU. */
export type Source =
  | { readonly kind: 'file'; readonly file: FileChoice }
  | { readonly kind: 'live'; readonly vcpu: VcpuChoice };
