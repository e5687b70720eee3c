import type { SessionId } from '../../../app/bridge.ts';
import type { CompareSlice } from './compare.ts';
import type { DriveSlice } from './drive.ts';
import type { EditsSlice } from './edits.ts';
import type { GuestSlice } from './guest.ts';
import type { LiveSlice } from './live.ts';
import type { ModelSlice } from './model.ts';
import type { PageSlice } from './page.ts';
import type { PanesSlice } from './panes.ts';
import type { RecoverySlice } from './recovery.ts';
import type { RestoreSlice } from './restore.ts';
import type { RunUntilSlice } from './run-until.ts';
import type { SavedSlice } from './saved-session.ts';
import type { TargetSlice } from './target.ts';
import type { TargetBesideSlice } from './target-beside.ts';
import type { TilesSlice } from './tiles.ts';
import type { TimelineSlice } from './timeline.ts';
import type { TraceSlice } from './trace.ts';
import type { OpenVcpu, VcpuState, Vcpus, VcpusSlice } from './vcpus.ts';
import type { ViewSlice } from './view.ts';
import type { WatchSlice } from './watch.ts';
import type { WorkbenchSlice } from './workbench.ts';

/** Facts of the window, whichever vCPU is on screen, and all that can be asked of the store. */
export type WindowState = CompareSlice &
  GuestSlice &
  PageSlice &
  PanesSlice &
  RecoverySlice &
  TargetSlice &
  TargetBesideSlice &
  TimelineSlice &
  EditsSlice &
  RestoreSlice &
  SavedSlice &
  ViewSlice &
  TilesSlice &
  ModelSlice &
  LiveSlice &
  RunUntilSlice &
  DriveSlice &
  TraceSlice &
  VcpusSlice &
  WatchSlice &
  WorkbenchSlice;

/** What the store keeps. */
export type Stored = WindowState & Vcpus;

/** What a selector reads: the window and one vCPU in it, which is the one on screen unless another is asked about. */
export type State = Stored & VcpuState;

type None<K extends PropertyKey> = { readonly [Key in K]?: never };
/** Some facts of the window. What belongs to a vCPU is none of them. */
export type WindowPart = Partial<WindowState> & None<keyof VcpuState>;
/** Some facts of a vCPU. */
export type VcpuPart = Partial<VcpuState> & None<Exclude<keyof Stored, keyof VcpuState>>;

type Change<T> = T | ((state: State) => T);

/** The one store of a window. */
export interface DebuggerStore {
  /** The window with the vCPU on screen; the same object until something changes. */
  getState(): State;
  getInitialState(): State;
  subscribe(listener: (state: State, previous: State) => void): () => void;
  set(part: Change<WindowPart>): void;
  /** Facts of the vCPU on screen, and of the window in the same change. */
  put(part: Change<VcpuPart>, window?: Change<WindowPart>): void;
  /** Facts of one vCPU, on screen or not. Nothing happens where it was left meanwhile. */
  putIn(id: SessionId, change: (one: OpenVcpu) => VcpuPart): void;
  /** These vCPUs are open from now on, and no others; null: none is on screen, nor open. */
  show(vcpus: Iterable<OpenVcpu>, current: SessionId | null, window?: WindowPart): void;
}

/** A part of the store: it may read and change all of it, and gives its own facts of the window as they are at first. */
export type Slice<T> = (store: DebuggerStore) => T;
