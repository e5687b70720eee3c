import type { DebuggerStore } from '../store/debugger-store.ts';
import type { State } from '../store/state.ts';
import type { GlyphName } from '../theme/Glyph.tsx';

export interface Action {
  readonly id: string;
  readonly title: string;
  readonly group: 'Run' | 'Edit' | 'View' | 'Target' | 'Help';
  readonly glyph: GlyphName;
  /** Chords as shown and as matched: "Ctrl+Shift+P". The first one is shown beside a button. */
  readonly keys: readonly string[];
  /** Why it cannot be done now; null: it can. Refused acts stay listed with their reason. */
  refused(state: State): string | null;
  run(store: DebuggerStore): void;
}
