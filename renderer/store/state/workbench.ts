import type { Tab } from './view.ts';

/** What a key or the palette asks of the workbench; it does it and forgets the request. */
export type WorkbenchRequest =
  | { readonly kind: 'toggle'; readonly pane: DockedPane }
  | { readonly kind: 'show'; readonly pane: DockedPane | Tab }
  | { readonly kind: 'reset' }
  /** The keyboard has left a pane by Escape: one that only a key had unfolded is folded again. */
  | { readonly kind: 'leave'; readonly pane: string };

/** Docked panes, and those that are opened at need. */
export type DockedPane =
  | 'program'
  | 'breakpoints'
  | 'inspector'
  | 'watch'
  | 'history'
  | 'find'
  | 'plot'
  | 'difference'
  | 'register-file'
  | 'beside'
  | 'trace'
  | 'stops'
  | 'events'
  | 'calls';

export interface WorkbenchSlice {
  /** The full list of components beside the rail; pinned, it takes the rail's place. */
  readonly componentsOpen: boolean;
  readonly componentsPinned: boolean;
  readonly workbenchRequest: WorkbenchRequest | null;
  askWorkbench(request: WorkbenchRequest | null): void;
  openComponents(open: boolean): void;
  pinComponents(pinned: boolean): void;
  rememberedLayout(key: string): string | null;
  /** Null forgets it. */
  rememberLayout(key: string, text: string | null): void;
}
