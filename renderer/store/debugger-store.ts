import { createStore, type StoreApi } from 'zustand/vanilla';
import type { Bridge } from '../../app/bridge.ts';
import { createCompareSlice } from './compare-slice.ts';
import { createDriveSlice } from './drive-slice.ts';
import { createEditsSlice } from './edits-slice.ts';
import { createGuestSlice } from './guest-slice.ts';
import { createLiveSlice } from './live-slice.ts';
import { createModelSlice } from './model-slice.ts';
import { createPageSlice, randomTab, type TabName } from './page-slice.ts';
import { createPanesSlice } from './panes-slice.ts';
import { createParkedSlice } from './parked-slice.ts';
import { createRecoverySlice } from './recovery-slice.ts';
import { createRestoreSlice } from './restore-slice.ts';
import { createRunUntilSlice } from './run-until-slice.ts';
import { createSavedSlice } from './saved-session.ts';
import type { State } from './state.ts';
import { createTargetSlice } from './target-slice.ts';
import { createTilesSlice } from './tiles-slice.ts';
import { createTimelineSlice } from './timeline-slice.ts';
import { noVcpu } from './vcpu.ts';
import { createViewSlice, type Remembered, type Theme } from './view-slice.ts';
import { createWatchSlice } from './watch-slice.ts';
import { createWorkbenchSlice } from './workbench-slice.ts';

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
    ...createWatchSlice(remembered)(...tools),
    ...createWorkbenchSlice(remembered)(...tools),
  }));
