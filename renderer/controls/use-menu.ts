import { type KeyboardEvent, type RefObject, useEffect, useRef, useState } from 'react';
import { commandOf, movedInMenu } from '../keys/chord.ts';

const EACH = '[role="menuitem"], [role="menuitemradio"]';

/** A button that opens a menu: focus, arrow keys and the ways out, as the ARIA menu pattern has them. */
export const useMenu = (): {
  readonly open: boolean;
  readonly setOpen: (open: boolean) => void;
  readonly button: RefObject<HTMLButtonElement | null>;
  readonly menu: RefObject<HTMLDivElement | null>;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  readonly onBlur: (event: { readonly relatedTarget: EventTarget | null }) => void;
} => {
  const [open, setOpen] = useState(false);
  const menu = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return;
    const chosen = menu.current?.querySelector<HTMLElement>('[aria-checked="true"]');
    (chosen ?? menu.current?.querySelector<HTMLElement>(EACH))?.focus();
  }, [open]);
  return {
    open,
    setOpen,
    button,
    menu,
    onKeyDown(event) {
      const items = [...(menu.current?.querySelectorAll<HTMLElement>(EACH) ?? [])];
      const at = items.indexOf(document.activeElement as HTMLElement);
      const command = commandOf('menu', event);
      // Enter and Space press the item, which is a button.
      if (command === null || command === 'press') return;
      event.preventDefault();
      if (command !== 'leave') items[movedInMenu(command, at, items.length)]?.focus();
      else {
        setOpen(false);
        button.current?.focus();
      }
    },
    onBlur(event) {
      const to = event.relatedTarget;
      if (!(to instanceof Node) || !(menu.current?.contains(to) || button.current?.contains(to))) setOpen(false);
    },
  };
};
