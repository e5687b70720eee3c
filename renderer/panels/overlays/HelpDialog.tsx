import type { ReactElement } from 'react';
import type { Action } from '../../actions/action.ts';
import { ACTIONS, chordText } from '../../actions/registry.ts';
import { Button } from '../../controls/Button.tsx';
import { useDebuggerStore } from '../../store/context.ts';
import { Dialog } from './Dialog.tsx';

const GROUPS: readonly Action['group'][] = ['Run', 'Edit', 'View', 'Target', 'Help'];

/** Keys that belong to one place and not to the registry. */
const LOCAL: readonly { readonly keys: string; readonly act: string }[] = [
  { keys: 'Arrows', act: 'move in a table or list' },
  { keys: 'Ctrl Arrows', act: 'to the next edge of values' },
  { keys: 'Home End', act: 'ends of the row' },
  { keys: 'Enter', act: 'edit; typing begins an edit too' },
  { keys: 'Tab', act: 'end the edit and move on' },
  { keys: 'Esc', act: 'cancel the edit, close' },
  { keys: 'T', act: 'next lane type' },
  { keys: 'F', act: 'flip the lane order' },
  { keys: 'PgUp PgDn', act: 'a tenth of the strip, in History' },
  { keys: '+ − 0', act: 'fewer, more, all stops in the strip' },
  { keys: 'Ctrl 1 … 9', act: 'vCPU 0 … 8' },
];

/** What can be typed into the palette besides the name of an act. */
const TYPED: readonly { readonly text: string; readonly act: string }[] = [
  { text: 'zmm3:f32[1]', act: 'go to a register or element' },
  { text: 'zmm3:f32[1]=-6.25', act: 'stage an edit' },
  { text: 'mxcsr.RC=down rax=0x5', act: 'stage several' },
];

export function HelpDialog(): ReactElement {
  const store = useDebuggerStore();
  return (
    <Dialog label="Keys" look="help">
      <div className="help-head">
        <h2>Keys</h2>
        <span className="push" />
        <Button
          label="Close"
          look="tiny ghost square"
          glyph="cross"
          glyphClass="g12"
          onPress={() => store.getState().setOverlay(null)}
        />
      </div>
      <div className="help-columns">
        {GROUPS.map((group) => (
          <section key={group}>
            <h3>{group}</h3>
            {ACTIONS.filter((row) => row.group === group && row.keys.length > 0).map((row) => (
              <div key={row.id} className="help-row">
                <span>{row.title}</span>
                <span className="line tight">
                  {row.keys.map((chord) => (
                    <kbd key={chord}>{chordText(chord).replaceAll('+', ' ')}</kbd>
                  ))}
                </span>
              </div>
            ))}
          </section>
        ))}
        <section>
          <h3>In the search</h3>
          {TYPED.map((row) => (
            <div key={row.text} className="help-row">
              <span>{row.act}</span>
              <span className="val small">{row.text}</span>
            </div>
          ))}
        </section>
        <section>
          <h3>In tables</h3>
          {LOCAL.map((row) => (
            <div key={row.keys} className="help-row">
              <span>{row.act}</span>
              <kbd>{row.keys}</kbd>
            </div>
          ))}
        </section>
      </div>
    </Dialog>
  );
}
