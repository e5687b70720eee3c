import type { ReactElement } from 'react';
import { readI32 } from '../../../app/bits/bytes.ts';
import type { ProductDifference } from '../../../app/tile/product-compare.ts';
import { PRODUCTS, type ProductInstruction, productRow, restsOn } from '../../../app/tile/product-instruction.ts';
import { printTileElement } from '../../../app/tile/tile-type-text.ts';
import { Button } from '../../controls/Button.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { Accumulator, ProductChoice } from '../../store/state/tiles.ts';
import { type ProductCheck, selectProductCheck } from '../../store/tiles/product-check.ts';
import { lastProduct } from '../../store/vcpu/executed.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';
import { ProductTerms } from './ProductTerms.tsx';
import { TileThumbnail } from './TileThumbnail.tsx';

const TILES = [0, 1, 2, 3, 4, 5, 6, 7];
const FIRST_OPERANDS = [
  { c: 0, a: 1, b: 2 },
  { c: 3, a: 4, b: 5 },
] as const;
const MOST_DIFFERENCES = 12;

/** A choice to begin with: the shown tile as C, and two others. */
const firstChoice = (tile: number): ProductChoice => ({
  operands: FIRST_OPERANDS.find(({ c }) => c === tile) ?? { c: tile, a: (tile + 1) % 8, b: (tile + 2) % 8 },
  instruction: 'TDPBSSD',
  accumulator: { kind: 'zero' },
});

/** Choose C, A, B and the instruction; see what it would have left in C beside what is there. */
export function ProductCheckBlock({ tile, row, column }: { tile: number; row: number; column: number }): ReactElement {
  const store = useDebuggerStore();
  const choice = useDebugger((state) => state.product);
  const check = useDebugger(selectProductCheck);
  if (choice === null || check === null) {
    return (
      <section className="block" aria-label="Product check">
        <h3>Product check</h3>
        <p className="text-2 small">What would a tile product have left in this tile?</p>
        <Button
          label="Check a product"
          look="tiny"
          onPress={() => {
            const state = store.getState();
            // Of the tile that is shown, else whatever the guest multiplied last.
            state.setProduct(lastProduct(state, tile) ?? lastProduct(state) ?? firstChoice(tile));
          }}
        >
          Check a product
        </Button>
      </section>
    );
  }
  return (
    <section className="block" aria-label="Product check" data-testid="product-check">
      <h3>
        Product check
        <span className="aside">
          <Verdict check={check} />
        </span>
      </h3>
      <Choices choice={choice} />
      <div className="product-picture" aria-hidden="true">
        <Picture tile={choice.operands.c} />
        <span className="val text-2">+=</span>
        <Picture tile={choice.operands.a} />
        <span className="val text-2">×</span>
        <Picture tile={choice.operands.b} />
      </div>
      <p className="text-2 small">{aboutChoice(choice)}</p>
      <RestsOn instruction={choice.instruction} />
      {check.kind === 'refused' ? (
        <ul className="checks" aria-label="Broken conditions">
          {check.sentences.map((sentence) => (
            <li key={sentence}>
              <Glyph name="stop" className="is-refused" />
              <span className="what is-refused">{sentence}</span>
            </li>
          ))}
        </ul>
      ) : (
        <Differences choice={choice} check={check} at={choice.operands.c === tile ? { row, column } : null} />
      )}
      <div className="line product-foot">
        <Button label="End the check" look="tiny ghost" onPress={() => store.getState().setProduct(null)}>
          End the check
        </Button>
      </div>
    </section>
  );
}

/** Public texts disagree on some products: the result is marked with the one that it rests on. */
function RestsOn({ instruction }: { instruction: ProductInstruction }): ReactElement | null {
  const text = restsOn(instruction);
  if (text === null) return null;
  return (
    <p className="text-2 small" data-testid="product-rests-on">
      Rests on {text}.
    </p>
  );
}

function Verdict({ check }: { check: ProductCheck }): ReactElement {
  if (check.kind === 'refused') {
    return (
      <span className="pill bad">
        <Glyph name="stop" className="g12" />
        cannot be computed
      </span>
    );
  }
  const { differences, cells } = check.comparison;
  const differ = differences.length > 0;
  return (
    <span className={`pill ${differ ? 'bad' : 'good'}`} data-testid="product-verdict">
      <Glyph name={differ ? 'differs' : 'check'} className="g12" />
      {differ ? `${differences.length} of ${cells} differ` : `all ${cells} agree`}
    </span>
  );
}

