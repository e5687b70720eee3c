import type { ReactElement } from 'react';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';

/** A name for the stop on screen, typed where it stands. */
export function StopLabel({ number }: { number: number }): ReactElement {
  const store = useDebuggerStore();
  const label = useDebugger((state) => state.labels.get(number) ?? '');
  return (
    <input
      className="stop-label small"
      type="text"
      aria-label={`Label of stop ${number}`}
      placeholder="label"
      spellCheck={false}
      maxLength={60}
      defaultValue={label}
      onBlur={(event) => store.getState().labelStop(number, event.target.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter' || event.key === 'Escape') {
          if (event.key === 'Escape') event.currentTarget.value = label;
          event.preventDefault();
          event.currentTarget.blur();
        }
      }}
    />
  );
}
