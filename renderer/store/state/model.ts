import type { ModelEvent, ModelPosition, ModelSummary } from '../../../app/bridge.ts';

/** An exception in the model guest, and the stop after which it stands. */
export interface ModelEventAt extends ModelEvent {
  readonly stop: number;
}

export interface ModelSlice {
  /** null: not asked yet. */
  readonly models: readonly ModelSummary[] | null;
  readonly pickedModel: string | null;
  readonly position: ModelPosition | null;
  readonly modelEvents: readonly ModelEventAt[];
  /** The model guest has halted. */
  readonly halted: boolean;
  /** Stepping by itself to the end, one stop for each step. */
  readonly running: boolean;
  /** Where the last run to the end began, and where it ended; null: none was made. */
  readonly lastRun: { readonly at: number; readonly stops: number; readonly ended: number } | null;
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
