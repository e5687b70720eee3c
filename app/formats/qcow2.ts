import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { textFromUtf8 } from '../bits/text.ts';
import type { OpenedFile, OpenedState, OpenOptions } from './opened.ts';
import { openQemuStream } from './qemu-stream.ts';

/*
 * A qcow2 image (QEMU docs/interop/qcow2.txt), all numbers big-endian. `savevm` keeps a migration stream in it, behind the end
 * of the virtual disk: each snapshot has a level 1 table of its own, whose entries behind those of the disk lead to it.
 *
 *     0 "QFI\xfb"   4 version   20 cluster_bits   24 size of the disk 8   32 encryption   60 snapshots   64 where they stand 8
 *    72 features that a reader must know 8 (version 3)
 *     snapshot: 0 l1 table 8, 8 its entries, 12 length of id 2, 14 of name 2, 32 size of the state, 36 length of what follows:
 *    40 size of the state 8, 48 size of the disk 8; then id and name, padded to eight bytes
 */
const HEADER_BYTES = 104;
const SNAPSHOT_BYTES = 40;
const OFFSET_MASK = 0x00ff_ffff_ffff_fe00n;
const COMPRESSED = 1n << 62n;
const ZERO = 1n;
/** Dirty and corrupt say nothing of where things stand; every other one changes it. */
const KNOWN_FEATURES = 3n;
const MOST_SNAPSHOTS = 1024;
const MOST_EXTRA_BYTES = 1024;
/** Where the devices of a guest stand: the end of the stream. Its beginning tells what it is. */
const HEAD_BYTES = 4096;
const MOST_TAIL_BYTES = 24 << 20;
/** Numbers of the states of a snapshot before the last begin here, and so on: no guest has more vCPUs. */
const SNAPSHOT_STRIDE = 65_536;

/** Bytes of a file that may be far larger than memory; fewer where it ends. */
export interface ByteSource {
  readonly sizeBytes: number;
  read(offsetBytes: number, sizeBytes: number): Uint8Array;
}

export const isQcow2 = (bytes: Uint8Array): boolean =>
  [0x51, 0x46, 0x49, 0xfb].every((byte, index) => bytes[index] === byte);

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Ends a walk that leads nowhere; caught at the one door. */
class Unreadable extends Error {}
const no = (why: string): never => {
  throw new Unreadable(why);
};

interface Snapshot {
  readonly name: string;
  readonly l1At: number;
  readonly l1Entries: number;
  readonly stateBytes: number;
  /** Where the state begins, behind the disk of that time. */
  readonly startBytes: number;
}

class Qcow2 {
  readonly #source: ByteSource;
  readonly #clusterBits: number;
  readonly #tables = new Map<number, DataView>();
  readonly snapshots: readonly Snapshot[];

  constructor(source: ByteSource) {
    this.#source = source;
    const header = this.#exact(0, HEADER_BYTES);
    const version = header.getUint32(4);
    if (version !== 2 && version !== 3) no(`version ${version}`);
    this.#clusterBits = header.getUint32(20);
    if (this.#clusterBits < 9 || this.#clusterBits > 21) no(`clusters of 2^${this.#clusterBits} bytes`);
    if (header.getUint32(32) !== 0) no('it is encrypted');
    const features = version === 3 ? header.getBigUint64(72) & ~KNOWN_FEATURES : 0n;
    if (features !== 0n) no(`features 0x${features.toString(16)}, which are not read here`);
    this.snapshots = this.#readSnapshots(header);
  }

  #exact(offsetBytes: number, sizeBytes: number): DataView {
    const bytes = this.#source.read(offsetBytes, sizeBytes);
    if (bytes.length !== sizeBytes) no(`it ends before byte ${offsetBytes + sizeBytes}`);
    return viewOf(bytes);
  }

  /** What one entry of a level 1 table leads over. */
  get #reachBytes(): number {
    return 2 ** (2 * this.#clusterBits - 3);
  }

  #readSnapshots(header: DataView): Snapshot[] {
    const count = header.getUint32(60);
    if (count > MOST_SNAPSHOTS) no(`${count} snapshots`);
    const diskNow = Number(header.getBigUint64(24));
    const found: Snapshot[] = [];
    let at = Number(header.getBigUint64(64));
    for (let index = 0; index < count; index += 1) {
      const fixed = this.#exact(at, SNAPSHOT_BYTES);
      const [idBytes, nameBytes, extraBytes] = [fixed.getUint16(12), fixed.getUint16(14), fixed.getUint32(36)];
      if (extraBytes > MOST_EXTRA_BYTES) no('a snapshot that says too much');
      const more = this.#exact(at + SNAPSHOT_BYTES, extraBytes + idBytes + nameBytes);
      const name = new Uint8Array(more.buffer, more.byteOffset + extraBytes + idBytes, nameBytes);
      const disk = extraBytes >= 16 ? Number(more.getBigUint64(8)) : diskNow;
      found.push({
        name: textFromUtf8(name),
        l1At: Number(fixed.getBigUint64(0)),
        l1Entries: fixed.getUint32(8),
        stateBytes: extraBytes >= 8 ? Number(more.getBigUint64(0)) : fixed.getUint32(32),
        startBytes: Math.ceil(disk / this.#reachBytes) * this.#reachBytes,
      });
      at += Math.ceil((SNAPSHOT_BYTES + extraBytes + idBytes + nameBytes) / 8) * 8;
    }
    return found;
  }

