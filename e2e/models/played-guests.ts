import type { Page, WebSocketRoute } from 'playwright/test';
import type {
  Answer,
  BridgeVerb,
  CallsView,
  CodeView,
  DriveAct,
  MemoryRequest,
  MemoryView,
  Opened,
  Orphan,
  TargetSummary,
} from '../../app/bridge.ts';
import type { Capture, GeneralRegisters } from '../../app/capture/capture.ts';
import type { Clock } from '../../app/debug/clock.ts';
import { driveResult } from '../../app/debug/drive-result.ts';
import { createMachines } from '../../app/debug/machine.ts';
import { machineVerbs } from '../../app/debug/machine-verbs.ts';
import { modelRunControl } from '../../app/debug/model-run-control.ts';
import { createSession, type Session } from '../../app/debug/session.ts';
import { fakeTarget } from '../../app/debug/testing/fake-target.ts';
import { memoryJournal } from '../../app/debug/testing/memory-journal.ts';
import { sampleAmxCapture, sampleCapture } from '../../app/fixtures/samples.ts';
import type { LoopStop } from '../../app/fixtures/traced-loop.ts';
import { GENERAL_NAMES } from '../../app/register/registers.ts';
import { encodeCapture } from '../../app/session/document.ts';
import { ROW_STRIDE_BYTES, TILE_STRIDE_BYTES } from '../../app/tile/geometry.ts';
import { BIT } from '../../app/xsave/components.ts';
import { viewComponent } from '../../app/xsave/view.ts';
import { loopView } from './played-loop.ts';

/**
 * Live guests that are played in the test's own process, in the place of the host's answers about them: what the page shows of a live
 * vCPU is seen on machines without /dev/kvm too. Sessions are the host's own code over a vCPU in memory; whatever is not about
 * a played guest goes to the host as it is.
 */

interface Played {
  readonly pid: number;
  readonly name: string;
  readonly capture: () => Capture;
  /** It goes through these states, one a step, and its code is theirs; not there: it executes CODE. */
  readonly states?: readonly LoopStop[];
}

/** Where tmm4 is loaded from: its first eight rows end one page, the others begin the next. */
const TILE_AT = { tile: 4, base: 0x7f3a_5c1f_dc40n, stride: 128n, rows: 16, colsb: 64, startRow: 8 } as const;

const [CONFIG_AT, DATA_AT] = [2752, 2816];

/** A load of tmm4 that faulted in the middle: TILECFG.start_row says where it goes on. */
const loadingCapture = (): Capture => {
  const capture = sampleAmxCapture();
  const bytes = capture.image.bytes.slice();
  const { tile, rows, colsb, startRow } = TILE_AT;
  bytes[CONFIG_AT + 1] = startRow;
  bytes[CONFIG_AT + 16 + 2 * tile] = colsb;
  bytes[CONFIG_AT + 48 + tile] = rows;
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < colsb; column += 1) {
      const value = Math.round(30 * Math.sin(row / 2.5 + column / 7) * Math.cos(column / 5 - row / 6));
      bytes[DATA_AT + tile * TILE_STRIDE_BYTES + row * ROW_STRIDE_BYTES + column] = value & 0xff;
    }
  }
  return { ...capture, image: { ...capture.image, bytes } };
};

const PLAYED: readonly Played[] = [
  { pid: 48213, name: 'amx-infer', capture: loadingCapture },
  { pid: 48377, name: 'debian-12', capture: sampleCapture },
];

const START_TICKS = '918273';
const STILL: Clock = { sleep: async () => undefined, after: () => () => undefined };

const summaryOf = ({ pid, name }: Played): TargetSummary => ({
  ...{ pid, name, vmm: 'QEMU', executable: '/usr/bin/qemu-system-x86_64', user: 'root', runningMs: 8_040_000 },
  ...{ startTimeTicks: START_TICKS, vcpusLeftOut: 0, attachable: true, reason: null, remedy: null },
  vcpus: [0, 1].map((index) => ({ index, vmmNumber: index, tid: pid + 7 + index, fd: 20 + index, seccomp: 'none' })),
});

const yes = <T>(value: T): Answer<T> => ({ ok: true, value });

