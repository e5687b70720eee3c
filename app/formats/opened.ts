import { type Capture, type Facts, type TargetIdentity, targetOf } from '../capture/capture.ts';
import type { Image } from '../capture/image.ts';
import type { SessionDocument } from '../session/document-types.ts';
import type { Preset } from '../xsave/presets.ts';
import type { FileKind } from './kinds.ts';

export type { FileKind } from './kinds.ts';

/** The state of one thread, of one vCPU, or at one stop. */
export interface OpenedState {
  /** "thread 4711", "vCPU 0", "image", "stop 3, edits written". */
  readonly label: string;
  /** By which it is chosen: the thread's id in a core, the vCPU's index in a snapshot, the stop's number in a session. */
  readonly number: number;
  /** Of a session put together anew each time that it is asked for. */
  readonly capture: Capture;
}

export interface OpenedFile {
  readonly kind: FileKind;
  /** At least one. */
  readonly states: readonly OpenedState[];
  /** All stops of a saved session, whichever state was asked for; there for kind 'session' alone. */
  readonly session?: SessionDocument;
}

export interface OpenOptions {
  /** The CPU whose layout the image has, or the name of its preset; it takes the place of what the file says or suggests. */
  readonly preset?: string | Preset;
  /** One state only: the thread's id in a core, the vCPU's index in a snapshot, the stop's number in a session. */
  readonly thread?: number;
}

/** Who a file speaks of. Files seldom say more than this. */
export const fileTarget = (name: string, vmm: string, more: Partial<TargetIdentity> = {}): TargetIdentity =>
  targetOf('file', vmm, name, more);

/** One state of a file, numbered by its vCPU. */
export const stateOf = (label: string, image: Image, facts: Facts): OpenedState => ({
  label,
  number: facts.target.vcpu,
  capture: { image, facts },
});
