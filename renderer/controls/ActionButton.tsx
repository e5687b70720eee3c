import type { ReactElement, ReactNode } from 'react';
import type { Action } from '../actions/action.ts';
import { shownKey } from '../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../store/context.ts';
import type { GlyphName } from '../theme/Glyph.tsx';
import { Button } from './Button.tsx';

interface ActionButtonProps {
  readonly action: Action;
  readonly look?: string;
  readonly glyph?: GlyphName | null;
  readonly glyphClass?: string;
  readonly children?: ReactNode;
  readonly withKeys?: boolean;
  /** Where the button is called otherwise than the act. */
  readonly label?: string | undefined;
}

/** A button for an action of the registry: name, key, reason of refusal and act all come from there. */
export function ActionButton(props: ActionButtonProps): ReactElement {
  const { action, look, glyph = action.glyph, glyphClass, children, withKeys = false, label = action.title } = props;
  const store = useDebuggerStore();
  const refused = useDebugger((state) => action.refused(state));
  const chord = shownKey(action.id);
  return (
    <Button
      label={withKeys && chord !== null ? `${label} ${chord.replaceAll('+', ' ')}` : label}
      look={look}
      glyph={glyph ?? undefined}
      glyphClass={glyphClass}
      refused={refused}
      keys={chord ?? undefined}
      onPress={() => action.run(store)}
    >
      {children} {withKeys && chord !== null ? <kbd>{chord.replaceAll('+', ' ')}</kbd> : null}
    </Button>
  );
}