/** The address of gemm_s8, and of its instruction that a played guest stands before at first. */
const FUNCTION = 0x401000;
const FIRST = 0x40102a;
/** Offset in the function, bytes, text, what is read, what is written. */
const CODE = [
  [0x11, 'c4 e2 7b 49 c0', 'tilezero tmm0', [], ['tmm0']],
  [0x16, 'c4 e2 7b 49 c8', 'tilezero tmm1', [], ['tmm1']],
  [0x1b, 'c4 e2 7b 49 d0', 'tilezero tmm2', [], ['tmm2']],
  [0x20, 'c4 e2 7b 49 d8', 'tilezero tmm3', [], ['tmm3']],
  [0x25, 'b9 02 00 00 00', 'mov ecx,0x2', [], ['ecx']],
  [0x2a, 'c4 a2 7b 4b 24 16', 'tileloadd tmm4,[rsi+r10*1]', ['rsi', 'r10'], ['tmm4']],
  [0x30, 'c4 a2 7b 4b ac 16 00 08 00 00', 'tileloadd tmm5,[rsi+r10*1+0x800]', ['rsi', 'r10'], ['tmm5']],
  [0x3a, 'c4 82 7b 4b 34 01', 'tileloadd tmm6,[r9+r8*1]', ['r9', 'r8'], ['tmm6']],
  [0x40, 'c4 82 7b 4b 7c 01 40', 'tileloadd tmm7,[r9+r8*1+0x40]', ['r9', 'r8'], ['tmm7']],
  [0x47, 'c4 e2 4b 5e c4', 'tdpbssd tmm0,tmm4,tmm6', ['tmm0', 'tmm4', 'tmm6'], ['tmm0']],
  [0x4c, 'c4 e2 43 5e cc', 'tdpbssd tmm1,tmm4,tmm7', ['tmm1', 'tmm4', 'tmm7'], ['tmm1']],
  [0x51, 'c4 e2 4b 5e d5', 'tdpbssd tmm2,tmm5,tmm6', ['tmm2', 'tmm5', 'tmm6'], ['tmm2']],
  [0x56, 'c4 e2 43 5e dd', 'tdpbssd tmm3,tmm5,tmm7', ['tmm3', 'tmm5', 'tmm7'], ['tmm3']],
  [0x5b, '48 83 c6 40', 'add rsi,0x40', ['rsi'], ['rsi', 'rflags']],
  [0x5f, '49 81 c1 c0 05 00 00', 'add r9,0x5c0', ['r9'], ['r9', 'rflags']],
  [0x66, 'ff c9', 'dec ecx', ['ecx'], ['ecx', 'rflags']],
  [0x68, '75 c0', 'jne gemm_s8+0x2a', ['rflags'], []],
  [0x6a, '48 89 d7', 'mov rdi,rdx', ['rdx'], ['rdi']],
  [0x6d, 'c4 a2 7a 4b 04 07', 'tilestored [rdi+r8*1],tmm0', ['rdi', 'r8', 'tmm0'], []],
  [0x73, 'c4 a2 7a 4b 4c 07 40', 'tilestored [rdi+r8*1+0x40],tmm1', ['rdi', 'r8', 'tmm1'], []],
  [0x7a, 'c4 e2 78 49 c0', 'tilerelease', [], ['tmm0']],
  [0x7f, 'c3', 'ret', ['rsp'], ['rsp']],
] as const;
/** Registers of the loop's first pass. */
const PLACE = { rip: BigInt(FIRST), rsi: 0x7f3a_5c1f_dc40n, r9: 0x7f3a_5c20_35c0n, r10: 0x80n, r8: 0x5cn, rcx: 2n };
const ADDRESSES = CODE.map(([offset]) => FUNCTION + offset);

/** One instruction of the played program: the loop goes round without an end. */
const stepped = (general: GeneralRegisters): GeneralRegisters => {
  const at = ADDRESSES.indexOf(Number(general.rip));
  const text = CODE[at]?.[2] ?? '';
  const isLast = text.startsWith('jne');
  const rip = BigInt(isLast ? FIRST : (ADDRESSES[at + 1] ?? FIRST));
  const moved = text.startsWith('add rsi') ? { rsi: general.rsi + 0x40n } : {};
  return { ...general, ...moved, rax: general.rax + 1n, rip };
};

