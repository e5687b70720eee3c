import { type ReactElement, useEffect } from 'react';
import { MenuButton } from '../../controls/MenuButton.tsx';
import { isDeterministic } from '../../fixed.ts';
import { shownKey } from '../../keys/chord.ts';
import { TARGET_ENDED } from '../../store/base/availability.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { hasEnded, isRunning, isWaiting } from '../../store/select/run.ts';
import { LIVE_RATES, type LiveHz } from '../../store/state/live.ts';
import { Glyph } from '../../theme/Glyph.tsx';

/** Less than this share of the rate asked for is said. */
const NEARLY = 0.9;

/** Nothing refreshes itself in a page that nobody sees, nor in one that is to look the same twice. */
const useShownPage = (): void => {
  const store = useDebuggerStore();
  useEffect(() => {
    const tell = (): void => store.getState().notePage(document.visibilityState === 'visible' && !isDeterministic());
    tell();
    document.addEventListener('visibilitychange', tell);
    return () => {
      document.removeEventListener('visibilitychange', tell);
      store.getState().notePage(false);
    };
  }, [store]);
};

const NO_CLOCK = 'off: values that change by themselves would make every picture another one';

/** How often a vCPU that runs is read again, and how often that really comes about. */
export function LiveControl(): ReactElement {
  const store = useDebuggerStore();
  const chosen = useDebugger((state) => state.liveHz);
  const pace = useDebugger((state) => (isWaiting(state) ? null : state.livePace));
  const stopped = useDebugger((state) => state.liveStopped?.what ?? null);
  useShownPage();
  const fixed = isDeterministic();
  const hz: LiveHz = fixed ? 0 : chosen;
  const running = useDebugger(isRunning);
  const isOn = running && hz > 0;
  const isSlower = isOn && pace !== null && pace.hz < hz * NEARLY;
  const backsOffMs = isSlower ? pace.backsOffMs : null;
  const ended = useDebugger(hasEnded);
  const rate = hz === 0 ? 'off' : isSlower ? `${pace.hz} of ${hz} Hz` : `${hz} Hz`;
  const why = ended
    ? TARGET_ENDED
    : stopped !== null && hz === 0
      ? `Live refresh has stopped: ${stopped}`
      : hz === 0
        ? 'Live refresh: read the vCPU again and again while it runs'
        : !running
          ? 'Live refresh goes on while the vCPU runs'
          : backsOffMs !== null && pace !== null
            ? `The vCPU is read ${pace.hz} times a second: each reading stops it for ${backsOffMs.toFixed(1)} ms, and 1 % of the time is not exceeded`
            : isSlower
              ? `The vCPU is read ${pace.hz} times a second: answers take longer than ${hz} Hz leave room for`
              : `The vCPU is read ${hz} times a second, without freezing it`;
  return (
    <MenuButton
      anchor="live-anchor"
      look={`ghost live ${isOn ? 'on' : ''}`}
      name={`Live ${rate}: refresh while it runs`}
      title={`${why} (${shownKey('live')})`}
      disabled={ended}
      testId="live"
      face={
        <>
          <Glyph
            name={stopped !== null && hz === 0 ? 'warn' : 'eye'}
            className={stopped !== null && hz === 0 ? 'is-warn' : ''}
          />
          <span className="fair-only">Live</span>{' '}
          <span
            className={`val live-rate ${isSlower && backsOffMs === null ? 'is-warn' : ''} ${hz === 0 ? 'fair-only' : ''}`}
          >
            {rate}
          </span>
          <Glyph name="chevron" className="g12 text-3" />
        </>
      }
      menuName="Live refresh"
      menuLook="live-menu"
    >
      {(close) =>
        LIVE_RATES.map((row) => (
          <button
            key={row}
            type="button"
            role="menuitemradio"
            aria-checked={row === hz}
            aria-disabled={(fixed && row > 0) || undefined}
            title={fixed && row > 0 ? NO_CLOCK : undefined}
            onClick={() => {
              if (fixed && row > 0) return;
              close();
              store.getState().setLive(row);
            }}
          >
            <span className="val">{row === 0 ? 'Off' : `${row} Hz`}</span>
          </button>
        ))
      }
    </MenuButton>
  );
}
