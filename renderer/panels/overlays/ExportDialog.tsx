import { Fragment, type ReactElement, useState } from 'react';
import { describeProblem } from '../../../app/bits/decoded.ts';
import { captureChoices, download, type ExportChoice, textOf, valueChoices } from '../../actions/export-file.ts';
import { Button } from '../../controls/Button.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import type { State } from '../../store/state/state.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { Dialog } from './Dialog.tsx';

/** The register that the inspector speaks of, at the lane type on screen; null for a whole component. */
export const selectedPath = (state: State): string | null => {
  const { selection, laneType } = state;
  if (selection === null) return null;
  if (selection.kind === 'register') return selection.path;
  if (selection.kind === 'vector') return `zmm${selection.index}${laneType === 'hex' ? '' : `:${laneType}`}`;
  return selection.kind === 'tile' ? `tmm${selection.tile}:i32` : null;
};

/** Copy as… and Save as…: the whole capture and the selected register, in every format that is written. */
export function ExportDialog(): ReactElement | null {
  const store = useDebuggerStore();
  const capture = useDebugger(selectCapture);
  const path = useDebugger(selectedPath);
  const [said, setSaid] = useState<{ readonly good: boolean; readonly text: string } | null>(null);
  if (capture === null) return null;
  const values = path === null ? [] : valueChoices(capture, path);
  const groups = [
    ...(values.length === 0 ? [] : [{ title: path ?? '', choices: values }]),
    { title: 'The whole capture', choices: captureChoices(capture) },
  ];
  const copy = (choice: ExportChoice): void => {
    const made = choice.make();
    if (!made.ok) {
      setSaid({ good: false, text: `${choice.label}: ${describeProblem(made.problem)}` });
      return;
    }
    navigator.clipboard.writeText(textOf(made.value)).then(
      () => setSaid({ good: true, text: `${choice.label} copied` }),
      () => setSaid({ good: false, text: 'The clipboard was refused by the browser' }),
    );
  };
  const save = (choice: ExportChoice): void => {
    const made = choice.make();
    if (made.ok) download(choice.fileName, made.value);
    setSaid(
      made.ok
        ? { good: true, text: `${choice.fileName}, ${made.value.length} bytes` }
        : { good: false, text: `${choice.label}: ${describeProblem(made.problem)}` },
    );
  };
  return (
    <Dialog label="Copy or save as" look="export">
      <div className="ask-body">
        <h2>Copy or save as</h2>
        <div className="export-rows">
          {groups.map(({ title, choices }) => (
            <Fragment key={title}>
              <h3 className={title === path ? 'val' : ''}>{title}</h3>
              {choices.map((choice) => (
                <Fragment key={choice.id}>
                  <span>{choice.label}</span>
                  <Button
                    label={`Copy ${title} as ${choice.label}`}
                    look="tiny"
                    glyph="copy"
                    glyphClass="g12"
                    refused={choice.isText ? null : 'not text: save it as a file'}
                    onPress={() => copy(choice)}
                  >
                    Copy
                  </Button>
                  <Button
                    label={`Save ${title} as ${choice.label}`}
                    look="tiny"
                    glyph="file"
                    glyphClass="g12"
                    onPress={() => save(choice)}
                  >
                    Save
                  </Button>
                </Fragment>
              ))}
            </Fragment>
          ))}
        </div>
      </div>
      <div className="ask-acts">
        <span className="line tight small" role="status">
          {said === null ? null : (
            <>
              <Glyph name={said.good ? 'check' : 'stop'} className={`g12 ${said.good ? 'is-written' : 'is-refused'}`} />
              <span>{said.text}</span>
            </>
          )}
        </span>
        <span className="push" />
        <Button label="Close" look="ghost" onPress={() => store.getState().setOverlay(null)}>
          Close
        </Button>
      </div>
    </Dialog>
  );
}
