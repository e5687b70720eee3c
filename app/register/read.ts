import { bytesOfUint, concat, readUint, toHexHighFirst } from '../bits/bytes.ts';
import { assert, type Decoded, decoded, describeProblem, undecodable } from '../bits/decoded.ts';
import { hasBit } from '../bits/mask.ts';
import type { Capture, Facts } from '../capture/capture.ts';
import type { Image } from '../capture/image.ts';
import { msrRow } from '../cpu/msrs.ts';
import { tileConfigOf } from '../tile/config.ts';
import { tileShape } from '../tile/geometry.ts';
import { elementOffset, matrixExtent } from '../tile/vnni.ts';
import { fieldWord, readField } from '../xsave/bitfields.ts';
import { BIT, componentLabel } from '../xsave/components.ts';
import { xstateBv } from '../xsave/header.ts';
import { placeOf } from '../xsave/layout.ts';
import { mxcsr, mxcsrMask, ST_OFFSET_BYTES, ST_STRIDE_BYTES, top } from '../xsave/legacy.ts';
import { supervisorFields } from '../xsave/supervisor.ts';
import { rawTileConfig } from '../xsave/tilecfg.ts';
import { componentBytesOrInit, roomFor, viewComponent } from '../xsave/view.ts';
import { lostOf } from './doubt.ts';
import { isKnown, knownHex, partialRegister, within } from './partial.ts';
import type { RegisterPath } from './path.ts';
import { isTileType, jsonTyped, printTyped, type RegisterType, typeBytes } from './register-type.ts';
import { type FragmentPlace, type RegisterRow, type RegisterSource, registerRow, TILECFG_FIELDS } from './registers.ts';

/** Which part of the register's bytes a path selects, and how it is to be printed. Offsets are inside the register. */
export type Selection =
  | { readonly kind: 'whole' }
  | { readonly kind: 'field'; readonly value: number; readonly word: string }
  | { readonly kind: 'element'; readonly type: RegisterType; readonly offsetBytes: number }
  | { readonly kind: 'lanes'; readonly type: RegisterType; readonly offsetBytes: number; readonly count: number }
  | { readonly kind: 'rows'; readonly type: RegisterType; readonly rows: number; readonly columns: number }
  /** Elements that do not lie side by side: a matrix, or one row of it. */
  | {
      readonly kind: 'cells';
      readonly type: RegisterType;
      readonly offsets: readonly (readonly number[])[];
      readonly isRow: boolean;
    };

/**
 * What a register holds. In init state the bytes are the initial values; they are never the stale bytes of the image. A
 * register made of several components is in use when one of them is: the parts in init then hold their zeros.
 */
export type RegisterValue =
  | { readonly state: 'inUse' | 'init'; readonly bytes: Uint8Array; readonly selection: Selection }
  /** `why` where it is in use and the bytes end before it. */
  | { readonly state: 'absent'; readonly why?: string }
  | { readonly state: 'not-known'; readonly why: string };

/** A whole register, before a selection. */
export type WholeRegister =
  | { readonly state: 'inUse' | 'init'; readonly bytes: Uint8Array }
  /** `why` where it is in use and the bytes end before it. */
  | { readonly state: 'absent'; readonly why?: string }
  | { readonly state: 'not-known'; readonly why: string };

/** The stack slot that holds MMn: MMX registers are the physical ones, as for gdb. */
export const mmPart = (image: Image, index: number): FragmentPlace => ({
  bit: BIT.x87,
  offsetBytes: ST_OFFSET_BYTES + ST_STRIDE_BYTES * ((index - top(image)) & 7),
  sizeBytes: 8,
});

const absent = (image: Image, bit: number): WholeRegister => {
  const place = placeOf(image.layout, bit);
  if (place === undefined || !hasBit(xstateBv(image), bit)) return { state: 'absent' };
  const end = place.offsetBytes + place.sizeBytes;
  const why = `cut off: ${componentLabel(bit)} is in use and ends at ${end}, the image at ${image.bytes.length}`;
  return { state: 'absent', why };
};

