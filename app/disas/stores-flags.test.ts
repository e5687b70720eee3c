import { expect, test } from 'vitest';
import { storesFlags } from './stores-flags.ts';

const code = (text: string): Uint8Array => Uint8Array.from(text.split(' '), (byte) => Number.parseInt(byte, 16));

test.each([
  ['9c', 64, { kind: 'push', bytes: 1 }],
  ['66 9c', 64, { kind: 'push', bytes: 2 }],
  ['48 9c', 64, { kind: 'push', bytes: 2 }],
  ['66 9c', 16, { kind: 'push', bytes: 2 }],
  ['f4', 64, { kind: 'halt', bytes: 1 }],
  ['f3 f4', 16, { kind: 'halt', bytes: 2 }],
  ['cc', 64, { kind: 'interrupt', vector: 3, bytes: 1, mayGoOn: false }],
  ['cd 80', 32, { kind: 'interrupt', vector: 0x80, bytes: 2, mayGoOn: false }],
  ['ce', 32, { kind: 'interrupt', vector: 4, bytes: 1, mayGoOn: true }],
  ['ce', 64, null],
  ['f1', 64, { kind: 'interrupt', vector: 1, bytes: 1, mayGoOn: false }],
  ['0f 0b', 64, { kind: 'interrupt', vector: 6, bytes: 2, mayGoOn: false }],
  ['0f 07', 64, { kind: 'sysret', is64: false, bytes: 2 }],
  ['48 0f 07', 64, { kind: 'sysret', is64: true, bytes: 3 }],
  // POPF, IRET, SYSCALL, MOV, and 0x9C inside of one.
  ['9d', 64, null],
  ['48 cf', 64, null],
  ['0f 05', 64, null],
  ['b8 9c 00 00 00', 64, null],
  ['48', 32, null],
  // Cut short.
  ['66', 64, 'cut'],
  ['0f', 64, 'cut'],
  ['cd', 64, 'cut'],
] as const)('[RC7] %s in %i-bit code', (text, bitness, expected) => {
  expect(storesFlags(code(text), bitness)).toEqual(expected);
});
