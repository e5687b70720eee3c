import type { ReactElement } from 'react';
import type { Capture } from '../../../app/session/capture.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { lastChange } from '../../store/last-change.ts';
import { Glyph } from '../../theme/Glyph.tsx';

export function LastChanged({ differs }: { differs: (former: Capture, now: Capture) => boolean }): ReactElement {
  const store = useDebuggerStore();
  const stops = useDebugger((state) => state.stops);
  const at = useDebugger((state) => state.at);
  const last = lastChange(stops, at, differs);
  const goTo = (number: number): void => store.getState().goToStop(stops.findIndex((stop) => stop.number === number));
  return (
    <section className="block">
      <h3>Last changed</h3>
      <div className="line">
        {last === null ? (
          <span className="text-2">not since {stops[0]?.cause === 'file' ? 'it was opened' : 'attach'}</span>
        ) : (
          <>
            <Glyph
              name={last.by === 'guest' ? 'delta' : 'check2'}
              className={`g12 ${last.by === 'guest' ? 'is-changed' : 'is-written'}`}
            />
            <span>
              {last.by === 'guest' ? 'by the guest, before stop ' : 'written by you, stop '}
              <button type="button" className="link val" onClick={() => goTo(last.stop)}>
                {last.stop}
              </button>
            </span>
          </>
        )}
      </div>
    </section>
  );
}
