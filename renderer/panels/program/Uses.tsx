import type { ReactElement } from 'react';
import type { CodeLine, CodeView } from '../../../app/bridge.ts';
import { describeTileConfig, describeTileMove } from '../../../app/debug/tile-operand.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import { generalOf } from './operands.tsx';

/** What the next instruction reads, with what stands there now, and what it will do with memory. */
export function Uses({ line, code }: { line: CodeLine; code: CodeView }): ReactElement | null {
  const store = useDebuggerStore();
  const general = useDebugger((state) => selectCapture(state)?.facts.general ?? null);
  const named = line.reads.flatMap((name) => {
    const register = generalOf(name);
    const value = register === null ? undefined : general?.[register];
    return value === undefined ? [] : [{ name, value: value.toString(16) }];
  });
  const broken = code.tileConfig?.broken ?? [];
  if (named.length + code.uses.length === 0 && code.tile === null && code.tileConfig === null) return null;
  return (
    <div className="program-uses small">
      <dl>
        {named.map(({ name, value }) => (
          <Use key={`r ${name}`} what={name} value={value} />
        ))}
        {code.uses.map(({ address, bytes, reads, writes }) => (
          <Use
            key={`m ${address}`}
            what={reads && writes ? 'reads, writes' : writes ? 'writes' : 'reads'}
            value={`${bytes === null ? '' : `${bytes} at `}${address}`}
          />
        ))}
      </dl>
      {code.tile === null ? null : (
        <div className="program-tile" data-testid="tile-move">
          <span className={code.tile.faultRow === null && code.tile.why === null ? 'text-2' : 'is-armed'}>
            {describeTileMove(code.tile)}
          </span>
          {code.tile.rows === 0 ? null : (
            <button type="button" className="link" onClick={() => store.getState().followTile()}>
              memory beside tmm{code.tile.tile}
            </button>
          )}
        </div>
      )}
      {code.area === null ? null : (
        <button type="button" className="link" onClick={() => void store.getState().openArea(code.area ?? '', false)}>
          XSAVE area at {code.area}
        </button>
      )}
      {code.tileConfig === null ? null : (
        <div className="text-2" data-testid="tile-config">
          {describeTileConfig(code.tileConfig)}
        </div>
      )}
      {broken.map((why) => (
        <div key={why} className="is-refused">
          raises #GP: {why}
        </div>
      ))}
    </div>
  );
}

function Use({ what, value }: { what: string; value: string }): ReactElement {
  return (
    <div>
      <dt className="text-3">{what}</dt>
      <dd>{value}</dd>
    </div>
  );
}
