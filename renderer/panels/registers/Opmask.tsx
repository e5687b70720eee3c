import { type ReactElement, useState } from 'react';
import { lostOf } from '../../../app/register/doubt.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { Segment } from '../../controls/Segment.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { hueOf } from '../../store/select/components.ts';
import { markedPart, type Provenance } from '../../store/select/provenance.ts';
import { selectEditRefusal } from '../../store/select/selectors.ts';
import { sizeOf } from './element-text.ts';
import { HexRegister } from './HexRegister.tsx';
import { RegisterName } from './RegisterName.tsx';

const MASKS = [0, 1, 2, 3, 4, 5, 6, 7];
const BYTES_HIGH_FIRST = [7, 6, 5, 4, 3, 2, 1, 0];

export function Opmask({ provenance }: { provenance: Provenance }): ReactElement {
  const type = useDebugger((state) => state.laneType);
  const [view, setView] = useState<'all' | 'lanes'>('lanes');
  const { state } = viewComponent(provenance.now.image, BIT.opmask);
  // A mask of a ZMM instruction: as many bits as the register has elements.
  const lanes = 64 / sizeOf(type);
  const shown = view === 'all' ? 64 : lanes;
  if (state === 'absent') {
    const lost = lostOf(provenance.now.image, [{ bit: BIT.opmask, offsetBytes: 0, sizeBytes: 64 }]);
    const why = lost === undefined ? 'is not in this image: the guest has no k0 … k7' : `was lost: ${lost.why}`;
    return <p className="section-note text-2">opmask {why}.</p>;
  }
  return (
    <section className="section" aria-label="Opmask registers">
      <div className="section-head short-head">
        <h2>k0 … k7</h2>
        <span className="text-3 small ellipsis">
          one bit an element, bit 0 right. Enter on a value edits, a click on a bit stages its flip
        </span>
        <span className="push" />
        <Segment
          name="Bits of a mask"
          look="tiny"
          value={view}
          choices={[
            { value: 'lanes', label: `${lanes} lanes of ${type}` },
            { value: 'all', label: 'All 64' },
          ]}
          onChoose={setView}
        />
      </div>
      {state === 'init' ? (
        <div className="init-sentence">
          <span className="swatch short init" style={{ '--hue': hueOf(BIT.opmask) }} />
          <span className="small">opmask is in init: all zero by definition, stored bytes not shown</span>
        </div>
      ) : null}
      <table className="opmask">
        <thead>
          <tr>
            <th scope="col">mask</th>
            <th scope="col">bits</th>
            <th scope="col" className="right">
              hex
            </th>
          </tr>
        </thead>
        <tbody>
          {MASKS.map((index) => (
            <tr key={index}>
              <th scope="row" className="val">
                <RegisterName name={`k${index}`} />
              </th>
              <td>
                <Bits provenance={provenance} register={`k${index}`} blank={state === 'init'} shown={shown} />
              </td>
              <td className="right small">
                <HexRegister provenance={provenance} register={`k${index}`} sizeBytes={8} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Highest first, in bytes. */
const bytesOf = (shown: number): readonly (readonly number[])[] => {
  const bits = Array.from({ length: shown }, (_, at) => shown - 1 - at);
  return Array.from({ length: Math.ceil(shown / 8) }, (_, at) => bits.slice(at * 8, at * 8 + 8));
};

function Bits({
  provenance,
  register,
  blank,
  shown,
}: {
  provenance: Provenance;
  register: string;
  blank: boolean;
  /** So many of the lowest bits: those that an instruction on elements of the type in use looks at. */
  shown: number;
}): ReactElement {
  const store = useDebuggerStore();
  const refused = useDebugger(selectEditRefusal);
  const part = markedPart(provenance, register, 0, 8);
  if (part === null) return <span className="text-3">not read</span>;
  const bitAt = (bytes: Uint8Array | null, bit: number): number => ((bytes?.[bit >> 3] ?? 0) >> (bit & 7)) & 1;
  const flip = (bit: number): void => {
    store.getState().select({ kind: 'register', path: register });
    if (refused !== null) return;
    let value = 0n;
    for (const byte of BYTES_HIGH_FIRST) value = (value << 8n) | BigInt(part.bytes[byte] ?? 0);
    value ^= 1n << BigInt(bit);
    store.getState().stage(register, `0x${value.toString(16)}`);
  };
  const above =
    BYTES_HIGH_FIRST.reduce((value, byte) => (value << 8n) | BigInt(part.bytes[byte] ?? 0), 0n) >> BigInt(shown);
  return (
    // The value beside it carries the same for the keyboard and for a screen reader.
    <span className="mask-bits" aria-hidden="true">
      {shown < 64 && above !== 0n ? (
        <span className="small is-armed mask-above" title="no instruction on so many elements looks at them">
          bits 63:{shown} <span className="val">0x{above.toString(16)}</span>
        </span>
      ) : null}
      {bytesOf(shown).map((bits) => (
        <span key={bits[0]} className="mask-byte">
          {bits.map((bit) => {
            const set = bitAt(part.bytes, bit);
            const differs = part.before !== null && bitAt(part.before, bit) !== set;
            const look = `${set === 1 ? 'set' : ''} ${blank && !differs ? 'blank' : ''} ${differs ? part.mark : ''}`;
            return (
              // biome-ignore lint/a11y/noStaticElementInteractions: see the comment above.
              // biome-ignore lint/a11y/useKeyWithClickEvents: see the comment above.
              <span
                key={bit}
                className={`mask-bit ${look}`}
                title={`${register} bit ${bit} is ${set}`}
                onClick={() => flip(bit)}
              >
                {bit}
              </span>
            );
          })}
        </span>
      ))}
    </span>
  );
}
