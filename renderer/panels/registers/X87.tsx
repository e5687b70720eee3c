import type { ReactElement } from 'react';
import { toHexHighFirst } from '../../../app/bits/bytes.ts';
import { printElement } from '../../../app/value/print.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { top, x87Stack } from '../../../app/xsave/legacy.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { hueOf } from '../../store/select/components.ts';
import { markedPart, type Provenance } from '../../store/select/provenance.ts';
import { minus } from '../../wording.ts';
import { Bitfields } from './Bitfields.tsx';
import { HexRegister } from './HexRegister.tsx';
import { RegisterCell } from './RegisterCell.tsx';

const ST_BYTES = 10;

export function X87({ provenance }: { provenance: Provenance }): ReactElement {
  const image = provenance.staged?.image ?? provenance.now.image;
  const init = viewComponent(provenance.now.image, BIT.x87).state === 'init';
  const rows = x87Stack(image);
  return (
    <>
      <section className="section" aria-label="x87 registers">
        <div className="section-head short-head">
          <h2>ST(0) … ST(7)</h2>
          <span className="text-3 small">
            TOP is {top(image)}: ST(j) lies in physical register R((TOP + j) mod 8), whose bit of FTW says empty or not
          </span>
        </div>
        {init ? (
          <div className="init-sentence">
            <span className="swatch short init" style={{ '--hue': hueOf(BIT.x87) }} />
            <span className="small">x87 is in init: FCW 037f, all eight registers empty, stored bytes not shown</span>
          </div>
        ) : null}
        <table className="x87">
          <thead>
            <tr>
              <th scope="col">stack</th>
              <th scope="col">physical</th>
              <th scope="col">tag</th>
              <th scope="col" className="right">
                value, f80
              </th>
              <th scope="col" className="right">
                sign and exponent, significand
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.stack} className={row.tag === 'empty' ? 'empty' : ''}>
                <th scope="row" className="val">
                  st{row.stack}
                </th>
                <td className="val text-2">R{row.physical}</td>
                <td className={row.tag === 'special' ? 'is-armed' : 'text-2'}>{row.tag}</td>
                <td className="right">
                  <StValue provenance={provenance} stack={row.stack} blank={init} />
                </td>
                <td className="right val small text-2">
                  {init && provenance.staged === null ? '' : splitF80(row.bytes)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <Bitfields provenance={provenance} register="fcw" title="FCW" sub="control word: masks, precision, rounding" />
      <Bitfields
        provenance={provenance}
        register="fsw"
        title="FSW"
        sub="status word: exceptions, condition codes, TOP"
      />
      <section className="section" aria-label="x87 pointers">
        <div className="section-head short-head">
          <h2>Last instruction</h2>
          <span className="text-3 small">
            opcode, address and operand of the last x87 instruction that was not a control instruction
          </span>
        </div>
        <dl className="scalar-list">
          {POINTERS.map(({ register, sizeBytes, meaning }) => (
            <div key={register}>
              <dt>
                <span className="val">{register.toUpperCase()}</span> <span className="text-3 small">{meaning}</span>
              </dt>
              <dd className="small">
                <HexRegister provenance={provenance} register={register} sizeBytes={sizeBytes} />
              </dd>
            </div>
          ))}
        </dl>
      </section>
    </>
  );
}

const POINTERS = [
  { register: 'ftw', sizeBytes: 1, meaning: 'tag byte: bit i set, R(i) not empty' },
  { register: 'fop', sizeBytes: 2, meaning: 'opcode, 11 bits' },
  { register: 'fip', sizeBytes: 8, meaning: 'instruction pointer' },
  { register: 'fdp', sizeBytes: 8, meaning: 'operand pointer' },
];

/** 3fff_8000000000000000: sign and exponent, then the significand with its explicit integer bit. */
const splitF80 = (bytes: Uint8Array): string => {
  const digits = toHexHighFirst(bytes);
  return `${digits.slice(0, 4)}_${digits.slice(4)}`;
};

function StValue({
  provenance,
  stack,
  blank,
}: {
  provenance: Provenance;
  stack: number;
  blank: boolean;
}): ReactElement {
  const register = `st${stack}`;
  const part = markedPart(provenance, register, 0, ST_BYTES);
  if (part === null) return <span className="text-3">not read</span>;
  const path = `${register}:f80[0]`;
  const text = printElement('f80', part.bytes, 0);
  const unread = blank && part.mark === 'none';
  return (
    <span data-cell-of={path}>
      <RegisterCell
        path={path}
        register={register}
        text={text}
        seen={unread ? 'init' : minus(text)}
        before={part.before === null ? null : printElement('f80', part.before, 0)}
        mark={part.mark}
        problem={part.isRefused ? (provenance.refused?.sentence ?? null) : null}
      >
        <span className={`val ${text === '0' ? 'is-init' : ''}`}>{unread ? 'init' : minus(text)}</span>
      </RegisterCell>
    </span>
  );
}