/** Code from an address on, from RIP where none is named; it is the same wherever one looks. */
const codeView = (general: GeneralRegisters | null, from: string): CodeView => {
  const rip = general?.rip ?? 0n;
  const start = from === '' ? rip : BigInt(from);
  const lines = CODE.flatMap(([offset, bytes, text, reads, writes], at) => {
    const address = BigInt(ADDRESSES[at] ?? 0);
    const line = { address: `0x${address.toString(16)}`, bytes, text, next: address === rip, target: null };
    return address < start ? [] : [{ ...line, symbol: `gemm_s8+0x${offset.toString(16)}`, reads, writes }];
  });
  const who = '64-bit code, CPL 3 (user), CR3 0x10a3d2000';
  const { tile, base, stride, rows, colsb, startRow } = TILE_AT;
  const move = {
    ...{ tile, rows, colsb, startRow, stores: false, faultRow: null, why: null, pages: [] },
    ...{ base: shown(base), stride: stride.toString() },
  };
  const at = `0x${rip.toString(16)}`;
  return {
    rip: at,
    who,
    lines,
    uses: [],
    tile: rip === BigInt(FIRST) ? move : null,
    ...{ tileConfig: null, area: null },
    translations: 41,
  };
};

const PAGE = 4096n;
const pageOf = (address: bigint): bigint => address - (address % PAGE);
const shown = (value: bigint): string => `0x${value.toString(16)}`;

/** The stack, which ends with its page, and the two pages of the tile. */
const MAPPED = new Map<bigint, bigint>([
  [0x7ffe_1fdc_0000n, 0x1_0a3d_2000n],
  [pageOf(TILE_AT.base), 0x1_0a3d_6000n],
  [pageOf(TILE_AT.base) + PAGE, 0x9c41_b000n],
]);
const NOT_PRESENT = 'no page is mapped there: its entry in the page table is not present';

const entries = (linear: bigint, physical: bigint | undefined): MemoryView['pages'][number]['walk'] =>
  (['PML4', 'PDPT', 'PD', 'PT'] as const).map((table, at) => ({
    table,
    index: Number((linear >> BigInt(39 - 9 * at)) & 0x1ffn),
    entry:
      at < 3
        ? shown(0x1_0a3d_3067n + 0x1000n * BigInt(at))
        : physical === undefined
          ? '0x0'
          : shown(physical | 0x8000_0000_0000_0067n),
  }));

/** What the tile holds is what memory has in the rows that end the first page; in the others it has what is loaded next. */
const byteAt = (address: bigint, tile: Uint8Array | null): number => {
  const offset = address - TILE_AT.base;
  const [row, column] = [Number(offset / TILE_AT.stride), Number(offset % TILE_AT.stride)];
  if (tile !== null && offset >= 0n && row < TILE_AT.rows && column < TILE_AT.colsb) {
    const held = tile[row * 64 + column] ?? 0;
    return row < 8 ? held : (held + 3 * ((row * column) % 5)) & 0xff;
  }
  return Number((address * 2_654_435_761n) & 0xffn);
};

const memoryView = ({ address, stride, rows, rowBytes, isPhysical }: MemoryRequest, { image }: Capture): MemoryView => {
  const base = /^(0x)?[0-9a-f]+$/i.test(address) ? BigInt(address) : 0x7ffe_1fdc_0f00n;
  const step = BigInt(stride === '' ? rowBytes : stride);
  const data = viewComponent(image, BIT.XTILEDATA);
  const tile =
    data.state === 'inUse'
      ? data.bytes.subarray(TILE_AT.tile * TILE_STRIDE_BYTES, (TILE_AT.tile + 1) * TILE_STRIDE_BYTES)
      : null;
  const isMapped = (at: bigint): boolean => isPhysical || MAPPED.has(pageOf(at));
  const pages = new Set<bigint>();
  const read = Array.from({ length: rows }, (_, row) => {
    const start = base + BigInt(row) * step;
    for (const at of [start, start + BigInt(rowBytes - 1)]) pages.add(pageOf(at));
    const bytes: string[] = [];
    for (let at = start; at < start + BigInt(rowBytes) && isMapped(at); at += 1n) {
      bytes.push(byteAt(at, tile).toString(16).padStart(2, '0'));
    }
    return { address: shown(start), hex: bytes.join(''), why: bytes.length === rowBytes ? null : NOT_PRESENT };
  });
  return {
    ...{ address: shown(base), stride: step.toString(), rows: read, translations: 41, isPhysical },
    pages: isPhysical
      ? []
      : [...pages].map((linear) => {
          const physical = MAPPED.get(linear);
          const walk = entries(linear, physical);
          return physical === undefined
            ? {
                linear: shown(linear),
                physical: null,
                pageBytes: null,
                rights: '',
                flags: '',
                key: null,
                walk,
                why: NOT_PRESENT,
              }
            : {
                ...{ linear: shown(linear), physical: shown(physical), pageBytes: 4096, rights: 'user read write' },
                ...{ flags: 'A D', key: 0, walk, why: null },
              };
        }),
  };
};

