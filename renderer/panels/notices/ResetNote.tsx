import type { ReactElement } from 'react';
import { CrossButton } from '../../controls/CrossButton.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectGuestReset } from '../../store/select/guest-reset.ts';
import { Glyph } from '../../theme/Glyph.tsx';

/** The guest began anew over what was written: no VMM put anything back, and writing it again would be to another guest. */
export function ResetNote(): ReactElement | null {
  const store = useDebuggerStore();
  const stop = useDebugger((state) => selectGuestReset(state)?.stop ?? null);
  const written = useDebugger((state) => selectGuestReset(state)?.written ?? null);
  if (stop === null || written === null) return null;
  const link = (number: number): ReactElement => (
    <button
      type="button"
      className="link"
      aria-label={`Go to stop ${number}`}
      onClick={() => {
        const { stops, goToStop } = store.getState();
        goToStop(stops.findIndex((one) => one.number === number));
      }}
    >
      stop <span className="val">{number}</span>
    </button>
  );
  return (
    <div className="note attention" role="alert" data-testid="guest-reset">
      <Glyph name="warn" />
      <div className="note-body">
        <div className="strong">The guest was reset: what you wrote is gone with the state it was written to</div>
        <div>
          Paging was on before {link(stop)} and is off there. The last write, at {link(written)}, was to the guest as it
          was before.
        </div>
      </div>
      <CrossButton onPress={() => store.getState().closeReset(stop)} />
    </div>
  );
}
