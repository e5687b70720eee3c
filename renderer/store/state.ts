import type { StateCreator } from 'zustand/vanilla';
import type { CompareSlice } from './compare-slice.ts';
import type { EditsSlice } from './edits-slice.ts';
import type { ModelSlice } from './model-slice.ts';
import type { RecoverySlice } from './recovery-slice.ts';
import type { TargetSlice } from './target-slice.ts';
import type { TilesSlice } from './tiles-slice.ts';
import type { TimelineSlice } from './timeline-slice.ts';
import type { ViewSlice } from './view-slice.ts';

export type State = CompareSlice &
  RecoverySlice &
  TargetSlice &
  TimelineSlice &
  EditsSlice &
  ViewSlice &
  TilesSlice &
  ModelSlice;

/** One slice of the store: it may read and set all of the state, and gives its own part. */
export type Slice<T> = StateCreator<State, [], [], T>;
