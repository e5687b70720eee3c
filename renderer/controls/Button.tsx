import type { MouseEvent, ReactElement, ReactNode } from 'react';
import { Glyph, type GlyphName } from '../theme/Glyph.tsx';

interface ButtonProps {
  readonly label: string;
  readonly glyph?: GlyphName | undefined;
  readonly glyphClass?: string | undefined;
  /** Shown in place of the label; the label stays the accessible name. */
  readonly children?: ReactNode;
  readonly look?: string | undefined;
  /** Why the button cannot be used now; null: it can. */
  readonly refused?: string | null | undefined;
  readonly keys?: string | undefined;
  /** Absent: it sends the form that it stands in, as Enter in a field of it does. */
  readonly onPress?: () => void;
  readonly testId?: string | undefined;
}

/**
 * Refused buttons stay focusable and give their reason (aria-disabled, not disabled), so that the keyboard finds out
 * as well as the mouse.
 */
export function Button(props: ButtonProps): ReactElement {
  const { label, glyph, glyphClass, children, look = '', refused = null, keys, onPress, testId } = props;
  // A button with a glyph may stand without its words.
  const named = glyph === undefined ? undefined : label;
  const title = refused ?? (keys === undefined ? named : `${label} (${keys})`);
  const press = (event: MouseEvent): void => {
    event.stopPropagation();
    if (refused !== null) event.preventDefault();
    else onPress?.();
  };
  return (
    <button
      type={onPress === undefined ? 'submit' : 'button'}
      className={`button ${look}`}
      aria-label={label}
      aria-disabled={refused === null ? undefined : true}
      aria-keyshortcuts={keys}
      title={title}
      data-testid={testId}
      onClick={press}
    >
      {glyph === undefined ? null : <Glyph name={glyph} className={glyphClass ?? ''} />}
      {children}
    </button>
  );
}
