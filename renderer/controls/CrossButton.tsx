import type { ReactElement } from 'react';
import { Button } from './Button.tsx';

/** Takes away what it stands beside: a message, unless its label says otherwise. */
export function CrossButton({
  label = 'Close this message',
  onPress,
}: {
  label?: string;
  onPress: () => void;
}): ReactElement {
  return <Button label={label} look="tiny ghost square" glyph="cross" glyphClass="g12" onPress={onPress} />;
}
