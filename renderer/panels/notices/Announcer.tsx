import { type ReactElement, useEffect, useState } from 'react';
import { useDebuggerStore } from '../../store/context.ts';
import { announcement } from '../../store/view/announce.ts';

/** Says apply, undo, step and their like to a screen reader; who sees the screen sees them where they happen. */
export function Announcer(): ReactElement {
  const store = useDebuggerStore();
  const [said, setSaid] = useState('');
  useEffect(
    () =>
      store.subscribe((now, previous) => {
        const words = announcement(previous, now);
        if (words !== null) setSaid(words);
      }),
    [store],
  );
  return (
    <div
      className="visually-hidden announced"
      role="log"
      aria-live="polite"
      aria-relevant="all"
      data-testid="announced"
    >
      {said}
    </div>
  );
}