const readParts = (image: Image, parts: readonly FragmentPlace[]): WholeRegister => {
  const lost = lostOf(image, parts);
  if (lost !== undefined) return { state: 'not-known', why: `lost: ${lost.why}` };
  const views = parts.map((part) => viewComponent(image, part.bit));
  // A fragment without room: this CPU has no register of that width.
  const missing = views.findIndex((view) => view.state === 'absent');
  if (missing >= 0) return absent(image, parts[missing]?.bit ?? 0);
  const bytes = concat(
    parts.map(({ bit, offsetBytes, sizeBytes }) =>
      componentBytesOrInit(image, bit).subarray(offsetBytes, offsetBytes + sizeBytes),
    ),
  );
  return { state: views.some((view) => view.state === 'inUse') ? 'inUse' : 'init', bytes };
};

const known = (value: bigint | null | undefined, why: () => string): WholeRegister =>
  value === null || value === undefined
    ? { state: 'not-known', why: why() }
    : { state: 'inUse', bytes: bytesOfUint(value, 8) };

const whyFailed = (facts: Facts, call: string): string => {
  const failed = facts.failed.find((one) => one.call === call);
  return failed === undefined ? 'not read' : `${call} failed with errno ${failed.errno}`;
};

const whyNoMsr = (facts: Facts, index: number): string => {
  const reading = facts.msrs.find((msr) => msr.index === index);
  return reading === undefined
    ? whyFailed(facts, 'KVM_GET_MSRS')
    : `KVM_GET_MSRS does not give this MSR (errno ${reading.errno})`;
};

/** Of an MSR that a component holds, the one in a compacted image is as old as the image: it comes before KVM's. */
const readMsr = ({ image, facts }: Capture, index: number): WholeRegister => {
  const bit = msrRow(index)?.component ?? null;
  const field = bit === null ? undefined : supervisorFields(bit).find(({ msr }) => msr === index);
  if (bit !== null && field !== undefined && roomFor(image, bit) !== undefined) {
    return readParts(image, [{ bit, offsetBytes: field.offsetBytes, sizeBytes: 8 }]);
  }
  return known(facts.msrs.find((msr) => msr.index === index)?.value, () => whyNoMsr(facts, index));
};

/** A whole register, or why it has no value: absent from the image, in init, or not known. */
export const readSource = ({ image, facts }: Capture, source: RegisterSource): WholeRegister => {
  switch (source.kind) {
    case 'fragments':
      return readParts(image, source.parts);
    case 'mm':
      return readParts(image, [mmPart(image, source.index)]);
    case 'mxcsr':
      return { state: 'inUse', bytes: bytesOfUint(BigInt(mxcsr(image)), 4) };
    case 'mxcsr-mask':
      return { state: 'inUse', bytes: bytesOfUint(BigInt(mxcsrMask(image)), 4) };
    case 'header':
      return { state: 'inUse', bytes: image.bytes.subarray(source.offsetBytes, source.offsetBytes + 8) };
    case 'xcr0':
      return known(facts.xcr0, () => whyFailed(facts, 'KVM_GET_XCRS'));
    case 'msr':
      return readMsr({ image, facts }, source.index);
    case 'supervisor':
      return roomFor(image, source.part.bit) === undefined
        ? readMsr({ image, facts }, source.msr)
        : readParts(image, [source.part]);
    case 'general':
      return known(facts.general?.[source.key], () => whyFailed(facts, 'KVM_GET_REGS'));
    case 'control':
      return known(facts.control?.[source.key], () => whyFailed(facts, 'KVM_GET_SREGS'));
    case 'segment': {
      const read = known(facts.segments?.[source.key], () => whyFailed(facts, 'KVM_GET_SREGS'));
      return 'bytes' in read && !source.key.endsWith('base') ? { ...read, bytes: read.bytes.subarray(0, 2) } : read;
    }
    case 'derived': {
      const whole = readSource({ image, facts }, source.from);
      return 'bytes' in whole ? { ...whole, bytes: source.derive(whole.bytes) } : whole;
    }
  }
};

const each = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

