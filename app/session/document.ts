import { fromBase64, toBase64 } from '../bits/base64.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { hexShort } from '../bits/mask.ts';
import type { CaptureDocument } from '../bridge.ts';
import type { CpuidEntry } from '../cpu/cpuid.ts';
import { msrRow } from '../cpu/msrs.ts';
import { componentName } from '../xsave/components.ts';
import type { ComponentPlace, Image, Layout } from '../xsave/image.ts';
import { layoutOf } from '../xsave/layout.ts';
import { decodeCutImage } from '../xsave/view.ts';
import type { Capture, ControlRegisters, Facts, GeneralRegisters, TargetIdentity } from './capture.ts';
import {
  flag,
  hex32Text,
  hex64Text,
  integer,
  list,
  nullable,
  object,
  oneOf,
  type Reader,
  text,
  unexpected,
} from './shape.ts';

export const CAPTURE_FORMAT = 'tilescope-capture';
export const CAPTURE_VERSION = 1;

/** Bounds of what a file may claim; real ones stay far below. */
const MAX_IMAGE_BYTES = 1 << 20;
const MAX_ENTRIES = 4096;
const MAX_TEXT_CHARACTERS = 65_536;
/** What an errno may be. (linux/err.h, MAX_ERRNO) */
const MAX_ERRNO = 4095;
const MAX_COMPONENT_BIT = 62;

// ---- writing -------------------------------------------------------------------------------------------------------

const hex = (value: number): string => `0x${value.toString(16)}`;
const hexOrNull = (value: bigint | null): string | null => (value === null ? null : hexShort(value));

const hexFields = (fields: GeneralRegisters | ControlRegisters): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]: [string, bigint]) => [name, hexShort(value)]));

const cpuidDocument = (entry: CpuidEntry): Record<keyof CpuidEntry, string> => ({
  leaf: hex(entry.leaf),
  subleaf: hex(entry.subleaf),
  eax: hex(entry.eax),
  ebx: hex(entry.ebx),
  ecx: hex(entry.ecx),
  edx: hex(entry.edx),
});

const layoutDocument = (layout: Layout): CaptureDocument => ({
  source: layout.source,
  totalBytes: layout.totalBytes,
  components: layout.components.map((place) => ({ name: componentName(place.bit), ...place })),
});

const factsDocument = (facts: Facts): CaptureDocument => ({
  target: { ...facts.target, startTimeTicks: hexOrNull(facts.target.startTimeTicks) },
  takenAtMs: facts.takenAtMs,
  pauseNs: hexOrNull(facts.pauseNs),
  inKvmRun: facts.inKvmRun,
  frozen: facts.frozen,
  imageCall: facts.imageCall,
  kernelRelease: facts.kernelRelease,
  xcr0: hexOrNull(facts.xcr0),
  msrs: facts.msrs.map(({ index, value, errno }) => ({
    index: hex(index),
    name: msrRow(index)?.name ?? null,
    value: hexOrNull(value),
    errno,
  })),
  guestPermission: hexOrNull(facts.guestPermission),
  hostPermission: hexOrNull(facts.hostPermission),
  supportedXcr0: hexOrNull(facts.supportedXcr0),
  sizes: { ...facts.sizes },
  general: facts.general === null ? null : hexFields(facts.general),
  control: facts.control === null ? null : hexFields(facts.control),
  failed: facts.failed.map((failure) => ({ ...failure })),
  guestCpuid: facts.guestCpuid.map(cpuidDocument),
  hostCpuid: facts.hostCpuid.map(cpuidDocument),
});

/** The capture as plain JSON; SPEC.md describes it field by field. */
export const encodeCapture = ({ image, facts }: Capture): CaptureDocument => ({
  format: CAPTURE_FORMAT,
  version: CAPTURE_VERSION,
  image: { format: image.layout.format, bytes: image.bytes.length, base64: toBase64(image.bytes) },
  layout: layoutDocument(image.layout),
  facts: factsDocument(facts),
});

// ---- reading -------------------------------------------------------------------------------------------------------

const shortText = text(MAX_TEXT_CHARACTERS);
const count = integer(0, Number.MAX_SAFE_INTEGER);
const bytes = integer(0, 2 ** 32 - 1);
const errno = integer(0, MAX_ERRNO);

const imageReader = object({
  format: oneOf('standard', 'compacted'),
  bytes: integer(0, MAX_IMAGE_BYTES),
  base64: text(Math.ceil(MAX_IMAGE_BYTES / 3) * 4),
});

const placeReader: Reader<ComponentPlace> = object({
  bit: integer(0, MAX_COMPONENT_BIT),
  offsetBytes: integer(0, MAX_IMAGE_BYTES),
  sizeBytes: integer(1, MAX_IMAGE_BYTES),
  aligned64: flag,
  xfdCapable: flag,
  supervisor: flag,
});

const layoutReader = object({
  source: shortText,
  totalBytes: integer(0, 2 * MAX_IMAGE_BYTES),
  components: list(placeReader, MAX_COMPONENT_BIT + 1),
});

const cpuidReader: Reader<readonly CpuidEntry[]> = list(
  object({ leaf: hex32Text, subleaf: hex32Text, eax: hex32Text, ebx: hex32Text, ecx: hex32Text, edx: hex32Text }),
  MAX_ENTRIES,
);

