import type { DebuggerStore } from '../store/debugger-store.ts';
import type { State } from '../store/state/state.ts';
import type { GlyphName } from '../theme/Glyph.tsx';

/** What can be done, from a button, a menu, the palette or by its key, which is a row of keys/keymap.ts. */
export interface Action {
  readonly id: string;
  readonly title: string;
  readonly group: 'Run' | 'Edit' | 'View' | 'Target' | 'Help';
  readonly glyph: GlyphName;
  /** Why it cannot be done now; null: it can. Refused acts stay listed with their reason. */
  refused(state: State): string | null;
  run(store: DebuggerStore): void;
}