const notConfigured = (register: string, why: string): Decoded<never> =>
  undecodable({ kind: 'not-allowed', what: register, why });

const selectTile = (image: Image, path: RegisterPath, type: RegisterType, rowBytes: number): Decoded<Selection> => {
  const config = tileConfigOf(image);
  if (!config.ok) return config;
  const shape = tileShape(config.value, Number(path.register.slice(3)), typeBytes(type));
  const isMatrix = path.vnni === true && isTileType(type);
  const { rows, columns } = isMatrix ? matrixExtent(type, 'vnni', shape) : shape;
  const [row, column] = path.indexes;
  if (row !== undefined && (row >= rows || (column !== undefined && column >= columns))) {
    const is = rows === 0 ? 'it is not configured' : `it is ${rows} rows of ${columns} ${type}`;
    return notConfigured(path.register, is);
  }
  if (isMatrix) {
    const offsetsOf = (at: number): number[] =>
      each(columns, (index) => elementOffset(type, 'vnni', { row: at, column: index }));
    if (row === undefined) return decoded({ kind: 'cells', type, offsets: each(rows, offsetsOf), isRow: false });
    if (column === undefined) return decoded({ kind: 'cells', type, offsets: [offsetsOf(row)], isRow: true });
    return decoded({ kind: 'element', type, offsetBytes: elementOffset(type, 'vnni', { row, column }) });
  }
  if (row === undefined) return decoded({ kind: 'rows', type, rows, columns });
  const offsetBytes = row * rowBytes + (column ?? 0) * typeBytes(type);
  return decoded(
    column === undefined
      ? { kind: 'lanes', type, offsetBytes, count: columns }
      : { kind: 'element', type, offsetBytes },
  );
};

const selectField = (row: RegisterRow, path: RegisterPath, bytes: Uint8Array): Selection => {
  const part = row.name === 'tilecfg' ? TILECFG_FIELDS.find(({ name }) => name === path.field) : undefined;
  if (part !== undefined) {
    const offset = part.offsetBytes + part.sizeBytes * (path.indexes[0] ?? 0);
    const value = Number(readUint(bytes, offset, part.sizeBytes));
    return { kind: 'field', value, word: String(value) };
  }
  const field = row.fields.find(({ name }) => name === path.field);
  assert(field !== undefined, `${row.name} has no field ${path.field}`);
  const whole = readUint(bytes, 0, bytes.length);
  return { kind: 'field', value: readField(whole, field), word: fieldWord(whole, field) };
};

/** What a path selects of a register's bytes. A tile's element must lie within its configured shape. */
export const selectOf = (image: Image, path: RegisterPath, bytes: Uint8Array): Decoded<Selection> => {
  const row = registerRow(path.register);
  assert(row !== undefined, `no register ${path.register}`);
  if (path.field !== null) return decoded(selectField(row, path, bytes));
  if (path.type === null) return decoded({ kind: 'whole' });
  if (row.rowBytes !== null) return selectTile(image, path, path.type, row.rowBytes);
  const [index] = path.indexes;
  const size = typeBytes(path.type);
  return decoded(
    index === undefined
      ? { kind: 'lanes', type: path.type, offsetBytes: 0, count: bytes.length / size }
      : { kind: 'element', type: path.type, offsetBytes: index * size },
  );
};

/**
 * What a path names. A problem where type or index does not fit; a register without a value is no problem, but said to
 * be so. The register has to be in the table.
 */
export const readRegister = (capture: Capture, path: RegisterPath): Decoded<RegisterValue> => {
  const row = registerRow(path.register);
  assert(row !== undefined, `no register ${path.register}`);
  const whole = readSource(capture, row.source);
  if (whole.state === 'absent' || whole.state === 'not-known') return decoded(whole);
  const selection = selectOf(capture.image, path, whole.bytes);
  if (selection.ok) return decoded({ ...whole, selection: selection.value });
  // In init every element is initial, also of a tile that has no shape.
  return whole.state === 'init' ? decoded({ ...whole, selection: { kind: 'whole' } }) : selection;
};

