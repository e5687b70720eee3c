import type { Assignment, RestoreScope } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { keptMxcsr, type Meaning, meaningOfParts, partsOfImage } from './meaning.ts';
import type { Random } from './random.ts';

/*
 * What a vCPU should hold after writes and restores, with undo and redo. Where a register lies is said here once more, from the SDM:
 * the functions that write are what the model is compared with.
 */

/**
 * General registers that the guest's loop leaves alone: it counts at RDI, without a stack, with interrupts off. RIP and
 * RFLAGS are its progress.
 */
const LASTING = [
  ...(['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rsp', 'rbp'] as const),
  ...(['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const),
] as const;
type Lasting = (typeof LASTING)[number];
const isLasting = (path: string): path is Lasting => LASTING.some((name) => name === path);

/** By what it means: a component in init has its initial values. */
export interface Held {
  readonly parts: ReadonlyMap<number, Uint8Array>;
  readonly mxcsr: number;
  readonly general: Readonly<Record<Lasting, bigint>>;
}

export const heldOf = ({ image, facts }: Capture): Held => ({
  parts: new Map(partsOfImage(image)),
  mxcsr: keptMxcsr(image),
  general: Object.fromEntries(LASTING.map((name) => [name, facts.general?.[name] ?? -1n])) as Held['general'],
});

export const meaningOfHeld = ({ parts, mxcsr, general }: Held): Meaning => ({
  ...meaningOfParts(parts, mxcsr),
  ...Object.fromEntries(Object.entries(general).map(([name, value]) => [name, value.toString(16)])),
});

/** Bytes of a component, MXCSR, or a general register. */
type Put =
  | { readonly kind: 'part'; readonly bit: number; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'mxcsr'; readonly value: number }
  | { readonly kind: 'general'; readonly name: Lasting; readonly value: bigint };

/** What is asked of Tilescope, and what of it should come. */
export interface Write extends Assignment {
  readonly puts: readonly Put[];
}

const put = (held: Held, one: Put): Held => {
  if (one.kind === 'mxcsr') return { ...held, mxcsr: one.value };
  if (one.kind === 'general') return { ...held, general: { ...held.general, [one.name]: one.value } };
  const bytes = held.parts.get(one.bit)?.slice();
  if (bytes === undefined) throw new Error(`there is no component ${one.bit}`);
  bytes.set(one.bytes, one.at);
  return { ...held, parts: new Map(held.parts).set(one.bit, bytes) };
};

const X87 = 0;
const SSE = 1;
const AVX = 2;
const OPMASK = 5;
const ZMM_HI256 = 6;
const HI16_ZMM = 7;

/** Where the bytes of a vector register lie (SDM vol. 1, 13.4 and 13.5): up to 16, up to 32, up to 64 of the first sixteen. */
const vectorPieces = (
  index: number,
): readonly { readonly bit: number; readonly at: number; readonly bytes: number }[] =>
  index < 16
    ? [
        { bit: SSE, at: 16 * index, bytes: 16 },
        { bit: AVX, at: 16 * index, bytes: 16 },
        { bit: ZMM_HI256, at: 32 * index, bytes: 32 },
      ]
    : [{ bit: HI16_ZMM, at: 64 * (index - 16), bytes: 64 }];

/** Bytes from a place of a vector register on. */
const ofVector = (index: number, from: number, bytes: Uint8Array): readonly Put[] => {
  let start = 0;
  return vectorPieces(index).flatMap((piece) => {
    const [low, high] = [Math.max(start, from), Math.min(start + piece.bytes, from + bytes.length)];
    const at = piece.at + low - start;
    start += piece.bytes;
    return low < high ? [{ kind: 'part', bit: piece.bit, at, bytes: bytes.slice(low - from, high - from) }] : [];
  });
};

/** Of a number in hex, "0x" before it: the lowest byte first. */
const lowFirst = (hex: string): Uint8Array =>
  Uint8Array.from(hex.slice(2).match(/../g) ?? [], (digits) => Number.parseInt(digits, 16)).reverse();

const numberBytes = (bytes: number, set: (view: DataView) => void): Uint8Array => {
  const made = new Uint8Array(bytes);
  set(new DataView(made.buffer));
  return made;
};

/** A number of sixteenths as a double-extended one (SDM vol. 1, 4.2.2): the integer bit is explicit. */
const extended = (sixteenths: number): Uint8Array => {
  if (sixteenths === 0) return new Uint8Array(10);
  const bits = sixteenths.toString(2).length;
  return numberBytes(10, (view) => {
    view.setBigUint64(0, BigInt(sixteenths) << BigInt(64 - bits), true);
    view.setUint16(8, 16_383 + bits - 1 - 4, true);
  });
};

const hex = (random: Random, bytes: number): string =>
  `0x${Array.from({ length: bytes }, () => random.below(256).toString(16).padStart(2, '0')).join('')}`;

/** Paths that this CPU has, with a value each: whole registers, elements, fields, over every component. */
export const aWrite = (random: Random, registers: number): Write => {
  const index = random.below(registers);
  const [wide, bytes] = registers === 32 ? ['zmm', 64] : ['ymm', 32];
  const whole = (value: string): Write => ({
    ...{ path: `${wide}${index}`, value, puts: ofVector(index, 0, lowFirst(value)) },
  });
  const u32 = (lane: number, value: number): Write => ({
    ...{ path: `${wide}${index}:u32[${lane}]`, value: String(value) },
    puts: ofVector(
      index,
      4 * lane,
      numberBytes(4, (view) => view.setUint32(0, value, true)),
    ),
  });
  const f64 = (lane: number, value: number): Write => ({
    ...{ path: `${wide}${index}:f64[${lane}]`, value: String(value) },
    puts: ofVector(
      index,
      8 * lane,
      numberBytes(8, (view) => view.setFloat64(0, value, true)),
    ),
  });
  const i16 = (register: number, lane: number, value: number): Write => ({
    ...{ path: `xmm${register}:i16[${lane}]`, value: String(value) },
    puts: ofVector(
      register,
      2 * lane,
      numberBytes(2, (view) => view.setInt16(0, value, true)),
    ),
  });
  const st = (register: number, sixteenths: number): Write => ({
    ...{ path: `st${register}:f80`, value: String(sixteenths / 16) },
    puts: [{ kind: 'part', bit: X87, at: 32 + 16 * register, bytes: extended(sixteenths) }],
  });
  const mxcsr = (value: string): Write => ({ path: 'mxcsr', value, puts: [{ kind: 'mxcsr', value: Number(value) }] });
  const fcw = (value: string): Write => ({
    ...{ path: 'fcw', value },
    puts: [{ kind: 'part', bit: X87, at: 0, bytes: numberBytes(2, (view) => view.setUint16(0, Number(value), true)) }],
  });
  const k = (register: number, value: string): Write => ({
    ...{ path: `k${register}`, value },
    puts: [{ kind: 'part', bit: OPMASK, at: 8 * register, bytes: lowFirst(value) }],
  });
  const made: Write[] = [
    whole(hex(random, bytes)),
    u32(random.below(bytes / 4), random.below(2 ** 32)),
    f64(random.below(bytes / 8), random.below(1000) / 8),
    i16(random.below(16), random.below(8), random.below(65_536) - 32_768),
    st(random.below(8), random.below(1000)),
    mxcsr(random.pick(['0x1f80', '0x1fa0', '0x3f80', '0x7f80', '0x1f81'])),
    // Bit 6 of FCW is reserved and reads 1 once a CPU has loaded it (Intel SDM vol. 1, 8.1.5): a value without it does not last.
    fcw(random.pick(['0x37f', '0x27f', '0xf7f'])),
    ...(registers === 32 ? [k(random.below(8), hex(random, 8))] : []),
  ];
  return random.pick(made);
};

export const aGeneralWrite = (random: Random): Write => {
  const path = random.pick(LASTING);
  const value = random.pick([hex(random, 8), hex(random, 1), '0', '18446744073709551615']);
  return { path, value, puts: [{ kind: 'general', name: path, value: BigInt(value) }] };
};

/** Which parts are restored. */
export const aScope = (random: Random, bits: readonly number[]): RestoreScope =>
  random.pick<RestoreScope>([
    { kind: 'all' },
    { kind: 'components', bits: [random.pick(bits)] },
    { kind: 'paths', paths: [random.pick(LASTING), `xmm${random.below(16)}`, 'mxcsr'] },
  ]);

/** What a path of aScope held. */
const putOf = (then: Held, path: string): Put => {
  if (path === 'mxcsr') return { kind: 'mxcsr', value: then.mxcsr };
  if (isLasting(path)) return { kind: 'general', name: path, value: then.general[path] };
  const at = 16 * Number(path.slice('xmm'.length));
  return { kind: 'part', bit: SSE, at, bytes: then.parts.get(SSE)?.slice(at, at + 16) ?? new Uint8Array() };
};

/** MXCSR goes with SSE. */
const putsOfComponent = (then: Held, bit: number): readonly Put[] => [
  { kind: 'part', bit, at: 0, bytes: then.parts.get(bit) ?? new Uint8Array() },
  ...(bit === SSE ? [{ kind: 'mxcsr', value: then.mxcsr } as const] : []),
];

interface Done {
  readonly over: Held;
  readonly after: Held;
  readonly general: readonly Lasting[];
  /** After it everything was as at attach. */
  readonly endsAll: boolean;
}

/** A stack of states. */
export class SoakModel {
  now: Held;
  readonly #first: Held;
  #done: Done[] = [];
  #standing = 0;
  /** General registers that were written at all: what a restore of everything at a stop writes. */
  readonly #everWritten = new Set<Lasting>();

  constructor(first: Held) {
    this.now = first;
    this.#first = first;
  }
  get canUndo(): boolean {
    return this.#standing > 0;
  }
  get canRedo(): boolean {
    return this.#standing < this.#done.length;
  }

  /** @param undoable how many writes can be taken back by now, as the host says: one that changes nothing may be none */
  #write(puts: readonly Put[], undoable: number): void {
    const after = puts.reduce(put, this.now);
    const general = puts.flatMap((one) => (one.kind === 'general' ? [one.name] : []));
    const changes = JSON.stringify(meaningOfHeld(after)) !== JSON.stringify(meaningOfHeld(this.now));
    const steps = undoable - this.#standing;
    if (steps !== 1 && (steps !== 0 || changes)) throw new Error(`${undoable} writes to undo, after ${this.#standing}`);
    if (steps === 1) {
      this.#done = [...this.#done.slice(0, this.#standing), { over: this.now, after, general, endsAll: false }];
      this.#standing = undoable;
    }
    for (const name of general) this.#everWritten.add(name);
    this.now = after;
  }

  /** What a restore of everything at attach writes: what the writes that stand have written since the last such one. */
  #standingGeneral(): readonly Lasting[] {
    const steps = this.#done.slice(0, this.#standing);
    return steps.slice(steps.findLastIndex(({ endsAll }) => endsAll) + 1).flatMap(({ general }) => general);
  }

  apply(writes: readonly Write[], undoable: number): void {
    this.#write(
      writes.flatMap(({ puts }) => puts),
      undoable,
    );
  }

  /** @param stop null: as it was found at attach */
  restore(scope: RestoreScope, stop: Held | null, undoable: number): void {
    const then = stop ?? this.#first;
    const general = stop === null ? this.#standingGeneral() : [...this.#everWritten];
    const puts =
      scope.kind === 'paths'
        ? scope.paths.map((path) => putOf(then, path))
        : [
            ...(scope.kind === 'all' ? [...then.parts.keys()] : scope.bits).flatMap((bit) =>
              putsOfComponent(then, bit),
            ),
            ...(scope.kind === 'all' ? general.map((name) => putOf(then, name)) : []),
          ];
    this.#write(puts, undoable);
    const last = this.#done[this.#standing - 1];
    if (scope.kind === 'all' && stop === null && last !== undefined) {
      this.#done[this.#standing - 1] = { ...last, endsAll: true };
    }
  }

  undo(): void {
    this.#standing -= 1;
    this.#walkTo(this.#done[this.#standing], 'over');
  }
  redo(): void {
    this.#walkTo(this.#done[this.#standing], 'after');
    this.#standing += 1;
  }
  #walkTo(step: Done | undefined, side: 'over' | 'after'): void {
    if (step === undefined) throw new Error('no such step');
    this.now = step[side];
  }
}
