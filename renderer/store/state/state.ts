import type { StateCreator } from 'zustand/vanilla';
import type { CompareSlice } from './compare.ts';
import type { DriveSlice } from './drive.ts';
import type { EditsSlice } from './edits.ts';
import type { GuestSlice } from './guest.ts';
import type { LiveSlice } from './live.ts';
import type { ModelSlice } from './model.ts';
import type { PageSlice } from './page.ts';
import type { PanesSlice } from './panes.ts';
import type { ParkedSlice } from './parked.ts';
import type { RecoverySlice } from './recovery.ts';
import type { RestoreSlice } from './restore.ts';
import type { RunUntilSlice } from './run-until.ts';
import type { SavedSlice } from './saved-session.ts';
import type { TargetSlice } from './target.ts';
import type { TilesSlice } from './tiles.ts';
import type { TimelineSlice } from './timeline.ts';
import type { TraceSlice } from './trace.ts';
import type { ViewSlice } from './view.ts';
import type { WatchSlice } from './watch.ts';
import type { WorkbenchSlice } from './workbench.ts';

export type State = CompareSlice &
  GuestSlice &
  PageSlice &
  PanesSlice &
  ParkedSlice &
  RecoverySlice &
  TargetSlice &
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
  WatchSlice &
  WorkbenchSlice;

/** One slice of the store: it may read and set all of the state, and gives its own part. */
export type Slice<T> = StateCreator<State, [], [], T>;
