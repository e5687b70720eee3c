import { type ReactElement, useLayoutEffect, useState } from 'react';
import { Button } from '../../controls/Button.tsx';
import { CrossButton } from '../../controls/CrossButton.tsx';
import { paneContent, tabKey } from './panes.tsx';

/** A pane of a folded dock, shown over the centre for as long as it is looked at. */
export interface Peeked {
  readonly pane: string;
  readonly side: 'left' | 'right';
  readonly tabs: readonly { readonly id: string; readonly title: string }[];
}

interface PeekProps {
  readonly peeked: Peeked;
  readonly onChoose: (pane: string) => void;
  /** The dock takes a column of its own, and the centre what is left. */
  readonly onKeep: () => void;
  readonly onClose: () => void;
}

/** Over the centre, beside the strip of its dock: what the view shows stays as it lies. */
export function Peek({ peeked, onChoose, onKeep, onClose }: PeekProps): ReactElement {
  const { pane, side, tabs } = peeked;
  const heightPx = useCentreHeight();
  const title = tabs.find(({ id }) => id === pane)?.title ?? pane;
  return (
    <div className={`dock peek at-${side}`} style={{ height: heightPx }} data-testid="peek">
      <div className="dock-head">
        <div className="dock-tabs" role="tablist" aria-label="Panes of this dock">
          {tabs.map((tab) => (
            <button
              key={tab.id}
              type="button"
              role="tab"
              data-tab-id={tab.id}
              aria-selected={tab.id === pane}
              tabIndex={tab.id === pane ? 0 : -1}
              title={tabKey(tab.id)}
              onClick={() => onChoose(tab.id)}
            >
              {tab.title}
            </button>
          ))}
        </div>
        <span className="push" />
        <Button
          label="Keep it beside the view"
          look="tiny ghost square"
          glyph="flag"
          glyphClass="g12"
          onPress={onKeep}
        />
        <CrossButton label={`Fold ${title}`} onPress={onClose} />
      </div>
      <div className="dock-panels">{paneContent({ id: pane, title, data: null })}</div>
    </div>
  );
}

/** How high the row of the centre is: what stands below it stays in sight. */
const useCentreHeight = (): number => {
  const [heightPx, setHeightPx] = useState(0);
  useLayoutEffect(() => {
    const centre = document.querySelector<HTMLElement>('[data-tabset]:has(> .dock-head [data-tab-id="overview"])');
    if (centre === null) return;
    const measure = (): void => setHeightPx(centre.offsetHeight);
    const observer = new ResizeObserver(measure);
    observer.observe(centre);
    measure();
    return () => observer.disconnect();
  }, []);
  return heightPx;
};
