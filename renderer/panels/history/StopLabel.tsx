import type { ReactElement } from 'react';
import { commandOf } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { Glyph } from '../../theme/Glyph.tsx';

/** A name for the stop on screen, typed where it stands. */
export function StopLabel({ number }: { number: number }): ReactElement {
  const store = useDebuggerStore();
  const label = useDebugger((state) => state.labels.get(number) ?? '');
  return (
    <label className="field stop-label">
      <Glyph name="pen" className="g12" />
      <input
        className="small"
        type="text"
        aria-label={`Label of stop ${number}`}
        placeholder="label this stop"
        spellCheck={false}
        maxLength={60}
        defaultValue={label}
        onBlur={(event) => store.getState().labelStop(number, event.target.value)}
        onKeyDown={(event) => {
          const command = commandOf('field', event);
          if (command === 'commit' || command === 'cancel') {
            if (command === 'cancel') event.currentTarget.value = label;
            event.preventDefault();
            event.currentTarget.blur();
          }
        }}
      />
    </label>
  );
}
