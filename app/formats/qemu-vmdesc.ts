import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { textFromUtf8 } from '../bits/text.ts';
import { surveyJson } from './json-survey.ts';

/*
 * A migration stream of QEMU (migration/savevm.c, vmstate.c). It begins "QEVM" and its version, 3; all numbers are big-endian.
 * What devices hold comes last, each in a section: 04, section id u32, length u8 and name, instance u32, version u32, the
 * fields without a word between them, subsections (05, length u8 and name, version u32, fields), 7e and the section id again.
 * Then 00, and since QEMU 2.2 a description of all that: 06, length u32, JSON. It names every field with its size, so that
 * the sections can be walked from the end, past the guest's memory in front of them, without knowing a device.
 */
const [EOF, FULL, SUBSECTION, DESCRIPTION, FOOTER] = [0x00, 0x04, 0x05, 0x06, 0x7e];
const MOST_DEVICES = 1 << 16;
/** The description of a guest of hundreds of vCPUs has some megabytes; what looks like its beginning is looked at so often. */
const MOST_DESCRIPTION_BYTES = 32 << 20;
const MOST_BEGINNINGS = 64;

type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly Plain[] => (Array.isArray(value) ? value.filter(isPlain) : []);
const count = (value: unknown): number | null =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff ? value : null;

/** A field of a device: so many elements of so many bytes each. */
export interface QemuField {
  /** The subsection that it stands in; '': in none. */
  readonly section: string;
  readonly name: string;
  /** Of a structure what its description is called ("xmm_reg"); else "uint64" and the like. */
  readonly type: string;
  readonly sizeBytes: number;
  readonly bytes: Uint8Array;
}

/** One section: the fields of the device and of its subsections, in the order in which they stand. */
export interface QemuDevice {
  readonly name: string;
  readonly instance: number;
  readonly fields: readonly QemuField[];
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const u32At = (bytes: Uint8Array, at: number): number => viewOf(bytes).getUint32(at);

/** Where the description begins: at a byte 06 whose length ends with the file, or before what a writer padded it with. */
const findDescription = (bytes: Uint8Array): { at: number; json: Uint8Array } | null => {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  const least = Math.max(8, end - MOST_DESCRIPTION_BYTES);
  let at = end - 6;
  for (let tries = 0; tries < MOST_BEGINNINGS && at >= least; at -= 1) {
    at = bytes.lastIndexOf(0x7b, at + 5) - 5;
    if (at < least) return null;
    if (bytes[at] !== DESCRIPTION) continue;
    tries += 1;
    if (at + 5 + u32At(bytes, at + 1) === end) return { at, json: bytes.subarray(at + 5, end) };
  }
  return null;
};

interface Described {
  readonly name: string;
  readonly instance: number;
  readonly version: number;
  readonly fields: readonly Plain[];
  readonly subsections: readonly Plain[];
}

const describedOf = (device: Plain): Described | null => {
  const [instance, version] = [count(device.instance_id), count(device.version)];
  if (typeof device.name !== 'string' || instance === null || version === null) return null;
  const [fields, subsections] = [listOf(device.fields), listOf(device.subsections)];
  return { name: device.name, instance, version, fields, subsections };
};

const sizesOf = (field: Plain): { sizeBytes: number; elements: number } | null => {
  const [sizeBytes, elements] = [count(field.size), field.array_len === undefined ? 1 : count(field.array_len)];
  return sizeBytes === null || elements === null ? null : { sizeBytes, elements };
};

/** Bytes of the fields and what follows them; null: the description does not say. Depth is that of the JSON, which is bounded. */
const bytesOfFields = (fields: readonly Plain[], subsections: readonly Plain[]): number | null => {
  let sum = 0;
  for (const field of fields) {
    const sizes = sizesOf(field);
    if (sizes === null) return null;
    sum += sizes.sizeBytes * sizes.elements;
  }
  for (const part of subsections) {
    const inside = bytesOfFields(listOf(part.fields), listOf(part.subsections));
    if (inside === null || typeof part.vmsd_name !== 'string') return null;
    sum += 1 + 1 + part.vmsd_name.length + 4 + inside;
  }
  return sum;
};

const typeOf = (field: Plain): string => {
  const { struct, type } = field;
  if (isPlain(struct) && typeof struct.vmsd_name === 'string') return struct.vmsd_name;
  return typeof type === 'string' ? type : '';
};

class Walk {
  readonly fields: QemuField[] = [];
  readonly #bytes: Uint8Array;
  readonly #end: number;
  at: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.#end = end;
  }

