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

const PLAYED: readonly Played[] = [
  { pid: 48213, name: 'amx-infer', capture: sampleAmxCapture },
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
  return { rip: '0x401047', who, lines, uses: [], tile: null, tileConfig: null, translations: 41 };
};

/** Bytes by their address alone; the second half of the second page is not mapped. */
const memoryView = ({ address, stride, rows, rowBytes, isPhysical }: MemoryRequest): MemoryView => {
  const base = /^(0x)?[0-9a-f]+$/i.test(address) ? BigInt(address) : 0x7ffe_1fdc_0f80n;
  const step = BigInt(stride === '' ? rowBytes : stride);
  const shown = (value: bigint): string => `0x${value.toString(16)}`;
  return {
    address: shown(base),
    stride: shown(step),
    rows: Array.from({ length: rows }, (_, row) => {
      const start = base + BigInt(row) * step;
      const isMapped = row < rows - 2 || isPhysical;
      const bytes = Array.from({ length: isMapped ? rowBytes : 4 }, (_, at) =>
        Number(((start + BigInt(at)) * 2_654_435_761n) & 0xffn),
      );
      const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
      return { address: shown(start), hex, why: isMapped ? null : 'its entry in the page table is not present' };
    }),
    pages: isPhysical
      ? []
      : [0n, 0x1000n].map((offset) => ({
          linear: shown((base & ~0xfffn) + offset),
          physical: offset === 0n ? '0x10a3d2000' : null,
          pageBytes: 4096,
          rights: 'user read write',
          flags: 'A D',
          why: offset === 0n ? null : 'its entry in the page table is not present',
        })),
    translations: 41,
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
    readMemory: (id: string, request: MemoryRequest) => of(id, async () => yes(memoryView(request))),
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
