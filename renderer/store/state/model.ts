import type { ModelEvent, ModelSummary } from '../../../app/bridge.ts';

/** An exception in the model guest, and the stop after which it stands. */
export interface ModelEventAt extends ModelEvent {
  readonly stop: number;
}

/** Where the last run to the end began, in steps and in stops, and with how many stops it ended. */
export interface LastRun {
  readonly at: number;
  readonly stops: number;
  readonly ended: number;
}

export interface ModelSlice {
  /** null: not asked yet. */
  readonly models: readonly ModelSummary[] | null;
  readonly pickedModel: string | null;
  loadModels(): Promise<void>;
  pickModel(id: string): void;
  openModel(id: string): Promise<void>;
  /** While a step is under way another one waits for it, up to a bound. */
  step(count: number): Promise<void>;
  runToEnd(): Promise<void>;
  /** As far as the instruction at this linear address, where it comes there. */
  runModelTo(address: string): Promise<void>;
  pauseModel(): void;
  /** Takes the last run back: the model stands where it began, and the stops of the run are gone. */
  takeRunBack(): Promise<void>;
}
