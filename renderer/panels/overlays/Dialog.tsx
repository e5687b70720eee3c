import { type ReactElement, type ReactNode, useEffect, useRef } from 'react';
import { Button } from '../../controls/Button.tsx';
import { useDebuggerStore } from '../../store/context.ts';

interface DialogProps {
  readonly label: string;
  readonly look: string;
  readonly children: ReactNode;
}

/** A modal dialog: the browser holds the focus inside and gives it back; Esc and a click beside it close it. */
export function Dialog({ label, look, children }: DialogProps): ReactElement {
  const store = useDebuggerStore();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const node = dialog.current;
    if (node === null) return;
    const before = document.activeElement;
    if (!node.open) node.showModal();
    return () => {
      node.close();
      if (before instanceof HTMLElement && document.activeElement === document.body) before.focus();
    };
  }, []);
  const close = (): void => store.getState().setOverlay(null);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Esc does what a click beside the dialog does.
    <dialog
      ref={dialog}
      className={`overlay ${look}`}
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) close();
      }}
    >
      {children}
    </dialog>
  );
}

interface DialogActsProps {
  readonly children: ReactNode;
  /** Stands at the far end, before Cancel. */
  readonly aside?: ReactNode;
}

/** The foot of a dialog: what it does, and the way out that does nothing. */
export function DialogActs({ children, aside }: DialogActsProps): ReactElement {
  const store = useDebuggerStore();
  return (
    <div className="ask-acts">
      {children}
      <span className="push" />
      {aside}
      <Button label="Cancel" look="ghost" onPress={() => store.getState().setOverlay(null)}>
        Cancel
      </Button>
    </div>
  );
}
