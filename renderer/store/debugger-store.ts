import type { Bridge } from '../../app/bridge.ts';
import type { Remembered } from './base/remembered.ts';
import { createVcpuStore } from './base/vcpu-store.ts';
import { createCompareSlice } from './compare/compare-slice.ts';
import { createRestoreSlice } from './restore/restore-slice.ts';
import type { DebuggerStore } from './state/state.ts';
import type { Theme } from './state/view.ts';
import { createTilesSlice } from './tiles/tiles-slice.ts';
import { createDriveSlice } from './vcpu/drive-slice.ts';
import { createEditsSlice } from './vcpu/edits-slice.ts';
import { createGuestSlice } from './vcpu/guest-slice.ts';
import { createLiveSlice } from './vcpu/live-slice.ts';
import { createModelSlice } from './vcpu/model-slice.ts';
import { createPageSlice, randomTab, type TabName } from './vcpu/page-slice.ts';
import { createRecoverySlice } from './vcpu/recovery-slice.ts';
import { createRunUntilSlice } from './vcpu/run-until-slice.ts';
import { createSavedSlice } from './vcpu/saved-session.ts';
import { createTargetBesideSlice } from './vcpu/target-beside-slice.ts';
import { createTargetSlice } from './vcpu/target-slice.ts';
import { createTimelineSlice } from './vcpu/timeline-slice.ts';
import { createTraceSlice } from './vcpu/trace-slice.ts';
import { noVcpu } from './vcpu/vcpu.ts';
import { createVcpusSlice } from './vcpu/vcpus-slice.ts';
import { createPanesSlice } from './view/panes-slice.ts';
import { createViewSlice } from './view/view-slice.ts';
import { createWatchSlice } from './view/watch-slice.ts';
import { createWorkbenchSlice } from './view/workbench-slice.ts';

export type { DebuggerStore } from './state/state.ts';

const FORGETFUL: Remembered = { get: () => null, set: () => undefined };

/** The one store of a window. It holds facts: captures, staged assignments, what is chosen; selectors derive the rest. */
export const createDebuggerStore = (
  bridge: Bridge,
  remembered: Remembered = FORGETFUL,
  theme: Theme = 'dark',
  tab: TabName = randomTab(),
): DebuggerStore =>
  createVcpuStore(noVcpu, (store) => ({
    ...createTargetSlice(bridge)(store),
    ...createRecoverySlice(bridge)(store),
    ...createTimelineSlice(store),
    ...createVcpusSlice(bridge)(store),
    ...createTargetBesideSlice(bridge)(store),
    ...createPageSlice(bridge, tab)(store),
    ...createPanesSlice(store),
    ...createCompareSlice(bridge)(store),
    ...createSavedSlice(store),
    ...createEditsSlice(bridge)(store),
    ...createGuestSlice(bridge)(store),
    ...createRestoreSlice(bridge)(store),
    ...createViewSlice(remembered, theme)(store),
    ...createTilesSlice(store),
    ...createModelSlice(bridge)(store),
    ...createLiveSlice(bridge, remembered)(store),
    ...createRunUntilSlice(bridge)(store),
    ...createDriveSlice(bridge)(store),
    ...createTraceSlice(bridge)(store),
    ...createWatchSlice(remembered)(store),
    ...createWorkbenchSlice(remembered)(store),
  }));
