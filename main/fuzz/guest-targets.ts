import { readU8, readU16, readU64, writeU16, writeU64 } from '../../app/bits/bytes.ts';
import { assert, decoded } from '../../app/bits/decoded.ts';
import { textFromUtf8, utf8FromText } from '../../app/bits/text.ts';
import type { Facts, GeneralRegisters } from '../../app/capture/capture.ts';
import { currentTask } from '../../app/debug/linux-task.ts';
import { putMemoryBack, writeGuestMemory } from '../../app/debug/memory-write.ts';
import { placeSymbols } from '../../app/debug/place-symbols.ts';
import { memoryCapture } from '../../app/debug/testing/fake-memory.ts';
import { callStack } from '../../app/debug/unwind.ts';
import { readBtfFile } from '../../app/disas/symbols/btf.ts';
import { readSymbolFile } from '../../app/disas/symbols/read-symbols.ts';
import { symbolTable } from '../../app/disas/symbols/symbol-table.ts';
import { smallBtf } from '../../app/disas/testdata/small-btf.ts';
import { smallElf } from '../../app/disas/testdata/small-elf.ts';
import { elfMemory, readSegments } from '../../app/formats/elf-memory.ts';
import { smallDump } from '../../app/formats/testdata/small-dump.ts';
import { type GuestMemory, type MemoryPort, openMemory } from '../../app/memory/guest-memory.ts';
import { openMemoryFile } from '../../app/memory/memory-file.ts';
import { type PagingContext, type Walk, walk } from '../../app/memory/paging.ts';
import type { Answer } from '../../app/refusals/answer.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';
import { type FuzzTarget, partsOf, wordOf } from './target.ts';

/** Guests and files about them: page tables, memory, tasks, calls, symbols. All of it may be an enemy's. */

const symbols: FuzzTarget = {
  name: 'symbols',
  seeds: () => [utf8FromText('ffffffff81000000 T _text\nffffffffc0001000 t kvm_init\t[kvm]\n'), smallElf()],
  run: (bytes) => {
    const read = readSymbolFile(partsOf(bytes), () => decoded(textFromUtf8(bytes)));
    if (!read.ok) return wordOf(read);
    const { table } = read.value;
    return `${Math.min(table.count, 5)} symbols, ${table.at(0xffffffff81000001n) === null}`;
  },
};

const btf: FuzzTarget = {
  name: 'BTF',
  seeds: () => [smallBtf(), smallBtf({ isLoop: true })],
  run: (bytes) => {
    const read = readBtfFile(partsOf(bytes));
    if (!read.ok) return wordOf(read);
    const found = [
      read.value.offsetOf('task_struct', 'comm'),
      read.value.offsetOf('pcpu_hot', 'current_task'),
      read.value.offsetOf('loop', 'nothing'),
    ];
    assert(
      found.every((one) => one === null || (Number.isInteger(one) && one >= 0)),
      'a place that is none',
    );
    return found.map((one) => one !== null).join(' ');
  },
};

const elfCores: FuzzTarget = {
  name: 'memory of ELF cores',
  seeds: () => [smallDump(), smallDump().fill(0, 64, 120)],
  run: (bytes) => {
    const reader = partsOf(bytes);
    const read = elfMemory(reader);
    if (!read.ok) return wordOf(read);
    const { segments, cpus } = read.value;
    const found = (['linear', 'physical'] as const).map((space) => {
      const [first] = segments;
      const parts = [16, 100].map((count) =>
        first === undefined ? null : readSegments(reader, segments, space, first[space], count),
      );
      assert(
        parts.every((part, at) => part === null || part.length === [16, 100][at]),
        'other bytes than were asked for',
      );
      return parts.map((part) => (part === null ? 'none' : 'some')).join('/');
    });
    return `${Math.min(segments.length, 4)} segments, ${Math.min(cpus.length, 4)} CPUs, ${found.join(' ')}`;
  },
};

const wordOfWalk = (found: Walk): string => (found.ok ? `${found.pageBytes}` : `${found.fault} ${found.level}`);

/** A walk over these bytes, which begin at physical 0; null where it needs others. */
const walked = (context: PagingContext, memory: Uint8Array, linear: bigint): Walk => {
  const steps = walk(context, linear);
  let next = steps.next();
  for (let asked = 0; next.done !== true; asked += 1) {
    assert(asked < MOST_WALK_STEPS, 'a walk that goes on');
    const { address, bytes: count } = next.value;
    const at = Number(address);
    next = steps.next(at + count <= memory.length ? memory.subarray(at, at + count) : null);
  }
  return next.value;
};