/**
 * A stretch of a register's bytes, initial values where its part is in init; null where that stretch is absent, lost or not
 * read. Of a register whose upper part is lost the lower is known all the same.
 */
export const readStretch = (
  capture: Capture,
  register: string,
  offsetBytes: number,
  size: number,
): Uint8Array | null => {
  const source = registerRow(register)?.source;
  if (source === undefined) return null;
  const isFragments = source.kind === 'fragments';
  const read = isFragments
    ? readParts(capture.image, within(source.parts, offsetBytes, size))
    : readSource(capture, source);
  if (!('bytes' in read)) return null;
  const bytes = isFragments ? read.bytes : read.bytes.subarray(offsetBytes, offsetBytes + size);
  return bytes.length === size ? bytes : null;
};

type PrintOne<T> = (type: RegisterType, bytes: Uint8Array, offsetBytes: number) => T;

const lanes = <T>(bytes: Uint8Array, type: RegisterType, from: number, count: number, one: PrintOne<T>): T[] =>
  each(count, (index) => one(type, bytes, from + index * typeBytes(type)));

const rowBytesOf = (register: string): number => registerRow(register)?.rowBytes ?? 0;

/**
 * Lane by lane what is known of a vector register that is not there whole, in the path's type; null: it is whole, or nothing of
 * what the path selects is known.
 */
const knownLanes = <T>(
  { image }: Capture,
  { register, type, indexes }: RegisterPath,
  value: RegisterValue,
  one: PrintOne<T>,
  otherwise: (why: string) => T,
): readonly T[] | null => {
  const source = registerRow(register)?.source;
  const why = value.state === 'not-known' || value.state === 'absent' ? value.why : undefined;
  if (why === undefined || type === null || source?.kind !== 'fragments' || rowBytesOf(register) > 0) return null;
  const partial = partialRegister(image, source.parts);
  const size = typeBytes(type);
  const all = each(partial.bytes.length / size, (lane) => lane);
  const wanted = indexes[0] === undefined ? all : [indexes[0]];
  if (!wanted.some((lane) => isKnown(partial, lane * size, size))) return null;
  return wanted.map((lane) =>
    isKnown(partial, lane * size, size) ? one(type, partial.bytes, lane * size) : otherwise(why),
  );
};

/** The whole of such a register in hex, `??` for each byte that is not known, and why; null: it is whole, or nothing of it is known. */
const partialHex = (image: Image, register: string, value: RegisterValue): string | null => {
  const source = registerRow(register)?.source;
  const why = value.state === 'not-known' || value.state === 'absent' ? value.why : undefined;
  if (why === undefined || source?.kind !== 'fragments' || rowBytesOf(register) > 0) return null;
  const partial = partialRegister(image, source.parts);
  return partial.known.includes(1) ? `0x${knownHex(partial)} (?? ${why})` : null;
};

/**
 * The fixed shape of the command line's JSON, see [R6] and following in SPEC.md. An element that the path cannot select,
 * as one outside a tile's shape, gives {error: sentence}; readRegister gives the same as a Problem.
 */
export const showJson = (capture: Capture, path: RegisterPath): unknown => {
  const read = readRegister(capture, path);
  if (!read.ok) return { error: describeProblem(read.problem) };
  const value = read.value;
  const known = knownLanes<unknown>(capture, path, value, jsonTyped, (why) => ({ state: 'not-known', why }));
  if (known !== null) return path.indexes.length > 0 ? known[0] : known;
  if (value.state === 'not-known') return { state: 'not-known', why: value.why };
  if (value.state === 'absent' && value.why !== undefined) return { state: 'absent', why: value.why };
  if (value.state !== 'inUse') return { state: value.state };
  const { bytes, selection } = value;
  switch (selection.kind) {
    case 'whole':
      return path.register === 'tilecfg' ? tileConfigJson(bytes) : `0x${toHexHighFirst(bytes)}`;
    case 'field':
      return selection.value;
    case 'element':
      return jsonTyped(selection.type, bytes, selection.offsetBytes);
    case 'lanes':
      return lanes(bytes, selection.type, selection.offsetBytes, selection.count, jsonTyped);
    case 'rows':
      return each(selection.rows, (row) =>
        lanes(bytes, selection.type, row * rowBytesOf(path.register), selection.columns, jsonTyped),
      );
    case 'cells': {
      const rows = selection.offsets.map((row) => row.map((at) => jsonTyped(selection.type, bytes, at)));
      return selection.isRow ? rows[0] : rows;
    }
  }
};