const CALLS: CallsView = {
  ...{ who: '64-bit code, CPL 3 (user), page tables at 0x10a3d2000', task: 'amx-gemm, pid 812' },
  ...{ taskBy: 'by __per_cpu_offset and its APIC id', taskWhy: null, entry: null },
  frames: [
    ['0x40104c', 'gemm_s8+0x4c', '0x7ffe1c2b3ff0'],
    ['0x402217', 'layer_forward+0x1a7', '0x7ffe1c2b4080'],
    ['0x40269e', 'net_run+0x5e', '0x7ffe1c2b4100'],
    ['0x4012e3', 'main+0xd3', '0x7ffe1c2b4180'],
    ['0x7f3a5c629e40', '__libc_start_main+0x80', null],
  ].map(([address, symbol, framePointer]) => ({
    ...{ address: address ?? '', symbol: symbol ?? null, framePointer: framePointer ?? null },
  })),
  ...{ end: 'RBP is no frame pointer there', by: 'frame pointers', translations: 41 },
};

type Play = (...args: never[]) => unknown;

/** What a Tilescope that died has left, as the first screen finds it. */
const ORPHAN: Orphan = {
  ...{ id: 'played', vmm: 'QEMU', name: 'debian-12', executable: '/usr/bin/qemu-system-x86_64', pid: 48377, vcpu: 0 },
  ...{ keptSinceMs: 1_780_000_000_000, state: 'there', why: null },
};

/**
 * @param page before it is opened
 * @param orphan one of the guests was left with written edits
 * @param guests those that run
 */
