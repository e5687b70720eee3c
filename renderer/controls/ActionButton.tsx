import type { ReactElement, ReactNode } from 'react';
import type { Action } from '../actions/action.ts';
import { chordText } from '../actions/registry.ts';
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
  const chord = action.keys[0];
  return (
    <Button
      label={withKeys && chord !== undefined ? `${label} ${chordText(chord).replaceAll('+', ' ')}` : label}
      look={look}
      glyph={glyph ?? undefined}
      glyphClass={glyphClass}
      refused={refused}
      keys={chord === undefined ? undefined : chordText(chord)}
      onPress={() => action.run(store)}
    >
      {children}
      {withKeys && chord !== undefined ? <kbd>{chordText(chord).replaceAll('+', ' ')}</kbd> : null}
    </Button>
  );
}
