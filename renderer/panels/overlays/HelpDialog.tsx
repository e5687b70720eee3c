import type { ReactElement } from 'react';
import type { Action } from '../../actions/action.ts';
import { ACTIONS } from '../../actions/registry.ts';
import { CrossButton } from '../../controls/CrossButton.tsx';
import { chordText, keysOf, keyText } from '../../keys/chord.ts';
import { KEYMAP, type KeyRow } from '../../keys/keymap.ts';
import { useDebuggerStore } from '../../store/context.ts';
import { Dialog } from './Dialog.tsx';

const GROUPS: readonly Action['group'][] = ['Run', 'Edit', 'View', 'Target', 'Help'];

/** Keys that belong to one kind of control, and those of the browser. */
const LOCAL = Object.entries<Readonly<Record<string, KeyRow>>>(KEYMAP).flatMap(([scope, rows]) =>
  scope === 'window'
    ? []
    : Object.values(rows).flatMap((row) => (row.says == null ? [] : [{ keys: keyText(row), act: row.says }])),
);

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
        <CrossButton label="Close" onPress={() => store.getState().setOverlay(null)} />
      </div>
      <div className="help-columns">
        {GROUPS.map((group) => (
          <section key={group}>
            <h3>{group}</h3>
            {ACTIONS.filter((row) => row.group === group && keysOf(row.id).length > 0).map((row) => (
              <div key={row.id} className="help-row">
                <span>{row.title}</span>
                <span className="line tight">
                  {keysOf(row.id).map((chord) => (
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
            <div key={`${row.keys} ${row.act}`} className="help-row">
              <span>{row.act}</span>
              <kbd>{row.keys}</kbd>
            </div>
          ))}
        </section>
      </div>
    </Dialog>
  );
}
