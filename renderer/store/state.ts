import type { StateCreator } from 'zustand/vanilla';
import type { CompareSlice } from './compare-slice.ts';
import type { DriveSlice } from './drive-slice.ts';
import type { EditsSlice } from './edits-slice.ts';
import type { GuestSlice } from './guest-slice.ts';
import type { LiveSlice } from './live-slice.ts';
import type { ModelSlice } from './model-slice.ts';
import type { PageSlice } from './page-slice.ts';
import type { PanesSlice } from './panes-slice.ts';
import type { ParkedSlice } from './parked-slice.ts';
import type { RecoverySlice } from './recovery-slice.ts';
import type { RestoreSlice } from './restore-slice.ts';
import type { RunUntilSlice } from './run-until-slice.ts';
import type { SavedSlice } from './saved-session.ts';
import type { TargetSlice } from './target-slice.ts';
import type { TilesSlice } from './tiles-slice.ts';
import type { TimelineSlice } from './timeline-slice.ts';
import type { ViewSlice } from './view-slice.ts';
import type { WatchSlice } from './watch-slice.ts';
import type { WorkbenchSlice } from './workbench-slice.ts';

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
  WatchSlice &
  WorkbenchSlice;

/** One slice of the store: it may read and set all of the state, and gives its own part. */
export type Slice<T> = StateCreator<State, [], [], T>;
