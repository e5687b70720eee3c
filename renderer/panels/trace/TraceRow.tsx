import type { ReactElement } from 'react';
import { fixed } from '../../fixed.ts';
import { useDebugger } from '../../store/context.ts';
import { hueOf } from '../../store/select/components.ts';
import type { TraceRow } from '../../store/state/trace.ts';
import { changesOf, isProductCode, nameOf, selectTracedProducts } from '../../store/vcpu/trace-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';

/** More of what one instruction changed is counted. */
const MOST_CHANGES = 4;

interface RowProps {
  readonly row: TraceRow;
  readonly top: number;
  readonly chosen: boolean;
  readonly onChoose: () => void;
}

export function Row({ row, top, chosen, onChoose }: RowProps): ReactElement {
  const stops = useDebugger((state) => state.stops);
  const name = useDebugger((state) => nameOf(state, row));
  const number = stops[row.at]?.number ?? 0;
  const address = fixed('address', row.address.toString(16));
  const [, mnemonic = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(name?.text ?? '') ?? [];
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list box in front of the rows holds the keyboard.
    <div
      id={`trace-${row.at}`}
      role="option"
      data-stop={row.at}
      aria-selected={chosen}
      tabIndex={-1}
      className="trace-row small"
      style={{ top }}
      onClick={onChoose}
    >
      <span className="val text-3 trace-step">{number}</span>
      <span className="val text-2 ellipsis" title={address}>
        {name?.symbol ?? address}
      </span>
      <span className="val ellipsis">
        <span className="program-mnemonic">{mnemonic === '' ? '…' : mnemonic}</span>{' '}
        <span className="text-2">{rest}</span>
      </span>
      <Changed row={row} />
      <Product row={row} />
    </div>
  );
}

function Changed({ row }: { row: TraceRow }): ReactElement {
  const stops = useDebugger((state) => state.stops);
  const changes = changesOf(stops, row);
  if (changes.length === 0) return <span className="text-3">rip only</span>;
  return (
    <span className="line tight ellipsis">
      {changes.slice(0, MOST_CHANGES).map(({ bit, words }) => (
        <span key={words} className="line tight nowrap">
          <span
            className="swatch short"
            style={{ '--hue': bit === null ? 'var(--line-2)' : hueOf(bit) }}
            aria-hidden="true"
          />
          {words}
        </span>
      ))}
      {changes.length > MOST_CHANGES ? <span className="text-3">{changes.length - MOST_CHANGES} more</span> : null}
    </span>
  );
}

/** Beside the reference: blank where no tile product was executed. */
function Product({ row }: { row: TraceRow }): ReactElement {
  const products = useDebugger(selectTracedProducts);
  const before = useDebugger((state) => state.stops[row.at - 1]?.number ?? 0);
  const isProduct = useDebugger((state) => isProductCode(nameOf(state, row)?.text ?? ''));
  const differing = products?.byStop.get(before);
  if (differing !== undefined) {
    const { differences, cells } = differing.comparison;
    return (
      <span className="is-refused nowrap">
        <Glyph name="differs" className="g12" /> {differences.length} of {cells} differ
      </span>
    );
  }
  return isProduct && products !== null ? (
    <span className="text-2 nowrap">
      <Glyph name="check" className="g12 is-written" /> holds
    </span>
  ) : (
    <span />
  );
}
