import type { ReactElement } from 'react';
import { Sparkline } from '../../controls/Sparkline.tsx';
import { useDebugger } from '../../store/context.ts';
import { asNumber, watchedText } from '../../store/select/watched-text.ts';
import { minus } from '../../wording.ts';

const MOST_STOPS = 48;
/** Of fewer the value before tells as much. */
const FEWEST_STOPS = 4;

/** What stood there at the last stops; nothing where it never changed, is no number, or few stops are there. */
export function OverStops({ path }: { path: string }): ReactElement | null {
  const stops = useDebugger((state) => state.stops);
  const at = useDebugger((state) => state.at);
  const shown = stops.slice(Math.max(0, at + 1 - MOST_STOPS), at + 1);
  const values = shown.map((stop) => asNumber(watchedText(stop.capture, path)));
  const known = values.filter((value) => value !== null);
  if (shown.length < FEWEST_STOPS || new Set(known).size < 2) return null;
  const [least, greatest] = [Math.min(...known), Math.max(...known)].map((value) =>
    minus(String(Number(value.toPrecision(6)))),
  );
  return (
    <section className="block" data-testid="over-stops" aria-label="Over the last stops">
      <h3>
        Over the last {shown.length} stops
        <span className="aside val">
          {least} … {greatest}
        </span>
      </h3>
      <Sparkline
        values={values}
        widthPx={248}
        heightPx={40}
        look="text-2"
        label={`${path} over ${shown.length} stops`}
      />
    </section>
  );
}
