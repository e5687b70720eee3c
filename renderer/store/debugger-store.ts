import { createStore, type StoreApi } from 'zustand/vanilla';
import type { Bridge } from '../../app/bridge.ts';
import type { Remembered } from './base/remembered.ts';
import { createCompareSlice } from './compare/compare-slice.ts';
import { createRestoreSlice } from './restore/restore-slice.ts';
import type { State } from './state/state.ts';
import type { Theme } from './state/view.ts';
import { createTilesSlice } from './tiles/tiles-slice.ts';
import { createDriveSlice } from './vcpu/drive-slice.ts';
import { createEditsSlice } from './vcpu/edits-slice.ts';
import { createGuestSlice } from './vcpu/guest-slice.ts';
import { createLiveSlice } from './vcpu/live-slice.ts';
import { createModelSlice } from './vcpu/model-slice.ts';
import { createPageSlice, randomTab, type TabName } from './vcpu/page-slice.ts';
import { createParkedSlice } from './vcpu/parked-slice.ts';
import { createRecoverySlice } from './vcpu/recovery-slice.ts';
import { createRunUntilSlice } from './vcpu/run-until-slice.ts';
import { createSavedSlice } from './vcpu/saved-session.ts';
import { createTargetSlice } from './vcpu/target-slice.ts';
import { createTimelineSlice } from './vcpu/timeline-slice.ts';
import { createTraceSlice } from './vcpu/trace-slice.ts';
import { noVcpu } from './vcpu/vcpu.ts';
import { createPanesSlice } from './view/panes-slice.ts';
import { createViewSlice } from './view/view-slice.ts';
import { createWatchSlice } from './view/watch-slice.ts';
import { createWorkbenchSlice } from './view/workbench-slice.ts';

export type DebuggerStore = StoreApi<State>;

const FORGETFUL: Remembered = { get: () => null, set: () => undefined };

/** The one store of a window. It holds facts: captures, staged assignments, what is chosen; selectors derive the rest. */
export const createDebuggerStore = (
  bridge: Bridge,
  remembered: Remembered = FORGETFUL,
  theme: Theme = 'dark',
  tab: TabName = randomTab(),
): DebuggerStore =>
  createStore<State>()((...tools) => ({
    ...noVcpu(),
    ...createTargetSlice(bridge)(...tools),
    ...createRecoverySlice(bridge)(...tools),
    ...createTimelineSlice(...tools),
    ...createParkedSlice(bridge)(...tools),
    ...createPageSlice(bridge, tab)(...tools),
    ...createPanesSlice(...tools),
    ...createCompareSlice(bridge)(...tools),
    ...createSavedSlice(...tools),
    ...createEditsSlice(bridge)(...tools),
    ...createGuestSlice(bridge)(...tools),
    ...createRestoreSlice(bridge)(...tools),
    ...createViewSlice(remembered, theme)(...tools),
    ...createTilesSlice(...tools),
    ...createModelSlice(bridge)(...tools),
    ...createLiveSlice(bridge, remembered)(...tools),
    ...createRunUntilSlice(bridge)(...tools),
    ...createDriveSlice(bridge)(...tools),
    ...createTraceSlice(bridge)(...tools),
    ...createWatchSlice(remembered)(...tools),
    ...createWorkbenchSlice(remembered)(...tools),
  }));
