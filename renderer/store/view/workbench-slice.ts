import type { Remembered } from '../base/remembered.ts';
import type { Slice } from '../state/state.ts';
import type { WorkbenchSlice } from '../state/workbench.ts';

export const createWorkbenchSlice =
  (remembered: Remembered): Slice<WorkbenchSlice> =>
  ({ set }) => ({
    componentsOpen: false,
    componentsPinned: remembered.get('componentsPinned') === 'yes',
    workbenchRequest: null,
    askWorkbench: (workbenchRequest) => set({ workbenchRequest }),
    openComponents: (componentsOpen) => set({ componentsOpen }),
    pinComponents: (componentsPinned) => {
      remembered.set('componentsPinned', componentsPinned ? 'yes' : 'no');
      set({ componentsPinned, componentsOpen: false });
    },
    rememberedLayout: (key) => remembered.get(key),
    rememberLayout: (key, text) => remembered.set(key, text ?? ''),
  });
