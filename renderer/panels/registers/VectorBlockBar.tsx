import { type ReactElement, useState } from 'react';
import { Button } from '../../controls/Button.tsx';
import { CopyButton } from '../../controls/CopyButton.tsx';
import { commandOf } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { Provenance } from '../../store/select/provenance.ts';
import { selectEditRefusal } from '../../store/select/selectors.ts';
import { elementPath, type VectorFile } from '../../store/select/vector.ts';
import type { LaneType } from '../../store/state/view.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';
import { blockName, blockSums, filledVector, type VectorBlock, vectorText } from './vector-block.ts';

interface BlockBarProps {
  readonly provenance: Provenance;
  readonly file: VectorFile;
  readonly type: LaneType;
  readonly block: VectorBlock;
  /** Of a whole register, where no block is selected. */
  readonly isRegister: boolean;
  /** What the last paste or fill was refused for. */
  readonly problem: string | null;
  readonly onProblem: (problem: string | null) => void;
}

const shortNumber = (value: number): string => minus(String(Number(value.toPrecision(6))));

/**
 * Under the table: what the selected block is, what it adds up to, and what can be done with all of it. Its place is kept where
 * nothing in the table is selected: a press on a bit below selects that bit, and must not move it away from the pointer.
 */
export function VectorBlockBar({
  block,
  ...props
}: Omit<BlockBarProps, 'block'> & { readonly block: VectorBlock | null }): ReactElement {
  return block === null ? (
    <div className="block-bar small text-3" data-testid="vector-block">
      what is selected in the table is summed here
    </div>
  ) : (
    <BlockBar block={block} {...props} />
  );
}

function BlockBar({ provenance, file, type, block, isRegister, problem, onProblem }: BlockBarProps): ReactElement {
  const store = useDebuggerStore();
  const refused = useDebugger(selectEditRefusal);
  const [filling, setFilling] = useState<string | null>(null);
  const { sum, least, greatest, changed, staged } = blockSums(provenance, file, type, block);
  const fill = (value: string): void => {
    const why = store.getState().stageAll(filledVector(file, type, block, value));
    onProblem(why);
    if (why === null) setFilling(null);
  };
  const watch = (): void => {
    const state = store.getState();
    for (const index of block.rows) {
      for (const element of block.elements) state.watch(elementPath(file, index, type, element));
    }
    state.askWorkbench({ kind: 'show', pane: 'watch' });
  };
  const size = block.rows.length * block.elements.length;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out as a line.
    <div
      className="block-bar small"
      role="group"
      aria-label={isRegister ? 'Selected register' : 'Selected block'}
      data-testid="vector-block"
    >
      <span className="strong">{isRegister ? `${file.kind}${block.rows[0]}` : blockName(file, block)}</span>
      <span className="pill">
        {isRegister ? `${size} × ${type}` : `${block.rows.length}×${block.elements.length} block`}
      </span>
      {sum === null || least === null || greatest === null ? null : (
        <span className="text-2">
          sum <span className="val">{shortNumber(sum)}</span> least <span className="val">{shortNumber(least)}</span>{' '}
          greatest <span className="val">{shortNumber(greatest)}</span>
        </span>
      )}
      {changed + staged === 0 ? null : (
        <span className="text-2">
          {changed === 0 ? '' : `${changed} changed`}
          {changed > 0 && staged > 0 ? ', ' : ''}
          {staged === 0 ? '' : `${staged} staged`}
        </span>
      )}
      <span className="push" />
      <CopyButton what="the block" text={vectorText(provenance, file, type, block)} />
      {filling === null ? (
        <Button label="Fill" look="tiny" glyph="pen" glyphClass="g12" refused={refused} onPress={() => setFilling('')}>
          Fill…
        </Button>
      ) : (
        <input
          // biome-ignore lint/a11y/noAutofocus: it stands where the button was that asked for it.
          autoFocus
          type="text"
          className="val block-fill"
          aria-label={`One ${type} for all ${size} elements`}
          placeholder={`one ${type}`}
          spellCheck={false}
          value={filling}
          onChange={(event) => setFilling(event.target.value)}
          onKeyDown={(event) => {
            event.stopPropagation();
            const command = commandOf('field', event);
            if (command === 'commit') fill(filling);
            else if (command === 'cancel') {
              setFilling(null);
              onProblem(null);
            } else return;
            event.preventDefault();
          }}
        />
      )}
      <Button
        label="Watch the block"
        look="tiny"
        glyph="eye"
        glyphClass="g12"
        refused={size > MOST_WATCHED ? `more than ${MOST_WATCHED} elements are not watched at once` : null}
        onPress={watch}
      >
        Watch
      </Button>
      {problem === null ? null : (
        <span className="line tight is-refused" role="alert">
          <Glyph name="stop" className="g12" />
          {problem}
        </span>
      )}
    </div>
  );
}

const MOST_WATCHED = 16;
