import { type ReactElement, useEffect, useRef } from 'react';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { ComponentEntry } from '../../store/select/components.ts';
import type { ShownMark } from '../../store/select/provenance.ts';
import { selectComponentMarks, selectComponents, selectSelectedBit } from '../../store/select/selectors.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { MARK_GLYPH, MARK_WORDS } from '../registers/MarkLegend.tsx';
import { ComponentList } from './ComponentList.tsx';
import { useComponentKeys } from './use-component-keys.ts';

/** The components of the image as a narrow rail: it selects for the whole window, and opens the full list beside it. */
export function Components(): ReactElement {
  const store = useDebuggerStore();
  const open = useDebugger((state) => state.componentsOpen);
  const pinned = useDebugger((state) => state.componentsPinned);
  const sheet = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (open) sheet.current?.querySelector<HTMLElement>('[data-region-start]')?.focus();
  }, [open]);
  if (pinned) return <ComponentList />;
  return (
    <>
      <Rail />
      {open ? (
        // biome-ignore lint/a11y/noStaticElementInteractions: it closes when the focus leaves it; the list in it holds the keyboard.
        <div
          ref={sheet}
          className="components-sheet"
          onBlur={(event) => {
            if (!event.currentTarget.contains(event.relatedTarget)) store.getState().openComponents(false);
          }}
        >
          <ComponentList />
        </div>
      ) : null}
    </>
  );
}

function Rail(): ReactElement {
  const entries = useDebugger(selectComponents);
  const marks = useDebugger(selectComponentMarks);
  const selected = useDebugger(selectSelectedBit);
  const vcpu = useDebugger((state) => state.session?.vcpu ?? 0);
  const open = useDebugger((state) => state.componentsOpen);
  const rows = entries.filter(({ group }) => group !== 'not-offered');
  const onKeyDown = useComponentKeys(rows);
  return (
    <nav className="rail" data-region="components" data-testid="components" aria-label="Components">
      <div className="rail-head">
        <h2 className="visually-hidden">Components</h2>
        <span className="visually-hidden">vCPU {vcpu}</span>
        <ActionButton action={action('components')} look="square ghost" />
      </div>
      <div
        className="rail-list"
        role="listbox"
        aria-label="Components, short"
        aria-activedescendant={selected === null || open ? undefined : `rail-${selected}`}
        tabIndex={0}
        data-region-start
        onKeyDown={onKeyDown}
      >
        {rows.map((entry) => (
          <RailRow
            key={entry.bit}
            entry={entry}
            selected={entry.bit === selected}
            mark={marks.get(entry.bit) ?? 'none'}
          />
        ))}
      </div>
      <div className="rail-foot text-3 small" aria-hidden="true">
        Alt 0
      </div>
    </nav>
  );
}

const STATE_WORDS = { absent: 'absent', init: 'init', inUse: 'in use' } as const;

function RailRow({
  entry,
  selected,
  mark,
}: {
  entry: ComponentEntry;
  selected: boolean;
  mark: ShownMark;
}): ReactElement {
  const store = useDebuggerStore();
  const armed = entry.armed === true ? ', armed by XFD' : '';
  const name = `${entry.label}, bit ${entry.bit}, ${STATE_WORDS[entry.state]}${armed}${MARK_WORDS[mark]}`;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list box in front of the rows holds the keyboard.
    <div
      id={`rail-${entry.bit}`}
      className="rail-row val"
      role="option"
      aria-selected={selected}
      aria-label={name}
      title={name}
      tabIndex={-1}
      onClick={() => store.getState().select({ kind: 'component', bit: entry.bit })}
    >
      <span
        className={`swatch short ${entry.state === 'inUse' ? '' : entry.state}`}
        style={{ '--hue': `var(--c-${entry.hue})` }}
      />
      <span>{entry.bit}</span>
      {mark !== 'none' ? (
        <Glyph name={MARK_GLYPH[mark]} className={`g10 is-${mark}`} />
      ) : entry.armed === true ? (
        <Glyph name="lock" className="g10 is-armed" />
      ) : null}
    </div>
  );
}
