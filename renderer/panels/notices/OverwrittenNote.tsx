import type { ReactElement } from 'react';
import { registerRow } from '../../../app/register/registers.ts';
import { Button } from '../../controls/Button.tsx';
import { busyRefusal, EDITS_STAGED } from '../../store/base/availability.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectWriteRefusal } from '../../store/select/selectors.ts';
import { selectLostStop, selectLostWrite } from '../../store/vcpu/lost-write.ts';
import { Glyph } from '../../theme/Glyph.tsx';

const inWords = (parts: readonly string[]): string => parts.join(', ').replace(/, ([^,]*)$/, ' and $1');

/** Components keep their names, registers are written as in Registers. */
const shown = (part: string): string => {
  const kind = registerRow(part)?.source.kind;
  return kind === 'msr' || kind === 'xcr0' || kind === 'mxcsr' ? part.toUpperCase() : part;
};

/** What was written is gone again: said once, with a way to write it anew. */
export function OverwrittenNote(): ReactElement | null {
  const store = useDebuggerStore();
  const overwritten = useDebugger((state) => state.overwritten);
  const written = useDebugger(selectLostStop);
  const vmm = useDebugger((state) => state.session?.vmm ?? 'the VMM');
  const refused = useDebugger(
    (state) =>
      selectWriteRefusal(state) ??
      busyRefusal(state.busy) ??
      (state.staged.length > 0 ? EDITS_STAGED : null) ??
      (selectLostWrite(state) === null ? 'the write is not among the stops' : null),
  );
  if (overwritten === null) return null;
  const parts = inWords(overwritten.parts.map(shown));
  const one = overwritten.parts.length === 1;
  const goTo = (number: number): void => {
    const { stops, goToStop } = store.getState();
    goToStop(stops.findIndex((stop) => stop.number === number));
  };
  const link = (number: number): ReactElement => (
    <button type="button" className="link" aria-label={`Go to stop ${number}`} onClick={() => goTo(number)}>
      stop <span className="val">{number}</span>
    </button>
  );
  return (
    <div className="note attention" role="alert" data-testid="overwritten">
      <Glyph name="warn" />
      <div className="note-body">
        <div className="strong">
          {parts} {one ? 'does' : 'do'} not hold what was written any more
        </div>
        <div>
          {written === null ? null : (
            <>
              {one ? 'It was' : 'They were'} written and read back at {link(written.number)}.{' '}
            </>
          )}
          At {link(overwritten.stop)}, after the vCPU had run on, {one ? 'it holds' : 'they hold'} the previous{' '}
          {one ? 'value' : 'values'} again, or {one ? 'is' : 'are'} in init. Most likely {vmm} put back a copy of its
          own
          {vmm === 'QEMU' ? ', as it does after a monitor command or a pause' : ''}.
        </div>
        <div className="line note-acts">
          <Button
            label="Write again"
            look="primary"
            glyph="redo"
            refused={refused}
            onPress={() => void store.getState().writeAgain()}
          >
            Write again
          </Button>
          <Button
            label="Keep what the vCPU holds"
            look="ghost outlined"
            onPress={() => store.getState().closeOverwritten()}
          >
            Keep
          </Button>
        </div>
      </div>
    </div>
  );
}
