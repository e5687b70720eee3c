import { expect, test } from 'vitest';
import { fieldsOf, readField, readReserved, reservedOf } from './bitfields.ts';

test('[X12] every bit of MXCSR is either a field or reserved, and bit 17 is AMD’s field', () => {
  const row = reservedOf('mxcsr');
  if (row === null) throw new Error('MXCSR has reserved bits');
  for (let bit = 0n; bit < 32n; bit += 1n) {
    const isField = fieldsOf('mxcsr').some((field) => readField(1n << bit, field) !== 0);
    expect(isField, `bit ${bit}`).toBe((row.mask & (1n << bit)) === 0n);
  }
  expect([readReserved(0x11f80n, row), readReserved(0x21f80n, row)]).toEqual([1n, 0n]);
  expect(reservedOf('fcw')).toBeNull();
});

test('[X12] six exceptions are raised in MXCSR and FSW, and masked in MXCSR and FCW, in one order', () => {
  const names = (register: string, is: string): string[] =>
    fieldsOf(register).flatMap(({ exception }) => (exception?.is === is ? [exception.name] : []));
  const raised = names('mxcsr', 'raised');
  expect(raised).toHaveLength(6);
  for (const found of [names('mxcsr', 'masked'), names('fsw', 'raised'), names('fcw', 'masked')]) {
    expect(found).toEqual(raised);
  }
});
