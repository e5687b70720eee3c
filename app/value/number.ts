/**
 * The one grammar of an integer as typed, in a cell, the palette and on the command line: decimal, 0x… or 0b…, with
 * underscores between digits and a sign before them. A prefix alone says the base: 255 is never read as hex. Null: it is none.
 */
export const parseNumber = (text: string): { readonly value: bigint; readonly isPattern: boolean } | null => {
  const match = /^([+-]?)(0x[0-9a-f]+(?:_+[0-9a-f]+)*|0b[01]+(?:_+[01]+)*|[0-9]+(?:_+[0-9]+)*)$/i.exec(text);
  if (match === null) return null;
  const digits = (match[2] ?? '').replaceAll('_', '').toLowerCase();
  const magnitude = BigInt(digits);
  // Hex and binary digits write bits: all ones is −1 in a signed type.
  return { value: match[1] === '-' ? -magnitude : magnitude, isPattern: /^0[xb]/.test(digits) && match[1] === '' };
};