const tileConfigJson = (bytes: Uint8Array): unknown => {
  const { paletteId, startRow, tiles } = rawTileConfig(bytes);
  return { palette_id: paletteId, start_row: startRow, tiles };
};

const tileConfigText = (bytes: Uint8Array): string => {
  const { paletteId, startRow, tiles } = rawTileConfig(bytes);
  const configured = tiles.flatMap(({ rows, colsb }, tile) =>
    rows === 0 && colsb === 0 ? [] : [`tmm${tile} ${rows} rows of ${colsb} bytes`],
  );
  const told = new Set(
    TILECFG_FIELDS.flatMap((field) => each(field.count * field.sizeBytes, (at) => field.offsetBytes + at)),
  );
  // The entries of tiles 8 to 15, which palette 1 does not have, are told as they lie.
  const isTold = bytes.every((byte, at) => byte === 0 || (told.has(at) && !isBeyondTiles(at)));
  return [
    `palette_id ${paletteId}`,
    `start_row ${startRow}`,
    ...(configured.length === 0 ? ['no tile configured'] : configured),
    ...(isTold ? [] : [`reserved bytes not zero: 0x${toHexHighFirst(bytes)}`]),
  ].join(', ');
};

const isBeyondTiles = (at: number): boolean => (at >= 32 && at < 48) || at >= 56;

const isConfigured = (image: Image, register: string): boolean => {
  const config = tileConfigOf(image);
  return !config.ok || tileShape(config.value, Number(register.slice(3)), 1).rows > 0;
};

/** A tile without a shape has no elements; bytes that an earlier shape left are there all the same. */
const emptyTileText = (bytes: Uint8Array, isTyped: boolean): string => {
  const left = bytes.reduce((count, byte) => count + (byte === 0 ? 0 : 1), 0);
  if (left === 0) return 'not configured';
  return isTyped ? `not configured; ${left} bytes not zero` : `not configured; 0x${toHexHighFirst(bytes)}`;
};

/** One line: the value in the path's type, "init", "absent", "not configured", or "not known: why". */
export const showText = (capture: Capture, path: RegisterPath): string => {
  const read = readRegister(capture, path);
  if (!read.ok) return describeProblem(read.problem);
  const value = read.value;
  const known = knownLanes(capture, path, value, printTyped, () => 'lost');
  if (known !== null) return known.join(', ');
  const hex = path.type === null && path.field === null ? partialHex(capture.image, path.register, value) : null;
  if (hex !== null) return hex;
  if (value.state === 'not-known') return `not known: ${value.why}`;
  if (value.state === 'absent' && value.why !== undefined) return `absent, ${value.why}`;
  if (value.state !== 'inUse') return value.state;
  const { bytes, selection } = value;
  const isTile = rowBytesOf(path.register) > 0;
  if (isTile && path.indexes.length === 0 && !isConfigured(capture.image, path.register))
    return emptyTileText(bytes, path.type !== null);
  switch (selection.kind) {
    case 'whole':
      return path.register === 'tilecfg' ? tileConfigText(bytes) : `0x${toHexHighFirst(bytes)}`;
    case 'field':
      return selection.word;
    case 'element':
      return printTyped(selection.type, bytes, selection.offsetBytes);
    case 'lanes':
      return lanes(bytes, selection.type, selection.offsetBytes, selection.count, printTyped).join(', ');
    case 'rows':
      return each(selection.rows, (row) =>
        lanes(bytes, selection.type, row * rowBytesOf(path.register), selection.columns, printTyped).join(', '),
      ).join('; ');
    case 'cells':
      return selection.offsets
        .map((row) => row.map((at) => printTyped(selection.type, bytes, at)).join(', '))
        .join('; ');
  }
};
