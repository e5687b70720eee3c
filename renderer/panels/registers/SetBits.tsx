import type { ReactElement } from 'react';
import { readUint } from '../../../app/bits/bytes.ts';
import { fieldsOf, fieldWord, readField } from '../../../app/xsave/bitfields.ts';
import { type Provenance, registerBytes } from '../../store/select/provenance.ts';

/** The low bits of CR3 while CR4.PCIDE is set. (Intel SDM vol. 3, 4.10.1) */
const PCID_MASK = 0xfffn;
const PCIDE = 1n << 17n;

const numberOf = (provenance: Provenance, register: string): bigint | null => {
  const bytes = registerBytes(provenance.now, register);
  return bytes === null ? null : readUint(bytes, 0, bytes.length);
};

interface Meaning {
  readonly name: string;
  readonly says: string;
}

/** A selector: index, table and privilege. (Intel SDM vol. 3, 3.4.2) */
const selectorMeaning = (value: bigint): readonly Meaning[] =>
  value >> 2n === 0n
    ? [{ name: 'null', says: 'the null selector' }]
    : [
        {
          name: `${(value & 4n) === 0n ? 'GDT' : 'LDT'} ${value >> 3n}`,
          says: `entry ${value >> 3n} of the ${(value & 4n) === 0n ? 'global' : 'local'} descriptor table`,
        },
        { name: `RPL ${value & 3n}`, says: 'requested privilege level' },
      ];

const meaningsOf = (provenance: Provenance, register: string, value: bigint): readonly Meaning[] => {
  if (/^[c-gs]s$/.test(register)) return selectorMeaning(value);
  if (register === 'cr3') {
    const hasPcid = ((numberOf(provenance, 'cr4') ?? 0n) & PCIDE) !== 0n;
    return hasPcid ? [{ name: `PCID ${value & PCID_MASK}`, says: 'process-context identifier: bits 11:0' }] : [];
  }
  return fieldsOf(register).flatMap((row) => {
    const part = readField(value, row);
    if (part === 0) return [];
    const bits = row.hi === row.lo ? `bit ${row.lo}` : `bits ${row.hi}:${row.lo}`;
    return [
      { name: row.hi === row.lo ? row.name : `${row.name} ${fieldWord(value, row)}`, says: `${row.meaning}, ${bits}` },
    ];
  });
};

/** What is set in a register that is read only, by name; what each is stands in its tooltip. */
export function SetBits({ provenance, register }: { provenance: Provenance; register: string }): ReactElement | null {
  const value = numberOf(provenance, register);
  const meanings = value === null ? [] : meaningsOf(provenance, register, value);
  if (meanings.length === 0) return null;
  return (
    <dd className="set-bits">
      {meanings.map(({ name, says }) => (
        <abbr key={name} title={says} className="val small">
          {name}
        </abbr>
      ))}
    </dd>
  );
}
