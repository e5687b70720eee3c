import type { ReactElement } from 'react';
import { hex64 } from '../../app/bits/mask.ts';

/** A 64-bit register: 00000000_000602e7, leading zeros dim. */
export function Hex64({ value }: { value: bigint }): ReactElement {
  return <HexDigits digits={hex64(value)} />;
}

/** Hex digits in groups of eight. */
export const groupedHex = (digits: string): string => digits.replace(/(?=(?:.{8})+$)(?!^)/g, '_');

/** Hex digits in groups of eight, leading zeros dim; the last digit always stands out. */
export function HexDigits({ digits }: { digits: string }): ReactElement {
  const grouped = groupedHex(digits);
  const first = grouped.search(/[1-9a-f]/);
  const lead = first === -1 ? grouped.length - 1 : first;
  return (
    <span className="val">
      <span className="is-init">{grouped.slice(0, lead)}</span>
      {first === -1 ? <span className="is-init">{grouped.slice(lead)}</span> : grouped.slice(lead)}
    </span>
  );
}
