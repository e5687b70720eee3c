import type { ReactElement } from 'react';
import { toHexHighFirst } from '../../../app/bits/bytes.ts';
import { groupedHex, HexDigits } from '../../controls/Hex64.tsx';
import { FIXED, isDeterministic } from '../../fixed.ts';
import { useDebugger } from '../../store/context.ts';
import { markedPart, type Provenance } from '../../store/select/provenance.ts';
import { inBase } from '../../store/view/bases.ts';
import { minus } from '../../wording.ts';
import { RegisterCell } from './RegisterCell.tsx';

interface HexRegisterProps {
  readonly provenance: Provenance;
  readonly register: string;
  readonly sizeBytes: number;
  readonly readOnly?: boolean;
  /** Differs from run to run: fixed where screenshots are to be the same. */
  readonly varies?: boolean;
}

const FIXED_DIGITS = FIXED.address.replace('_', '');

/** A whole register in hex, highest byte first, leading zeros dim. */
export function HexRegister(props: HexRegisterProps): ReactElement {
  const { provenance, register, sizeBytes, readOnly = false, varies = false } = props;
  const part = markedPart(provenance, register, 0, sizeBytes);
  const base = useDebugger((state) => state.bases.get(register) ?? 'own');
  if (part === null) return <span className="text-3">not read</span>;
  const fixedNow = varies && isDeterministic();
  // What was typed is the same in every run; what the guest left there is not.
  const own = part.mark === 'staged' || part.mark === 'written';
  const masked = fixedNow && !own;
  const digits = masked ? FIXED_DIGITS : toHexHighFirst(part.bytes);
  const hex = (bytes: Uint8Array | null): string | null =>
    bytes === null || masked ? null : inBase(register, `0x${fixedNow ? FIXED_DIGITS : toHexHighFirst(bytes)}`, base);
  const shown = base === 'own' ? null : inBase(register, `0x${digits}`, base);
  return (
    <span data-cell-of={register}>
      <RegisterCell
        path={readOnly ? null : register}
        register={register}
        // What is signed is typed as its bits: the register holds no sign.
        text={shown === null || base === 'signed' ? `0x${digits}` : shown}
        seen={shown === null ? groupedHex(digits) : minus(shown)}
        before={part.mark === 'none' ? null : hex(part.before)}
        mark={masked ? 'none' : part.mark}
        problem={part.isRefused ? (provenance.refused?.sentence ?? null) : null}
      >
        {shown === null ? <HexDigits digits={digits} /> : <span className="val">{minus(shown)}</span>}
      </RegisterCell>
    </span>
  );
}
