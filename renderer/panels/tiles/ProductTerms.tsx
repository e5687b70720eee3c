import { type ReactElement, useState } from 'react';
import { productRow } from '../../../app/tile/product-instruction.ts';
import { tileTypeRow } from '../../../app/tile/tile-type.ts';
import { elementOffset } from '../../../app/tile/vnni.ts';
import { exactDecimal, exactSum } from '../../../app/value/exact.ts';
import { Sparkline } from '../../controls/Sparkline.tsx';
import type { ProductChoice } from '../../store/state/tiles.ts';
import type { ProductCheck } from '../../store/tiles/product-check.ts';
import { minus } from '../../wording.ts';

const MOST_TERMS = 6;

interface TermsProps {
  readonly choice: ProductChoice;
  readonly check: Extract<ProductCheck, { kind: 'compared' }>;
  readonly at: { readonly row: number; readonly column: number };
}

/** The products that sum up to one element, the first few of them until all are asked for, and their exact sum. */
export function ProductTerms({ choice, check, at }: TermsProps): ReactElement | null {
  const [isOpen, setOpen] = useState(false);
  const row = productRow(choice.instruction);
  const { c, a } = check.extents;
  if (at.row >= c.rows || at.column >= c.colsb / 4 || row.part !== null) return null;
  const typeA = tileTypeRow(row.a);
  const typeB = tileTypeRow(row.b);
  const terms = Array.from({ length: Math.floor(a.colsb / typeA.bytes) }, (_, k) => ({
    k,
    inA: elementOffset(row.a, 'stored', { row: at.row, column: k }),
    inB: elementOffset(row.b, 'vnni', { row: k, column: at.column }),
  }));
  const products = terms.map(({ inA, inB }) => typeA.read(check.a, inA) * typeB.read(check.b, inB));
  const inC = elementOffset(row.c, 'stored', at);
  const before = tileTypeRow(row.c).read(check.before, inC);
  const sum = exactSum([before, ...products]);
  // For the eye alone: the exact sum is told below.
  let last = before;
  const soFar = [before, ...products.map((product) => (last += product))];
  const shown = isOpen ? terms : terms.slice(0, MOST_TERMS);
  const rest = terms.length - MOST_TERMS;
  return (
    <div className="product-terms" data-testid="product-terms">
      <h3>
        Terms of {at.row},{at.column}
      </h3>
      <p className="text-2 small">
        row {at.row} of tmm{choice.operands.a} by column {at.column} of tmm{choice.operands.b}, {terms.length} products
      </p>
      {shown.map(({ k, inA, inB }) => (
        <div key={k} className="term val small">
          <span className="text-3">k {k}</span>
          <span>{minus(exactDecimal(typeA.read(check.a, inA)))}</span>
          <span className="text-3">×</span>
          <span>{minus(exactDecimal(typeB.read(check.b, inB)))}</span>
          <span>{minus(exactDecimal(products[k] ?? 0))}</span>
        </div>
      ))}
      {rest <= 0 ? null : (
        <button type="button" className="link small" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'fold' : `${rest} more`}
        </button>
      )}
      <SumSoFar values={soFar} />
      <dl className="term-sums val small">
        <dt className="text-3">C before</dt>
        <dd>{minus(exactDecimal(before))}</dd>
        {sum === null ? null : (
          <>
            <dt className="text-3">exact sum</dt>
            <dd>{minus(sum)}</dd>
          </>
        )}
        <dt className="text-3">expected</dt>
        <dd>{minus(exactDecimal(tileTypeRow(row.c).read(check.expected, inC)))}</dd>
      </dl>
    </div>
  );
}

/** How the sum comes about, term after term. */
function SumSoFar({ values }: { values: readonly number[] }): ReactElement | null {
  if (values.length < 3 || !values.every(Number.isFinite)) return null;
  const words = `sum so far, k 0 to ${values.length - 2}`;
  return (
    <div className="sum-so-far small text-3">
      <span className="line">
        {words}
        <span className="push" />
        <span className="val">
          {minus(exactDecimal(Math.min(...values)))} … {minus(exactDecimal(Math.max(...values)))}
        </span>
      </span>
      <Sparkline values={values} widthPx={248} heightPx={32} look="text-2" label={words} />
    </div>
  );
}