  /** Whether all of it is there as described. */
  read(fields: readonly Plain[], subsections: readonly Plain[], section = ''): boolean {
    for (const field of fields) {
      const sizes = sizesOf(field);
      if (sizes === null) return false;
      const { sizeBytes, elements } = sizes;
      const end = this.at + sizeBytes * elements;
      if (end > this.#end) return false;
      const name = typeof field.name === 'string' ? field.name : '';
      this.fields.push({ section, name, type: typeOf(field), sizeBytes, bytes: this.#bytes.subarray(this.at, end) });
      this.at = end;
    }
    return subsections.every((part) => this.#subsection(part));
  }

  #subsection(part: Plain): boolean {
    const name = typeof part.vmsd_name === 'string' ? part.vmsd_name : '';
    const start = this.at + 2;
    if (start + name.length + 4 > this.#end) return false;
    if (this.#bytes[this.at] !== SUBSECTION || this.#bytes[this.at + 1] !== name.length) return false;
    if (textFromUtf8(this.#bytes.subarray(start, start + name.length)) !== name) return false;
    this.at = start + name.length + 4;
    return this.read(listOf(part.fields), listOf(part.subsections), name);
  }
}

/** The head of a section, where the description says that one begins; its length, or null. */
const headBytes = (bytes: Uint8Array, at: number, { name, instance, version }: Described): number | null => {
  const end = at + 6 + name.length + 8;
  if (at < 0 || end > bytes.length || bytes[at] !== FULL || bytes[at + 5] !== name.length) return null;
  if (textFromUtf8(bytes.subarray(at + 6, at + 6 + name.length)) !== name) return null;
  if (u32At(bytes, at + 6 + name.length) !== instance || u32At(bytes, at + 10 + name.length) !== version) return null;
  return end - at;
};

const parseDescription = (what: string, json: Uint8Array): Decoded<readonly Described[]> => {
  const survey = surveyJson(`${what}, description of the stream`, json);
  if (!survey.ok) return survey;
  const no = (why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what, why });
  let document: unknown;
  try {
    document = JSON.parse(textFromUtf8(json));
  } catch {
    return no('the description at the end of the stream is no JSON');
  }
  const devices = isPlain(document) ? listOf(document.devices) : [];
  if (devices.length > MOST_DEVICES) return no(`a stream of ${devices.length} devices`);
  const described = devices.map(describedOf);
  if (described.length === 0 || described.includes(null)) return no('the description of the stream names no devices');
  return decoded(described.filter((device) => device !== null));
};

/**
 * The devices of a stream, by its own description; undefined: there is none at its end. The sections are walked from the
 * last to the first, each of the length that the description gives it, so nothing in the guest's memory can pass for one;
 * a walk that leaves the path ends, and what was reached counts.
 */
export const readQemuDevices = (what: string, bytes: Uint8Array): Decoded<readonly QemuDevice[]> | undefined => {
  const found = findDescription(bytes);
  if (found === null) return undefined;
  const described = parseDescription(what, found.json);
  if (!described.ok) return described;
  const devices: QemuDevice[] = [];
  let end = found.at;
  if (bytes[end - 1] === EOF) end -= 1;
  for (const device of [...described.value].reverse()) {
    const inside = bytesOfFields(device.fields, device.subsections);
    if (inside === null) break;
    const headLength = 6 + device.name.length + 8;
    // Machine types before 2.4 have no footers.
    const start = [5, 0]
      .map((footer) => ({ footer, at: end - footer - inside - headLength }))
      .find(
        ({ footer, at }) =>
          headBytes(bytes, at, device) !== null &&
          (footer === 0 || (bytes[end - 5] === FOOTER && u32At(bytes, end - 4) === u32At(bytes, at + 1))),
      );
    if (start === undefined) break;
    const walk = new Walk(bytes, start.at + headLength, end - start.footer);
    if (!walk.read(device.fields, device.subsections)) break;
    const { name, instance } = device;
    devices.push({ name, instance, fields: walk.fields });
    end = start.at;
  }
  return decoded(devices.reverse());
};