  /** Where a byte of the virtual disk lies in the file; null: nowhere, it is zero. */
  #placeOf({ l1At, l1Entries }: Snapshot, virtualBytes: number): number | null {
    const l1Index = Math.floor(virtualBytes / this.#reachBytes);
    if (l1Index >= l1Entries) no('the state lies beyond its table');
    const l1 = this.#exact(l1At + 8 * l1Index, 8).getBigUint64(0) & OFFSET_MASK;
    if (l1 === 0n) return null;
    const clusterBytes = 2 ** this.#clusterBits;
    let table = this.#tables.get(Number(l1));
    if (table === undefined) {
      table = this.#exact(Number(l1), clusterBytes);
      this.#tables.set(Number(l1), table);
    }
    const entry = table.getBigUint64(8 * (Math.floor(virtualBytes / clusterBytes) % (clusterBytes / 8)));
    if ((entry & COMPRESSED) !== 0n) no('its clusters are compressed');
    const cluster = Number(entry & OFFSET_MASK);
    return cluster === 0 || (entry & ZERO) !== 0n ? null : cluster + (virtualBytes % clusterBytes);
  }

  /** A part of the state of one snapshot. */
  #part(snapshot: Snapshot, from: number, to: number): Uint8Array {
    const bytes = new Uint8Array(to - from);
    const clusterBytes = 2 ** this.#clusterBits;
    for (let at = from; at < to; ) {
      const virtual = snapshot.startBytes + at;
      const size = Math.min(clusterBytes - (virtual % clusterBytes), to - at);
      const place = this.#placeOf(snapshot, virtual);
      if (place !== null) bytes.set(this.#source.read(place, size), at - from);
      at += size;
    }
    return bytes;
  }

  /** Beginning and end of the stream that a snapshot holds, one behind the other; null: it holds no state of a guest. */
  streamOf(snapshot: Snapshot): Uint8Array | null {
    const { stateBytes } = snapshot;
    if (stateBytes === 0) return null;
    if (!Number.isSafeInteger(stateBytes) || !Number.isSafeInteger(snapshot.startBytes + stateBytes)) {
      no(`a state of ${stateBytes} bytes`);
    }
    this.#tables.clear();
    if (stateBytes <= HEAD_BYTES + MOST_TAIL_BYTES) return this.#part(snapshot, 0, stateBytes);
    const head = this.#part(snapshot, 0, HEAD_BYTES);
    const tail = this.#part(snapshot, stateBytes - MOST_TAIL_BYTES, stateBytes);
    const both = new Uint8Array(head.length + tail.length);
    both.set(head);
    both.set(tail, head.length);
    return both;
  }
}

const INSTEAD =
  'load the state with loadvm, and capture the guest while it runs: tilescope capture --pid PID --out FILE';

/** How many snapshots are put before somebody at once, the last ones; one of the others is opened by its number. */
const MOST_SHOWN = 16;
/** With so many no further snapshot is looked into: all may be the same few bytes. */
const MOST_STATES = 1024;

const open = (name: string, source: ByteSource, options: OpenOptions): Decoded<OpenedFile> => {
  const disk = new Qcow2(source);
  const withState = disk.snapshots.filter(({ stateBytes }) => stateBytes > 0).reverse();
  if (withState.length === 0) {
    const why = `a qcow2 disk image without a state of savevm in its ${disk.snapshots.length} snapshots`;
    return undecodable({ kind: 'not-allowed', what: name, why });
  }
  const { thread } = options;
  const wanted = thread === undefined ? null : Math.floor(thread / SNAPSHOT_STRIDE);
  const states: OpenedState[] = [];
  let problem: Decoded<never> | null = null;
  for (const [index, snapshot] of withState.entries()) {
    if (wanted === null ? index >= MOST_SHOWN || states.length >= MOST_STATES : index !== wanted) continue;
    const stream = disk.streamOf(snapshot);
    if (stream === null) continue;
    const label = `${name}, snapshot ${snapshot.name}`;
    const choice = thread === undefined ? options : { ...options, thread: thread % SNAPSHOT_STRIDE };
    const opened = openQemuStream(label, stream, choice);
    if (!opened.ok) {
      problem ??= opened;
      continue;
    }
    for (const state of opened.value.states) {
      const number = index * SNAPSHOT_STRIDE + state.number;
      const which = index === 0 ? '' : ` (number ${number})`;
      states.push({ ...state, number, label: `${state.label} of ${snapshot.name}${which}` });
    }
  }
  if (states.length > 0) return decoded({ kind: 'qemu', states });
  return (
    problem ?? undecodable({ kind: 'not-allowed', what: name, why: `there is no state ${thread ?? ''} in the image` })
  );
};

/** The states that savevm has left in a disk image, of the last snapshot first. */
export const openQcow2 = (name: string, source: ByteSource, options: OpenOptions): Decoded<OpenedFile> => {
  try {
    return open(name, source, options);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const why = `a qcow2 disk image, not read here: ${error.message}; ${INSTEAD}`;
    return undecodable({ kind: 'not-allowed', what: name, why });
  }
};

/** Bytes in memory as a source; what lies beyond their end is read as nothing. */
export const bytesSource = (bytes: Uint8Array): ByteSource => ({
  sizeBytes: bytes.length,
  read: (offsetBytes, sizeBytes) =>
    offsetBytes < bytes.length ? bytes.subarray(offsetBytes, offsetBytes + sizeBytes) : new Uint8Array(0),
});
