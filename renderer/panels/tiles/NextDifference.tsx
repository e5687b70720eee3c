import type { ReactElement } from 'react';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { shownKey } from '../../keys/chord.ts';

/** To the next element that differs; its name begins with what is seen of it. */
export function NextDifference({ look = 'tiny ghost' }: { look?: string }): ReactElement {
  const text = `Next, ${shownKey('next-difference')}`;
  return (
    <ActionButton action={action('next-difference')} look={look} glyph={null} label={`${text}: element that differs`}>
      {text}
    </ActionButton>
  );
}