/** Tables as a CPU of each mode reads them: CR3 and the linear address stand in front of the memory that holds them. */
const PAGING_MODES = [
  { cr0: 1n << 31n, cr4: 0x20n, efer: 0xd00n },
  { cr0: 1n << 31n, cr4: 0x1020n, efer: 0xd00n },
  { cr0: 1n << 31n, cr4: 0x20n, efer: 0x800n },
  { cr0: 1n << 31n, cr4: 0x10n, efer: 0n },
];
const MOST_WALK_STEPS = 5;

const pageTables: FuzzTarget = {
  name: 'page tables',
  seeds: () => {
    // A table that names itself at every level, and a large page behind it.
    const memory = new Uint8Array(16 + 2 * 4096);
    memory.set([0x00, 0x10], 0);
    memory.set([0x63, 0x10], 16 + 4096);
    memory.set([0xe3, 0x00, 0x20], 16 + 4096 + 8);
    return [memory, Uint8Array.from(memory).fill(0xff, 8, 12)];
  },
  run: (bytes) => {
    if (bytes.length < 16) return 'too short';
    const [cr3, linear] = [readU64(bytes, 0), readU64(bytes, 8)];
    return PAGING_MODES.map((mode) => {
      const found = walked({ control: { ...mode, cr3 }, physicalBits: 40 }, bytes.subarray(16), linear);
      if (found.ok) assert(found.physical >> 52n === 0n, 'an address of more bits than there are');
      return wordOfWalk(found);
    }).join(', ');
  },
};

const GUEST_BYTES = 1 << 20;
const KERNEL_HALF = 0xffff_ff80_0000_0000n;
/** Present, writable, accessed, dirty. */
const USED = 0x63n;
/** Where the registers stand, in page 0 of the guest's memory: they are as hostile as it is. */
const REGISTERS = {
  ...{ rip: 0, rsp: 8, rbp: 16, gs: 24, idt: 32, lstar: 40, cr3: 48, cr4: 56, efer: 64, cpl: 72 },
  ...{ address: 80, count: 88, isPhysical: 89, address2: 96, count2: 104 },
} as const;
const PAGES = { code: 0x6000, stack: 0x7000, perCpu: 0x8000, task: 0x9000, idt: 0xa000 };
const LINEAR = 0x40_0000n;
const linearOf = (physical: number): bigint => LINEAR + BigInt(physical - 0x5000);
const WORD_BYTES = 10;

/** The first eight bytes of a gate of 64 bits: offset in bytes 0, 1, 6 and 7, P in bit 47. */
const gate = (offset: bigint): bigint => (offset & 0xffffn) | 0x8e00_0000_0000n | (((offset >> 16n) & 0xffffn) << 48n);

/**
 * Words of memory that are not 0, each as its number (16 bits) and its value: what is fuzzed, for a guest's memory is nearly all zeros.
 * Sixteen pages from 0x5000 on lie at 0x400000, and again in the kernel's half: code behind a call, a stack, a task.
 */
const smallGuest = ({ cpl = 0n, isPhysical = 0n, isTwice = 0n } = {}): Uint8Array => {
  const words: readonly (readonly [at: number, value: bigint])[] = [
    [REGISTERS.rip, linearOf(PAGES.code) + 0x10n],
    [REGISTERS.rsp, linearOf(PAGES.stack)],
    [REGISTERS.rbp, linearOf(PAGES.stack) + 0x10n],
    [REGISTERS.gs, KERNEL_HALF + linearOf(PAGES.perCpu)],
    [REGISTERS.idt, KERNEL_HALF + linearOf(PAGES.idt)],
    [REGISTERS.cr3, 0x1000n],
    [REGISTERS.cr4, 0x20n],
    [REGISTERS.efer, 0x500n],
    [REGISTERS.cpl, cpl],
    [REGISTERS.address, isPhysical === 0n ? linearOf(PAGES.task) - 8n : 0x9000n],
    [REGISTERS.count, 16n | (isPhysical << 8n) | (isTwice << 15n)],
    // A second one, over the end of the first.
    [REGISTERS.address2, linearOf(PAGES.task) + 4n],
    [REGISTERS.count2, 40n],
    ...[0x1000, 0x1000 + 511 * 8].map((at) => [at, 0x2000n | USED] as const),
    [0x2000, 0x3000n | USED],
    [0x3010, 0x4000n | USED],
    ...Array.from({ length: 16 }, (_, page) => [0x4000 + page * 8, BigInt(0x5000 + page * 4096) | USED] as const),
    [PAGES.stack + 0x10, linearOf(PAGES.stack) + 0x40n],
    [PAGES.stack + 0x18, linearOf(PAGES.code) + 0x100n],
    // A call of five bytes right before the address that it returns to.
    [PAGES.code + 0xf8, 0xe8n << 24n],
    [PAGES.perCpu + 0x40, KERNEL_HALF + linearOf(PAGES.task)],
    [PAGES.task + 0x98, 4243n | (4242n << 32n)],
    [PAGES.task + 0xb8, 0x6c_756d_7461_6dn],
    // Gates of the IDT: present, to the handlers that KERNEL names, 2 MiB higher.
    ...[0, 1, 2].flatMap((vector): (readonly [number, bigint])[] => [
      [PAGES.idt + vector * 16, gate(0xffff_ffff_8120_1000n + 0x1000n * BigInt(vector))],
      [PAGES.idt + vector * 16 + 8, 0xffff_ffffn],
    ]),
  ];
  const bytes = new Uint8Array(words.length * WORD_BYTES);
  for (const [index, [at, value]] of words.entries()) {
    writeU16(bytes, index * WORD_BYTES, at / 8);
    writeU64(bytes, index * WORD_BYTES + 2, value);
  }
  return bytes;
};

