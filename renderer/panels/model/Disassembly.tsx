import { type ReactElement, useEffect, useRef } from 'react';
import { useDebugger } from '../../store/context.ts';
import { Glyph } from '../../theme/Glyph.tsx';

/** The program of the model guest with the instruction that comes next; nothing for other targets. */
export function Disassembly(): ReactElement | null {
  const position = useDebugger((state) => (state.session?.kind === 'model' ? state.position : null));
  const halted = useDebugger((state) => state.halted);
  const event = useDebugger((state) => state.modelEvents.at(-1) ?? null);
  const newest = useDebugger((state) => state.stops.at(-1)?.number ?? 0);
  const list = useRef<HTMLOListElement>(null);
  const at = position?.at;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each step moves the line.
  useEffect(() => {
    const box = list.current;
    const line = box?.querySelector<HTMLElement>('[aria-current="step"]');
    if (box === null || line == null) return;
    box.scrollTop = line.offsetTop - box.clientHeight / 2 + line.offsetHeight / 2;
  }, [at]);
  if (position === null) return null;
  return (
    <section className="section model-program" aria-label="Program" data-testid="program">
      <div className="section-head">
        <h2>Program</h2>
        <span className="text-3 small">
          step{' '}
          <span className="val" data-testid="model-step">
            {position.at}
          </span>{' '}
          of <span className="val">{position.total}</span>
        </span>
        {halted ? <span className="pill plain">halted</span> : null}
        {event === null ? null : (
          <span
            className={`line tight small ${event.stop === newest ? 'is-armed' : 'text-3'}`}
            role={event.stop === newest ? 'alert' : undefined}
            data-testid="model-event"
          >
            <Glyph name={event.kind === 'nm' ? 'lock' : 'warn'} className="g12" />
            <span className="strong">#{event.kind.toUpperCase()}</span>
            <span className="ellipsis">{event.text}</span>
          </span>
        )}
      </div>
      <ol ref={list} className="program val small" aria-label="Instructions">
        {position.disassembly.map((line) => (
          <li
            key={line.address}
            className={line.current ? 'current' : ''}
            aria-current={line.current ? 'step' : undefined}
          >
            <span className="program-mark">{line.current ? <Glyph name="play" className="g10" /> : null}</span>
            <span className="text-3">{line.address}</span>
            <span className="text-3 ellipsis program-bytes">{line.bytes}</span>
            <span className="program-text">{line.text}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
