import type { ReactElement } from 'react';
import type { Action } from '../../actions/action.ts';
import { shownKey } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { Glyph } from '../../theme/Glyph.tsx';

interface Props {
  readonly action: Action;
  readonly onDone: () => void;
  /** What it is called here; null: as everywhere. */
  readonly label?: string | null;
}

/** An act of the registry as a line of a menu, with its key and why it is refused. */
export function MenuItem({ action, onDone, label = null }: Props): ReactElement {
  const store = useDebuggerStore();
  const refused = useDebugger((state) => action.refused(state));
  return (
    <button
      type="button"
      role="menuitem"
      aria-disabled={refused === null ? undefined : true}
      title={refused ?? undefined}
      onClick={() => {
        if (refused !== null) return;
        onDone();
        action.run(store);
      }}
    >
      <Glyph name={action.glyph} />
      <span>{label ?? action.title}</span>
      {shownKey(action.id) === null ? null : <kbd>{shownKey(action.id)}</kbd>}
    </button>
  );
}