interface HostileGuest {
  readonly memory: Uint8Array;
  readonly facts: Facts;
  readonly context: PagingContext;
}

const hostileGuest = (bytes: Uint8Array): HostileGuest => {
  const memory = new Uint8Array(GUEST_BYTES);
  for (let at = 0; at + WORD_BYTES <= bytes.length; at += WORD_BYTES) {
    memory.set(bytes.subarray(at + 2, at + WORD_BYTES), readU16(bytes, at) * 8);
  }
  const { facts } = memoryCapture();
  const at = (place: number): bigint => readU64(memory, place);
  const control = {
    ...{ cr0: 0x8000_0011n, cr2: 0n, cr3: at(REGISTERS.cr3), cr4: at(REGISTERS.cr4), cr8: 0n },
    efer: at(REGISTERS.efer),
  };
  const general = {
    ...(facts.general as GeneralRegisters),
    ...{ rip: at(REGISTERS.rip), rsp: at(REGISTERS.rsp), rbp: at(REGISTERS.rbp) },
  };
  const selectors = { cs: 16n, ss: 24n, ds: 0n, es: 0n, fs: 0n, gs: 0n, fs_base: 0n, gs_base: at(REGISTERS.gs) };
  const descriptors = facts.descriptors && {
    ...facts.descriptors,
    ...{ idt_base: at(REGISTERS.idt), idt_limit: 0xfffn, cpl: at(REGISTERS.cpl) & 3n },
  };
  const msrs = [{ index: 0xc0000082, errno: 0, value: at(REGISTERS.lstar) }];
  const hostile = { ...facts, ...{ general, control, segments: selectors, descriptors, msrs } };
  return { memory, facts: hostile, context: { control, physicalBits: 40 } };
};

/** A VMM of which one mapping is the guest's memory; KVM translates as the tables say. */
const portOf = ({ memory, context }: HostileGuest): MemoryPort => ({
  mappings: async () => answer([{ start: 0n, end: BigInt(memory.length) }]),
  readHost: async (address, count) => memory.slice(Number(address), Number(address) + count),
  translate: async (all) =>
    all.map((linear) => {
      const found = walked(context, memory, linear);
      return { valid: found.ok, physical: found.ok ? found.physical : 0n };
    }),
  writeHost: async (address, before, after) => {
    const at = Number(address);
    if (before.some((byte, index) => byte !== memory[at + index])) return refuse('memory-changed', 'it is another now');
    memory.set(after, at);
    return answer(memory.slice(at, at + after.length));
  },
});

const proved = ({ facts, context }: HostileGuest, port: MemoryPort): Promise<Answer<GuestMemory>> => {
  const { general, segments } = facts;
  return openMemory(context, port, [general?.rip ?? 0n, general?.rsp ?? 0n, 0n, segments?.gs_base ?? 0n]);
};

const wordOfAnswer = <T>(read: Answer<T>): string =>
  read.ok ? 'yes' : `${read.refusal.code} ${read.refusal.what.replaceAll(/[0-9]+/g, '#')}`;