const targetReader: Reader<TargetIdentity> = object({
  kind: oneOf('live', 'model', 'file'),
  vmm: shortText,
  name: shortText,
  pid: nullable(integer(0, 2 ** 31 - 1)),
  startTimeTicks: nullable(hex64Text),
  executable: nullable(shortText),
  vcpu: bytes,
  tid: nullable(integer(0, 2 ** 31 - 1)),
});

const [u64, errnoOrNull] = [hex64Text, nullable(errno)];

const factsReader: Reader<Facts> = object({
  target: targetReader,
  takenAtMs: count,
  pauseNs: nullable(u64),
  inKvmRun: nullable(flag),
  frozen: flag,
  imageCall: shortText,
  kernelRelease: nullable(shortText),
  guestCpuid: cpuidReader,
  hostCpuid: cpuidReader,
  xcr0: nullable(u64),
  msrs: list(object({ index: hex32Text, value: nullable(u64), errno }), MAX_ENTRIES),
  guestPermission: nullable(u64),
  hostPermission: nullable(u64),
  supportedXcr0: nullable(u64),
  sizes: object({
    capXsave2Vm: nullable(bytes),
    capXsave2System: nullable(bytes),
    writtenBytes: nullable(bytes),
    legacyErrno: errnoOrNull,
  }),
  general: nullable(
    object({
      rax: u64,
      rbx: u64,
      rcx: u64,
      rdx: u64,
      rsi: u64,
      rdi: u64,
      rsp: u64,
      rbp: u64,
      r8: u64,
      r9: u64,
      r10: u64,
      r11: u64,
      r12: u64,
      r13: u64,
      r14: u64,
      r15: u64,
      rip: u64,
      rflags: u64,
    }),
  ),
  control: nullable(object({ cr0: u64, cr2: u64, cr3: u64, cr4: u64, cr8: u64, efer: u64 })),
  failed: list(object({ call: shortText, errno }), MAX_ENTRIES),
});

const headReader = object({ format: shortText, version: integer(0, 2 ** 31 - 1) });

/** Kind and version first: a later version may mean anything by the rest. */
const checkHead = (document: unknown): Decoded<null> => {
  const head = headReader(document, '');
  if (!head.ok) return head;
  if (head.value.format !== CAPTURE_FORMAT) {
    return unexpected('format', `"${head.value.format.slice(0, 40)}" is not ${CAPTURE_FORMAT}`);
  }
  if (head.value.version !== CAPTURE_VERSION) {
    const why = `version ${head.value.version} is not known here; this program reads version ${CAPTURE_VERSION}`;
    return unexpected('version', why);
  }
  return decoded(null);
};

const isSamePlace = (a: ComponentPlace, b: ComponentPlace | undefined): boolean =>
  b !== undefined &&
  a.offsetBytes === b.offsetBytes &&
  a.sizeBytes === b.sizeBytes &&
  !a.aligned64 &&
  !a.xfdCapable &&
  !a.supervisor;

/** The layout built anew from the places, and compared with what the document says of it. */
const readLayout = (format: Layout['format'], value: unknown): Decoded<Layout> => {
  const read = layoutReader(value, 'layout');
  if (!read.ok) return read;
  const { source, components, totalBytes } = read.value;
  if (new Set(components.map((place) => place.bit)).size !== components.length) {
    return unexpected('layout.components', 'a component is named twice');
  }
  const layout = layoutOf(
    format,
    source,
    components.filter((place) => place.bit >= 2),
  );
  if (!layout.ok) return layout;
  const legacy = components.filter((place) => place.bit < 2);
  if (legacy.length !== 2 || !legacy.every((place) => isSamePlace(place, layout.value.components[place.bit]))) {
    return unexpected('layout.components', 'x87 is at 0 with 160 bytes and SSE at 160 with 256, in every image');
  }
  return layout.value.totalBytes === totalBytes
    ? layout
    : unexpected('layout.totalBytes', `is ${totalBytes} and the components end at ${layout.value.totalBytes}`);
};

const readImage = (document: Readonly<Record<string, unknown>>): Decoded<Image> => {
  const read = imageReader(document.image, 'image');
  if (!read.ok) return read;
  const bytes = fromBase64(read.value.base64);
  if (!bytes.ok) return bytes;
  if (bytes.value.length !== read.value.bytes) {
    return unexpected('image.bytes', `is ${read.value.bytes} and the base64 holds ${bytes.value.length}`);
  }
  const layout = readLayout(read.value.format, document.layout);
  // An image that ends inside a component in use is kept as it was opened: what is lost is shown as lost.
  return layout.ok ? decodeCutImage(bytes.value, layout.value) : layout;
};

/** A capture from a document of any origin: everything is checked, fields that are not known are ignored. */
export const decodeCapture = (document: unknown): Decoded<Capture> => {
  const head = checkHead(document);
  if (!head.ok) return head;
  const fields = document as Readonly<Record<string, unknown>>;
  const image = readImage(fields);
  if (!image.ok) return image;
  const facts = factsReader(fields.facts, 'facts');
  return facts.ok ? decoded({ image: image.value, facts: facts.value }) : facts;
};

/** The capture file: the document as JSON, indented so that it can be read and compared as text. */
export const captureText = (capture: Capture): string => `${JSON.stringify(encodeCapture(capture), null, 2)}\n`;

export const parseCaptureText = (text: string): Decoded<Capture> => {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undecodable({ kind: 'syntax', what: 'capture file', at: 0, expected: 'a JSON document' });
  }
  return decodeCapture(document);
};
