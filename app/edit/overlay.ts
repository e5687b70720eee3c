import { bytesOfUint, readUint } from '../bits/bytes.ts';
import { assert } from '../bits/decoded.ts';
import type { RegisterPath } from '../register/path.ts';
import type { Selection } from '../register/read.ts';
import { typeBytes } from '../register/register-type.ts';
import { registerRow, TILECFG_FIELDS } from '../register/registers.ts';
import { writeField } from '../xsave/bitfields.ts';

const copied = (onto: Uint8Array, from: Uint8Array, offsetBytes: number, sizeBytes: number): Uint8Array => {
  const bytes = onto.slice();
  bytes.set(from.subarray(offsetBytes, offsetBytes + sizeBytes), offsetBytes);
  return bytes;
};

/** One register's bytes with the part that a path selects taken from another state of the same register. */
export const overlaySelection = (
  path: RegisterPath,
  onto: Uint8Array,
  from: Uint8Array,
  selection: Selection,
): Uint8Array => {
  switch (selection.kind) {
    case 'whole':
      return from;
    case 'element':
      return copied(onto, from, selection.offsetBytes, typeBytes(selection.type));
    case 'lanes':
      return copied(onto, from, selection.offsetBytes, selection.count * typeBytes(selection.type));
    case 'rows': {
      const stride = registerRow(path.register)?.rowBytes ?? 0;
      let bytes = onto;
      for (let row = 0; row < selection.rows; row += 1) {
        bytes = copied(bytes, from, row * stride, selection.columns * typeBytes(selection.type));
      }
      return bytes;
    }
    case 'cells':
      return selection.offsets.flat().reduce((bytes, at) => copied(bytes, from, at, typeBytes(selection.type)), onto);
    case 'field':
      return overlayField(path, onto, from, selection.value);
  }
};

const overlayField = (path: RegisterPath, onto: Uint8Array, from: Uint8Array, value: number): Uint8Array => {
  const part = path.register === 'tilecfg' ? TILECFG_FIELDS.find(({ name }) => name === path.field) : undefined;
  if (part !== undefined) {
    return copied(onto, from, part.offsetBytes + part.sizeBytes * (path.indexes[0] ?? 0), part.sizeBytes);
  }
  const field = registerRow(path.register)?.fields.find(({ name }) => name === path.field);
  assert(field !== undefined, `no field ${path.field}`);
  return bytesOfUint(writeField(readUint(onto, 0, onto.length), field, value), onto.length);
};