const KERNEL_SYMBOLS = symbolTable(
  (
    [
      ['_text', 0xffff_ffff_8100_0000n],
      ['current_task', 0x40n],
      ['asm_exc_divide_error', 0xffff_ffff_8100_1000n],
      ['asm_exc_debug', 0xffff_ffff_8100_2000n],
      ['asm_exc_nmi', 0xffff_ffff_8100_3000n],
    ] as const
  ).map(([name, address]) => ({ name, address, bytes: 8n, rank: 0 })),
);
const KERNEL = { path: 'vmlinux', table: KERNEL_SYMBOLS, base: 0xffff_ffff_8100_0000n };
const KERNEL_BTF = readBtfFile(partsOf(smallBtf()));

const who: FuzzTarget = {
  name: 'who: tasks and calls of a guest',
  seeds: () => [smallGuest(), smallGuest({ cpl: 3n })],
  run: async (bytes) => {
    const guest = hostileGuest(bytes);
    const memory = await proved(guest, portOf(guest));
    if (!memory.ok) return wordOfAnswer(memory);
    assert(KERNEL_BTF.ok, 'the sample is no BTF');
    const placed = await placeSymbols(KERNEL, null, memory.value, guest.facts);
    const task = await currentTask(memory.value, guest.facts, KERNEL_SYMBOLS, KERNEL_BTF.value);
    const { frames, end } = await callStack(memory.value, guest.facts);
    assert(frames.length <= 256, 'more calls than are followed');
    const found = task.task === null ? task.why : 'a task';
    return `${wordOfAnswer(placed)}; ${found.replaceAll(/[0-9]+/g, '#')}; ${Math.min(frames.length, 4)} ${end}`;
  },
};

/** Never a byte beside those that were asked for, and none after a refusal. */
const memoryWrites: FuzzTarget = {
  name: 'mem --write into a guest',
  seeds: () => [smallGuest(), smallGuest({ isPhysical: 1n }), smallGuest({ isTwice: 1n })],
  run: async (bytes) => {
    const guest = hostileGuest(bytes);
    const memory = await proved(guest, portOf(guest));
    if (!memory.ok) return wordOfAnswer(memory);
    const then = guest.memory.slice();
    const isPhysical = (readU8(guest.memory, REGISTERS.isPhysical) & 1) === 1;
    const request = (address: number, count: number, mask: number) => ({
      ...{ address: readU64(guest.memory, address), isPhysical },
      bytes: Uint8Array.from({ length: 1 + readU8(guest.memory, count) }, (_, at) => at ^ mask),
    });
    const requests = [
      request(REGISTERS.address, REGISTERS.count, 0x5a),
      request(REGISTERS.address2, REGISTERS.count2, 0xa5),
    ].slice(0, 1 + (readU8(guest.memory, REGISTERS.isPhysical) >> 7));
    const count = requests.reduce((sum, one) => sum + one.bytes.length, 0);
    const written = await writeGuestMemory(memory.value, requests, async () => answer(null));
    const patches = written.ok ? written.value.patches : [];
    const asked = patches.reduce((sum, { after }) => sum + after.length, 0);
    assert(asked === (written.ok ? count : 0), 'other bytes than were asked for');
    const expected = then.slice();
    for (const { physical, after } of patches) expected.set(after, Number(physical));
    assert(Buffer.compare(guest.memory, expected) === 0, 'a byte was written that was not asked for');
    if (!written.ok) return wordOfAnswer(written);
    const back = await putMemoryBack(memory.value, patches);
    if (back.ok) assert(Buffer.compare(guest.memory, then) === 0, 'what was put back is not what stood there');
    return `written in ${patches.length}, back: ${wordOfAnswer(back)}`;
  },
};

const memoryFiles: FuzzTarget = {
  name: 'memory beside a snapshot',
  seeds: () => [smallGuest(), smallGuest({ isPhysical: 1n })],
  run: async (bytes) => {
    const { memory, facts, context } = hostileGuest(bytes);
    const read = (at: number, count: number): Uint8Array => memory.slice(at, at + count);
    const file = await openMemoryFile(memory.length, read, context, facts.general?.rip ?? 0n);
    if (!file.ok) return wordOfAnswer(file);
    const address = readU64(memory, REGISTERS.address);
    const count = 1 + 64 * readU8(memory, REGISTERS.count);
    const found = [await file.value.readLinear(address, count), await file.value.readPhysical(address, count)];
    for (const one of found) if (one.ok) assert(one.value.bytes.length === count, 'other bytes than were asked for');
    return found.map(wordOfAnswer).join('; ');
  },
};

export const GUEST_TARGETS: readonly FuzzTarget[] = [
  ...[symbols, btf, elfCores, pageTables, who, memoryWrites, memoryFiles],
];