export const playGuests = async (page: Page, orphan = false, guests = PLAYED): Promise<void> => {
  const machines = createMachines(STILL);
  const ofAll = machineVerbs(machines);
  const about = (id: string, { target }: Session): Omit<Opened, 'capture'> => ({
    ...{ session: id, kind: 'live', vcpus: [0, 1], vcpu: target.identity.vcpu, canWrite: true },
    run: target.run,
    verdicts: [{ call: 'KVM_SET_XSAVE', number: '0x5000aea5', action: 0x7fff0000, verdict: 'allowed' }],
  });
  const of = async <T>(id: string, use: (session: Session) => Promise<Answer<T>>): Promise<Answer<T> | null> => {
    const session = machines.session(id);
    return session === undefined ? null : use(session);
  };
  const captured = (id: string, verb: 'capture' | 'freeze') =>
    of(id, async (session) => {
      const capture = await session[verb]();
      return capture.ok ? yes(encodeCapture(capture.value)) : capture;
    });

  /** Null: it is not about a played guest. */
  const plays: Partial<Record<BridgeVerb, Play>> = {
    listTargets: () => yes({ targets: guests.map(summaryOf), skippedCount: 0 }),
    attach: async (pid: number, _ticks: string, vcpu: number, freeze: boolean) => {
      const played = guests.find((one) => one.pid === pid);
      if (played === undefined) return null;
      const capture = played.capture();
      const { facts } = capture;
      const identity = { ...facts.target, kind: 'live', vmm: 'QEMU', name: played.name, pid, vcpu } as const;
      const zeros = Object.fromEntries(GENERAL_NAMES.map((register) => [register, 0n])) as unknown as GeneralRegisters;
      const { states = null } = played;
      const general = { ...(facts.general ?? zeros), ...(states === null ? PLACE : {}) };
      const target = fakeTarget({ ...capture, facts: { ...facts, general, target: identity, inKvmRun: true } });
      let made = 0;
      const step = (): boolean => {
        const now = target.state.facts.general;
        if (now === null) return false;
        made += 1;
        const { image, facts: there } = states?.[made]?.capture ?? target.state;
        const next = states === null ? stepped(now) : there.general;
        target.state = { image, facts: { ...target.state.facts, general: next } };
        return true;
      };
      const standing = (): Capture => ({ ...target.state, facts: { ...target.state.facts, frozen: true } });
      Object.assign(target, {
        runControl: modelRunControl({ step, capture: standing, code: () => states?.[made]?.code ?? null }),
      });
      if (freeze) await target.freeze();
      const first = await target.capture();
      if (!first.ok) return first;
      const id = `${pid}`.padEnd(31, '0') + String(vcpu);
      const session = createSession(id, target, first.value, { clock: STILL, journal: memoryJournal() });
      machines.add(session);
      return yes({ ...about(id, session), capture: encodeCapture(first.value) });
    },
    capture: (id: string) => captured(id, 'capture'),
    look: (id: string) =>
      of(id, async (session) => {
        const now = await session.capture();
        return now.ok ? yes({ number: 1, whole: encodeCapture(now.value) }) : now;
      }),
    freeze: (id: string) => captured(id, 'freeze'),
    resume: (id: string) =>
      of(id, async (session) => {
        const resumed = await session.resume();
        return resumed.ok ? yes(null) : resumed;
      }),
    freezeAll: async (id: string) => (machines.session(id) === undefined ? null : ofAll.freezeAll(id)),
    resumeAll: async (id: string) => (machines.session(id) === undefined ? null : ofAll.resumeAll(id)),
    holdOthers: async (id: string) => (machines.session(id) === undefined ? null : ofAll.holdOthers(id)),
    letOthersGo: async (id: string) => (machines.session(id) === undefined ? null : ofAll.letOthersGo(id)),
    drive: (id: string, act: DriveAct) =>
      of(id, async (session) => {
        const driven = await session.driveAct(act, async () => ({ decode: () => null }));
        return driven.ok ? yes({ number: 1, whole: driveResult(driven.value, 'Tilescope 0.1.0') }) : driven;
      }),
    orphans: () => yes(orphan ? [ORPHAN] : []),
    compareOrphan: (id: string) => {
      if (id !== ORPHAN.id) return null;
      const kept = sampleCapture();
      const bytes = kept.image.bytes.slice();
      // zmm3's lowest lanes are in the legacy region.
      bytes.fill(0x41, 160 + 3 * 16, 160 + 4 * 16);
      const now = { ...kept, image: { ...kept.image, bytes } };
      return yes({ kept: encodeCapture(kept), now: encodeCapture(now), general: ['rbx'] });
    },
    readCalls: (id: string) => of(id, async () => yes(CALLS)),
    readCode: (id: string, from: string) =>
      of(id, async ({ target }) => {
        const now = await target.capture();
        if (!now.ok) return now;
        const { general, target: about } = now.value.facts;
        const states = guests.find(({ pid }) => pid === about.pid)?.states;
        return yes(states === undefined ? codeView(general, from) : loopView(states, general?.rip ?? 0n));
      }),
    readMemory: (id: string, request: MemoryRequest) =>
      of(id, async ({ attached }) => yes(memoryView(request, attached))),
    detach: (id: string, restoreFirst: boolean) =>
      of(id, async (session) => {
        const detached = await session.detach(restoreFirst);
        if (detached.ok) machines.remove(id);
        return detached;
      }),
  };

  await page.routeWebSocket(/\/bridge$/, (ws: WebSocketRoute) => {
    const host = ws.connectToServer();
    ws.onMessage((message) => {
      const { id, verb, args } = JSON.parse(String(message)) as { id: number; verb: BridgeVerb; args: never[] };
      const play = plays[verb];
      if (play === undefined) {
        host.send(message);
        return;
      }
      void Promise.resolve(play(...args)).then((answer) => {
        if (answer === null) host.send(message);
        else ws.send(JSON.stringify({ id, answer }));
      });
    });
  });
};
