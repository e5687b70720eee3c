import type { Refusal } from '../../../app/bridge.ts';
import type { OpenVcpu } from './vcpus.ts';

/** What a second view shows. */
export type BesideOf =
  | { readonly kind: 'previous' }
  | { readonly kind: 'stop'; readonly number: number }
  | { readonly kind: 'vcpu'; readonly vcpu: number }
  | { readonly kind: 'file' }
  | { readonly kind: 'target' };

/** A target that is opened to stand beside the one in front. */
export type TargetToOpen =
  | { readonly kind: 'live'; readonly pid: number; readonly startTimeTicks: string; readonly vcpu: number }
  | { readonly kind: 'model'; readonly program: string; readonly title: string };

/**
 * One target more than the one in front, in a session of its own, to be read: it is attached to without being frozen, captured when
 * asked, never written. It is left with its pane, and with the target in front.
 */
export interface TargetBesideSlice {
  readonly targetBeside: OpenVcpu | null;
  /** An act on it is under way. */
  readonly besideBusy: boolean;
  /** Why the last act on it came to nothing. */
  readonly besideRefusal: Refusal | null;
  /** Leaves the one that stands there. True: it is open. */
  openBeside(target: TargetToOpen): Promise<boolean>;
  /** Another stop: a live vCPU is read, a model makes one step. */
  readBeside(): Promise<void>;
  /** By its place among its stops. */
  showBesideStop(at: number): void;
  closeBeside(): Promise<void>;
  /** What the pane is asked to show; it does so and forgets it. */
  readonly besideAsked: BesideOf | null;
  /** Shows the pane, with that. */
  showBeside(of: BesideOf): void;
  besideShown(): void;
}
