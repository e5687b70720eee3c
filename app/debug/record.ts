import type { Capture } from '../capture/capture.ts';
import { KVM_REGS } from '../cpu/general-numbers.ts';
import type { RegisterPath } from '../register/path.ts';
import { typeBytes } from '../register/register-type.ts';
import { type RegisterSource, registerRow, TILECFG_FIELDS } from '../register/registers.ts';
import { RECORD } from '../wire/run.ts';
import { placeOf } from '../xsave/layout.ts';

/** Where a register lies in the record that the helper keeps after a step. */

/** struct kvm_msrs: a count and padding, then entries of 16 bytes, the value in the second half. */
const MSR_VALUE = 16;
const MSR_ENTRY = 16;
const XCR0 = RECORD.xcrs + 16;
const CONTROL = { cr0: 224, cr2: 232, cr3: 240, cr4: 248, cr8: 256, efer: 264 } as const;
const MXCSR = RECORD.image + 24;

const run = (from: number, count: number): number[] => Array.from({ length: count }, (_, at) => from + at);

const sourceOffsets = ({ image, facts }: Capture, source: RegisterSource): number[] | null => {
  switch (source.kind) {
    case 'general':
      return run(RECORD.regs + 8 * KVM_REGS.indexOf(source.key), 8);
    case 'control':
      return run(RECORD.sregs + CONTROL[source.key], 8);
    case 'xcr0':
      return run(XCR0, 8);
    case 'header':
      return run(RECORD.image + source.offsetBytes, 8);
    case 'mxcsr':
      return run(MXCSR, 4);
    case 'msr': {
      // In the order in which they are read, those alone that the guest has.
      const at = facts.msrs.filter(({ value }) => value !== null).findIndex(({ index }) => index === source.index);
      return at < 0 ? null : run(RECORD.msrs + MSR_VALUE + at * MSR_ENTRY, 8);
    }
    case 'fragments': {
      const parts = source.parts.map(({ bit, offsetBytes, sizeBytes }) => {
        const place = placeOf(image.layout, bit);
        return place === undefined ? null : run(RECORD.image + place.offsetBytes + offsetBytes, sizeBytes);
      });
      return parts.includes(null) ? null : parts.flatMap((part) => part ?? []);
    }
    default:
      return null;
  }
};

/** Of its bytes those that a path names, the lowest first; null: they cannot be named. */
export const recordOffsets = (capture: Capture, path: RegisterPath): readonly number[] | null => {
  const row = registerRow(path.register);
  const whole = row === undefined ? null : sourceOffsets(capture, row.source);
  if (row === undefined || whole === null) return null;
  if (path.field !== null) {
    const field = row.name === 'tilecfg' ? TILECFG_FIELDS.find(({ name }) => name === path.field) : undefined;
    if (field === undefined) return whole;
    const from = field.offsetBytes + field.sizeBytes * (path.indexes[0] ?? 0);
    return whole.slice(from, from + field.sizeBytes);
  }
  const [first, second] = path.indexes;
  if (path.type === null || first === undefined) return whole;
  const size = typeBytes(path.type);
  if (row.rowBytes === null) return whole.slice(first * size, (first + 1) * size);
  if (path.vnni === true) return null;
  const from = first * row.rowBytes;
  return second === undefined
    ? whole.slice(from, from + row.rowBytes)
    : whole.slice(from + second * size, from + (second + 1) * size);
};

/** A byte of the record that this state would have. */
export const byteOfRecord = ({ image, facts }: Capture, offset: number): number => {
  const part = (value: bigint | null | undefined, at: number): number =>
    Number(((value ?? 0n) >> BigInt(8 * at)) & 0xffn);
  if (offset >= RECORD.image) return image.bytes[offset - RECORD.image] ?? 0;
  if (offset >= RECORD.msrs + MSR_VALUE) {
    const at = offset - RECORD.msrs - MSR_VALUE;
    const msrs = facts.msrs.filter(({ value }) => value !== null);
    return part(msrs[Math.floor(at / MSR_ENTRY)]?.value, at % MSR_ENTRY);
  }
  if (offset >= XCR0) return part(facts.xcr0, offset - XCR0);
  if (offset >= RECORD.sregs) {
    const at = offset - RECORD.sregs;
    const key = (Object.keys(CONTROL) as (keyof typeof CONTROL)[]).find(
      (name) => at >= CONTROL[name] && at < CONTROL[name] + 8,
    );
    return key === undefined ? 0 : part(facts.control?.[key], at - CONTROL[key]);
  }
  const key = KVM_REGS[offset >> 3];
  return key === undefined ? 0 : part(facts.general?.[key], offset & 7);
};
