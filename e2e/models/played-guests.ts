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
import type { Capture } from '../../app/capture/capture.ts';
import type { Clock } from '../../app/debug/clock.ts';
import { driveResult } from '../../app/debug/drive-result.ts';
import { createMachines } from '../../app/debug/machine.ts';
import { machineVerbs } from '../../app/debug/machine-verbs.ts';
import { createSession, type Session } from '../../app/debug/session.ts';
import { fakeRunControl } from '../../app/debug/testing/fake-run-control.ts';
import { fakeTarget } from '../../app/debug/testing/fake-target.ts';
import { memoryJournal } from '../../app/debug/testing/memory-journal.ts';
import { sampleAmxCapture, sampleCapture } from '../../app/fixtures/samples.ts';
import { encodeCapture } from '../../app/session/document.ts';
import { ROW_STRIDE_BYTES, TILE_STRIDE_BYTES } from '../../app/tile/geometry.ts';
import { BIT } from '../../app/xsave/components.ts';
import { viewComponent } from '../../app/xsave/view.ts';

/**
 * Live guests that are played in the test's own process, in the place of the host's answers about them: what the page shows of a live
 * vCPU is seen on machines without /dev/kvm too. Sessions are the host's own code over a vCPU in memory; whatever is not about
 * a played guest goes to the host as it is.
 */

interface Played {
  readonly pid: number;
  readonly name: string;
  readonly capture: () => Capture;
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

const CODE = [
  ['c4 e2 7b 4b 24 06', 'tileloadd tmm4,[rsi+rax*1]', 'gemm_s8+0x47', ['rsi', 'rax'], ['tmm4']],
  ['c4 e2 4b 5e c4', 'tdpbssd tmm0,tmm4,tmm6', 'gemm_s8+0x4d', ['tmm0', 'tmm4', 'tmm6'], ['tmm0']],
  ['48 83 c6 40', 'add rsi,0x40', 'gemm_s8+0x52', ['rsi'], ['rsi', 'rflags']],
  ['ff c9', 'dec ecx', 'gemm_s8+0x56', ['ecx'], ['ecx', 'rflags']],
  ['75 ed', 'jne 0x401047', 'gemm_s8+0x58', ['rflags'], []],
] as const;

const codeView = (): CodeView => {
  let address = 0x401047;
  const lines = CODE.map(([bytes, text, symbol, reads, writes], at) => {
    const line = { address: `0x${address.toString(16)}`, bytes, text, next: at === 0, symbol, target: null };
    address += bytes.split(' ').length;
    return { ...line, reads, writes };
  });
  const who = '64-bit code, CPL 3 (user), CR3 0x10a3d2000';
  const { tile, base, stride, rows, colsb, startRow } = TILE_AT;
  const move = {
    ...{ tile, rows, colsb, startRow, stores: false, faultRow: null, why: null, pages: [] },
    ...{ base: shown(base), stride: stride.toString() },
  };
  return { rip: '0x401047', who, lines, uses: [], tile: move, tileConfig: null, translations: 41 };
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
    ...{ address: shown(base), stride: step.toString(), rows: read, translations: 41 },
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
  ...{ taskBy: 'by __per_cpu_offset and its APIC id', taskWhy: null },
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
 */
export const playGuests = async (page: Page, orphan = false): Promise<void> => {
  const machines = createMachines(STILL);
  const ofAll = machineVerbs(machines);
  const about = (id: string, { target }: Session): Omit<Opened, 'capture'> => ({
    ...{ session: id, kind: 'live', vcpus: [0, 1], vcpu: target.identity.vcpu, canWrite: true },
    run: target.run,
    verdicts: [{ call: 'KVM_SET_XSAVE', number: '0x5000aea5', verdict: 'allowed' }],
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
    listTargets: () => yes({ targets: PLAYED.map(summaryOf), skippedCount: 0 }),
    attach: async (pid: number, _ticks: string, vcpu: number, freeze: boolean) => {
      const played = PLAYED.find((one) => one.pid === pid);
      if (played === undefined) return null;
      const capture = played.capture();
      const { facts } = capture;
      const identity = { ...facts.target, kind: 'live', vmm: 'QEMU', name: played.name, pid, vcpu } as const;
      const target = fakeTarget({ ...capture, facts: { ...facts, target: identity, inKvmRun: true } });
      Object.assign(target, { runControl: fakeRunControl(target) });
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
    readCode: (id: string) => of(id, async () => yes(codeView())),
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
