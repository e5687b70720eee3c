import { type KeyboardEvent, type ReactElement, type ReactNode, useEffect, useRef, useState } from 'react';
import { ACTIONS, type Action, chordText } from '../../actions/registry.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { Glyph } from '../../theme/Glyph.tsx';

const ITEMS = ['detach', 'restore', 'capture', 'copy-as', 'open-file', 'theme', 'palette', 'help'];

/** The target's button opens a menu of acts on it, drawn from the action registry. */
export function TargetMenu({ children }: { children: ReactNode }): ReactElement {
  const [open, setOpen] = useState(false);
  const model = useDebugger((state) => state.session?.kind === 'model');
  const menu = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (open) menu.current?.querySelector<HTMLElement>('[role="menuitem"]')?.focus();
  }, [open]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const items = [...(menu.current?.querySelectorAll<HTMLElement>('[role="menuitem"]') ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      items[(next + items.length) % items.length]?.focus();
    } else if (event.key === 'Escape' || event.key === 'Tab') {
      event.preventDefault();
      setOpen(false);
      button.current?.focus();
    }
  };
  const onBlur = (event: { readonly relatedTarget: EventTarget | null }): void => {
    const to = event.relatedTarget;
    if (!(to instanceof Node) || !(menu.current?.contains(to) || button.current?.contains(to))) setOpen(false);
  };
  return (
    <span className="menu-anchor">
      <button
        ref={button}
        type="button"
        className={`button target-button ${model ? 'model' : ''}`}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label="Target"
        onClick={() => setOpen(!open)}
      >
        {children}
      </button>
      {open ? (
        <div
          ref={menu}
          className="menu"
          role="menu"
          aria-label="Target"
          tabIndex={-1}
          onKeyDown={onKeyDown}
          onBlur={onBlur}
        >
          {ITEMS.map((id) => {
            const row = ACTIONS.find((candidate) => candidate.id === id);
            return row === undefined ? null : <MenuItem key={id} action={row} onDone={() => setOpen(false)} />;
          })}
        </div>
      ) : null}
    </span>
  );
}

function MenuItem({ action, onDone }: { action: Action; onDone: () => void }): ReactElement {
  const store = useDebuggerStore();
  const refused = action.refused(store.getState());
  return (
    <button
      type="button"
      role="menuitem"
      aria-disabled={refused === null ? undefined : true}
      title={refused ?? undefined}
      onClick={() => {
        if (refused !== null) return;
        onDone();
        action.run(store);
      }}
    >
      <Glyph name={action.glyph} />
      <span>{action.title}</span>
      {action.keys[0] === undefined ? null : <kbd>{chordText(action.keys[0])}</kbd>}
    </button>
  );
}
