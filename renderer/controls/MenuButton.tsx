import { type KeyboardEvent, type ReactElement, type ReactNode, useEffect, useRef, useState } from 'react';
import { commandOf, movedInMenu } from '../keys/chord.ts';

const EACH = '[role="menuitem"], [role="menuitemradio"]';

interface MenuButtonProps {
  /** Classes of the button, and of the span around it and the menu. */
  readonly look: string;
  readonly anchor?: string;
  readonly name?: string | undefined;
  readonly title?: string | undefined;
  readonly disabled?: boolean;
  readonly testId?: string;
  /** What stands on the button. */
  readonly face: ReactNode;
  readonly menuName: string;
  readonly menuLook?: string;
  /** The items. `close` gives the keyboard back to the button, but where the item puts it somewhere else. */
  readonly children: (close: (goesOn?: 'elsewhere') => void) => ReactNode;
}

/** A button that opens a menu: focus, arrow keys and the ways out, as the ARIA menu pattern has them. */
export function MenuButton(props: MenuButtonProps): ReactElement {
  const { look, anchor = '', name, title, disabled = false, testId, face, menuName, menuLook = '', children } = props;
  const [open, setOpen] = useState(false);
  const menu = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return;
    const chosen = menu.current?.querySelector<HTMLElement>('[aria-checked="true"]');
    (chosen ?? menu.current?.querySelector<HTMLElement>(EACH))?.focus();
  }, [open]);
  const close = (goesOn?: 'elsewhere'): void => {
    setOpen(false);
    if (goesOn === undefined) button.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const items = [...(menu.current?.querySelectorAll<HTMLElement>(EACH) ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const command = commandOf('menu', event);
    // Enter and Space press the item, which is a button.
    if (command === null || command === 'press') return;
    event.preventDefault();
    if (command === 'leave') close();
    else items[movedInMenu(command, at, items.length)]?.focus();
  };
  return (
    <span className={`menu-anchor ${anchor}`}>
      <button
        ref={button}
        type="button"
        className={`button ${look}`}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-disabled={disabled || undefined}
        aria-label={name}
        title={title}
        data-testid={testId}
        onClick={() => setOpen(!open && !disabled)}
      >
        {face}
      </button>
      {open ? (
        <div
          ref={menu}
          className={`menu ${menuLook}`}
          role="menu"
          aria-label={menuName}
          tabIndex={-1}
          onKeyDown={onKeyDown}
          onBlur={({ relatedTarget: to }) => {
            if (!(to instanceof Node) || !(menu.current?.contains(to) || button.current?.contains(to))) setOpen(false);
          }}
        >
          {children(close)}
        </div>
      ) : null}
    </span>
  );
}
