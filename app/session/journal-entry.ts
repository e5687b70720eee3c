import { fromHexInOrder, toHexInOrder } from '../bits/bytes.ts';
import { type Decoded, decoded } from '../bits/decoded.ts';
import { hexShort } from '../bits/mask.ts';
import type { Capture } from '../capture/capture.ts';
import { GENERAL_NAMES, type GeneralName } from '../register/registers.ts';
import { decodeCapture, encodeCapture } from './document.ts';
import type { CaptureDocument } from './document-types.ts';
import { hex64Text, integer, list, nullable, object, oneOf, type Reader, text, unexpected } from './shape.ts';

const JOURNAL_FORMAT = 'tilescope-journal';
/**
 * 2: who keeps the entry (`owner`) and since which boot start times count (`bootId`). 3: which general registers were
 * written (`general`); an entry of version 2 comes from a program that wrote none. 4: what stood in guest memory that was written
 * (`memory`); earlier ones come from programs that wrote none.
 */
const JOURNAL_VERSION = 4;
const READABLE_VERSIONS: readonly number[] = [2, 3, JOURNAL_VERSION];

/** Guest memory that was written: one page at most, the first written first. */
export interface KeptMemory {
  readonly physical: bigint;
  readonly before: Uint8Array;
  /** As many bytes. */
  readonly after: Uint8Array;
}

/** A process, named so that no later one can be taken for it. */
export interface ProcessName {
  readonly pid: number;
  /** /proc/PID/stat field 22, in clock ticks since boot. */
  readonly startTimeTicks: bigint;
}

/** The state from before the first write of a session, and whose it is. */
export interface JournalEntry {
  /** 32 hex digits. */
  readonly session: string;
  readonly product: string;
  /** The Tilescope that wrote it. */
  readonly owner: ProcessName;
  /** /proc/sys/kernel/random/boot_id: start times say nothing across a boot. Null: it could not be read. */
  readonly bootId: string | null;
  /** General registers that were written: those that go back with everything. The others are the guest's own progress. */
  readonly general: readonly GeneralName[];
  readonly memory: readonly KeptMemory[];
  readonly capture: Capture;
}

/** An entry as it goes to disk. */
export const encodeJournalEntry = (entry: JournalEntry): CaptureDocument => ({
  format: JOURNAL_FORMAT,
  version: JOURNAL_VERSION,
  product: entry.product,
  session: entry.session,
  owner: { pid: entry.owner.pid, startTimeTicks: hexShort(entry.owner.startTimeTicks) },
  bootId: entry.bootId,
  general: [...entry.general],
  memory: entry.memory.map(({ physical, before, after }) => ({
    ...{ physical: hexShort(physical), before: toHexInOrder(before), after: toHexInOrder(after) },
  })),
  capture: encodeCapture(entry.capture),
});

const MAX_PID = 2 ** 31 - 1;
const headReader = object({ format: text(64), version: integer(0, MAX_PID) });
const entryReader = object({
  session: text(64),
  product: text(256),
  owner: object({ pid: integer(1, MAX_PID), startTimeTicks: hex64Text }),
  bootId: nullable(text(64)),
});

const generalReader = object({ general: list(oneOf(...GENERAL_NAMES), GENERAL_NAMES.length) });

/** All that may be written in one session; a page of each. */
export const MOST_KEPT_PATCHES = 1024;
const PAGE = 4096n;
const hexBytes: Reader<Uint8Array> = (value, path) => {
  const written = text(2 * Number(PAGE))(value, path);
  if (!written.ok) return written;
  const bytes = fromHexInOrder(written.value);
  return bytes === null ? unexpected(path, 'has to be bytes in hex') : decoded(bytes);
};
const patchReader = object({ physical: hex64Text, before: hexBytes, after: hexBytes });
const memoryReader = object({ memory: list(patchReader, MOST_KEPT_PATCHES) });

/** What decides where is written and what: each on one page, both sides of one length. */
const readMemory = (document: unknown): Decoded<readonly KeptMemory[]> => {
  const read = memoryReader(document, '');
  if (!read.ok) return read;
  const { memory } = read.value;
  const wrong = memory.findIndex(
    ({ physical, before, after }) => before.length !== after.length || (physical % PAGE) + BigInt(after.length) > PAGE,
  );
  return wrong < 0
    ? decoded(memory)
    : unexpected(`memory[${wrong}]`, 'has to be bytes of one page, as they were and as written');
};

const SESSION = /^[0-9a-f]{32}$/;

const isIn = (names: readonly string[], name: string): boolean => names.includes(name);

/** Reads an entry as hostile data: it decides which process is written to. */
export const decodeJournalEntry = (document: unknown): Decoded<JournalEntry> => {
  const head = headReader(document, '');
  if (!head.ok) return head;
  const { format, version } = head.value;
  if (format !== JOURNAL_FORMAT) return unexpected('format', `"${format}" is not ${JOURNAL_FORMAT}`);
  if (!READABLE_VERSIONS.includes(version)) {
    return unexpected('version', `${version} is not known here; this program reads ${READABLE_VERSIONS.join(' and ')}`);
  }
  const read = entryReader(document, '');
  if (!read.ok) return read;
  if (!SESSION.test(read.value.session)) return unexpected('session', 'has to be 32 hex digits');
  const written = version === 2 ? decoded({ general: [] }) : generalReader(document, '');
  if (!written.ok) return written;
  const memory = version < 4 ? decoded([]) : readMemory(document);
  if (!memory.ok) return memory;
  const capture = decodeCapture((document as Readonly<Record<string, unknown>>).capture);
  if (!capture.ok) return capture;
  const { kind, pid, startTimeTicks } = capture.value.facts.target;
  if (kind !== 'live' || pid === null || startTimeTicks === null) {
    return unexpected('capture.facts.target', 'has to name a live process by pid and start time');
  }
  return decoded({
    ...read.value,
    general: GENERAL_NAMES.filter((name) => isIn(written.value.general, name)),
    memory: memory.value,
    capture: capture.value,
  });
};

/** The kernel marks the path of a program whose file was replaced or removed since, as by an upgrade: it runs on as it was. */
export const withoutDeletedMark = (path: string): string => path.replace(/ \(deleted\)$/, '');

/** Which state an entry belongs to: the same process, program and vCPU, or another. */
export const sameVcpu = (kept: Capture, now: Capture): boolean => {
  const [a, b] = [kept.facts.target, now.facts.target];
  const program =
    a.executable === null ||
    (b.executable !== null && withoutDeletedMark(a.executable) === withoutDeletedMark(b.executable));
  return a.pid === b.pid && a.startTimeTicks === b.startTimeTicks && a.vcpu === b.vcpu && program;
};