function Choices({ choice }: { choice: ProductChoice }): ReactElement {
  const store = useDebuggerStore();
  const at = useDebugger((state) => state.at);
  const previous = useDebugger((state) => state.stops[state.at - 1]?.number ?? null);
  const set = (change: Partial<ProductChoice>): void => store.getState().setProduct({ ...choice, ...change });
  const stops = useDebugger((state) => state.stops);
  const accumulator = accumulatorKey(choice.accumulator);
  return (
    <>
      <div className="product-choices">
        {(['c', 'a', 'b'] as const).map((name) => (
          <label key={name}>
            <span className="text-3 small">{name.toUpperCase()}</span>
            <select
              className="val small"
              aria-label={`Operand ${name.toUpperCase()}`}
              value={choice.operands[name]}
              onChange={(event) => {
                const operands = { ...choice.operands, [name]: Number(event.target.value) };
                set({ operands });
                if (name === 'c') store.getState().showTile(operands.c);
              }}
            >
              {TILES.map((tile) => (
                <option key={tile} value={tile}>
                  tmm{tile}
                </option>
              ))}
            </select>
          </label>
        ))}
        <label>
          <span className="text-3 small">instruction</span>
          <select
            className="val small"
            aria-label="Instruction"
            value={choice.instruction}
            onChange={(event) => set({ instruction: event.target.value as ProductInstruction })}
          >
            {PRODUCTS.map((row) => (
              <option key={row.name} value={row.name}>
                {row.name}
                {row.withdrawn ? ' (historical)' : ''}
              </option>
            ))}
          </select>
        </label>
      </div>
      <label className="product-before">
        <span className="text-3 small">C before</span>
        <select
          className="small"
          aria-label="C before"
          value={accumulator}
          onChange={(event) => set({ accumulator: accumulatorFrom(event.target.value) })}
        >
          <option value="zero">zero</option>
          {previous === null && choice.accumulator.kind !== 'previous' ? null : (
            <option value="previous">the stop before{previous === null ? '' : `, ${previous}`}</option>
          )}
          {stops.slice(0, Math.max(0, at)).map(({ number }) => (
            <option key={number} value={`stop ${number}`}>
              stop {number}
            </option>
          ))}
          {TILES.filter((tile) => tile !== choice.operands.c).map((tile) => (
            <option key={tile} value={`tile ${tile}`}>
              tmm{tile} of this stop
            </option>
          ))}
        </select>
      </label>
    </>
  );
}

const accumulatorKey = (accumulator: Accumulator): string => {
  switch (accumulator.kind) {
    case 'stop':
      return `stop ${accumulator.number}`;
    case 'tile':
      return `tile ${accumulator.tile}`;
    default:
      return accumulator.kind;
  }
};

const accumulatorFrom = (key: string): Accumulator => {
  const [kind, number] = key.split(' ');
  if (kind === 'stop') return { kind, number: Number(number) };
  if (kind === 'tile') return { kind, tile: Number(number) };
  return { kind: kind === 'previous' ? 'previous' : 'zero' };
};

function Picture({ tile }: { tile: number }): ReactElement {
  return (
    <span className="product-tile">
      <TileThumbnail tile={tile} />
      <span className="val small">tmm{tile}</span>
    </span>
  );
}

const BEFORE: Readonly<Record<Accumulator['kind'], string>> = {
  zero: 'C before is taken as zero.',
  previous: 'C before is taken from the stop before this one.',
  stop: 'C before is taken from the stop chosen.',
  tile: 'C before is taken from another tile of this stop.',
};

const ROUNDING = {
  integer: 'Sums wrap at 32 bits.',
  fma: 'Rounded to nearest even, denormals flushed.',
  'exact-sum': 'Summed exactly, rounded once.',
} as const;

const aboutChoice = ({ instruction, accumulator }: ProductChoice): string => {
  const row = productRow(instruction);
  const withdrawn = row.withdrawn ? ' Intel has withdrawn this instruction: historical.' : '';
  return `${row.formula}. ${BEFORE[accumulator.kind]} ${ROUNDING[row.arithmetic]}${withdrawn}`;
};

interface DifferencesProps {
  readonly choice: ProductChoice;
  readonly check: Extract<ProductCheck, { kind: 'compared' }>;
  readonly at: { readonly row: number; readonly column: number } | null;
}

/** The elements that differ, and the terms of the one that is selected. */
export function Differences({ choice, check, at }: DifferencesProps): ReactElement {
  const store = useDebuggerStore();
  const { differences } = check.comparison;
  const type = productRow(choice.instruction).c;
  const print = (bytes: Uint8Array, offset: number): string => minus(printTileElement(type, bytes, offset));
  const chosen = differences.find((one) => one.row === at?.row && one.column === at.column) ?? null;
  return (
    <>
      {differences.length === 0 ? null : (
        <table className="product-table small">
          <thead>
            <tr>
              <th scope="col">element</th>
              <th scope="col">in the tile</th>
              <th scope="col">expected</th>
              <th scope="col">{type === 'f32' ? 'steps apart' : 'difference'}</th>
            </tr>
          </thead>
          <tbody>
            {differences.slice(0, MOST_DIFFERENCES).map((one) => (
              <tr key={one.offsetBytes} className={one === chosen ? 'chosen' : ''} data-testid="difference">
                <td>
                  <button
                    type="button"
                    className="plain-button line tight is-refused"
                    onClick={() => {
                      store.getState().showTile(choice.operands.c);
                      store.getState().selectElement(choice.operands.c, one, false);
                    }}
                  >
                    <Glyph name="differs" className="g12" />
                    <span className="val">
                      {one.row},{one.column}
                    </span>
                  </button>
                </td>
                <td className="val">{print(check.found, one.offsetBytes)}</td>
                <td className="val">{print(check.expected, one.offsetBytes)}</td>
                <td className="val is-refused">{distanceText(one, check, type === 'f32')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {differences.length > MOST_DIFFERENCES ? (
        <p className="text-3 small">and {differences.length - MOST_DIFFERENCES} more, marked in the tile</p>
      ) : null}
      {check.comparison.nonZeroOutside > 0 ? (
        <p className="is-armed small">The instruction would have left zeros outside rows × colsb.</p>
      ) : null}
      {at === null ? null : <ProductTerms choice={choice} check={check} at={at} />}
    </>
  );
}

/** Integers by their difference with its sign, f32 by steps; two NaNs differ in what the manual leaves open. */
const distanceText = (one: ProductDifference, check: DifferencesProps['check'], isFloat: boolean): string => {
  if (one.bothNan) return 'both NaN';
  if (one.distance === null) return 'NaN';
  if (isFloat) return String(one.distance);
  const sign = readI32(check.found, one.offsetBytes) < readI32(check.expected, one.offsetBytes) ? '\u2212' : '+';
  return `${sign}${one.distance}`;
};
