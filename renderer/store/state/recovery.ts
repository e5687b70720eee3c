import type { Orphan } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';

/** What a Tilescope that died has left in the journal, offered above the targets. */
export interface RecoverySlice {
  readonly orphans: readonly Orphan[];
  /** The one that is being recovered, compared or forgotten. */
  readonly orphanBusy: string | null;
  /** The one whose two states are shown, with them; of the general registers `now` has those that were written. */
  readonly orphanStates: { readonly id: string; readonly kept: Capture; readonly now: Capture } | null;
  /** What was recovered last, said once. */
  readonly recovered: { readonly pid: number; readonly vcpu: number; readonly writtenBytes: number } | null;
  findOrphans(): Promise<void>;
  recover(id: string): Promise<void>;
  compareOrphan(id: string): Promise<void>;
  /** The edits stay in the vCPU, and what was kept is removed. */
  keepEdits(id: string): Promise<void>;
  closeRecovered(): void;
}
