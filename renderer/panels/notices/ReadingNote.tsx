import type { ReactElement } from 'react';
import { Button } from '../../controls/Button.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { Glyph } from '../../theme/Glyph.tsx';

/** A file that takes longer than a second to read: how large it is, how long by now, and the way to call it off. */
export function ReadingNote(): ReactElement | null {
  const store = useDebuggerStore();
  const reading = useDebugger((state) => state.reading);
  if (reading === null) return null;
  const { sizeBytes } = reading;
  // A packed file of some kilobytes can take as long as one of megabytes.
  const size = sizeBytes < 2 ** 20 ? `${Math.ceil(sizeBytes / 1024)} KB` : `${(sizeBytes / 2 ** 20).toFixed(1)} MB`;
  return (
    <div className="note attention" role="status" data-testid="reading">
      <Glyph name="help" />
      <div className="note-body">
        <div className="strong">Reading {reading.name}</div>
        <div>
          {size}, for {Math.round(reading.elapsedMs / 1000)} s by now. Whatever else is open goes on.
        </div>
      </div>
      <Button label="Cancel reading" look="tiny" onPress={() => void store.getState().cancelReading()}>
        Cancel
      </Button>
    </div>
  );
}
