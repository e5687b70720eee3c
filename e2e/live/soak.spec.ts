import { expect, test } from 'playwright/test';
import type { Applied, Assignment, CaptureDocument, Opened, RestoreScope } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { captureAfter, type StagedWrite, stageAssignments } from '../../app/edit/assign.ts';
import { stageRestore } from '../../app/edit/restore.ts';
import { componentBytesOrInit } from '../../app/xsave/view.ts';
import { BridgeClient } from '../models/bridge.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { captureOf, type Meaning, meaningOfImage } from '../models/meaning.ts';
import { type Random, randomFrom } from '../models/random.ts';
import { WebHost } from '../models/tilescope.ts';

const TRANSACTIONS = 2_000;
/** Beside SOAK_SEED, of the environment, which takes the place of the clock's. Seeds that failed once stand in FAILED_SEEDS. */
const FAILED_SEEDS: readonly number[] = [91_435_584, 93_317_088, 96_414_088];

/**
 * General registers that the guest's loop leaves alone: it counts at RDI, without a stack, with interrupts off. RIP and
 * RFLAGS are its progress.
 */
const LASTING = [
  ...(['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rsp', 'rbp'] as const),
  ...(['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const),
] as const;

/** The image by what it means, and the general registers that last. */
const stateOf = ({ image, facts }: Capture): Meaning => ({
  ...meaningOfImage(image),
  ...Object.fromEntries(LASTING.map((name) => [name, (facts.general?.[name] ?? -1n).toString(16)])),
});

/**
 * x87 in its initial state but for FCW. Some CPUs save that as init once the guest has run, and FCW is 037FH again, whoever
 * wrote it: nothing that a debugger could keep from happening. (Seen with KVM of Linux 6.18, nested, on an AMD EPYC.)
 */
const onlyFcwIsSet = ({ image }: Capture): boolean => {
  const x87 = componentBytesOrInit(image, 0);
  const rest = x87.filter((_, at) => at > 1 && (at < 24 || at > 31));
  return rest.every((byte) => byte === 0) && !(x87[0] === 0x7f && x87[1] === 0x03);
};

const hex = (random: Random, bytes: number): string =>
  `0x${Array.from({ length: bytes }, () => random.below(256).toString(16).padStart(2, '0')).join('')}`;

/** Paths that this CPU has, with a value each: whole registers, elements, fields, over every component. */
const anAssignment = (random: Random, registers: number): Assignment => {
  const index = random.below(registers);
  const wide = registers === 32 ? 'zmm' : 'ymm';
  const made: Assignment[] = [
    { path: `${wide}${index}`, value: hex(random, registers === 32 ? 64 : 32) },
    { path: `${wide}${index}:u32[${random.below(registers === 32 ? 16 : 8)}]`, value: String(random.below(2 ** 32)) },
    { path: `${wide}${index}:f64[${random.below(registers === 32 ? 8 : 4)}]`, value: String(random.below(1000) / 8) },
    { path: `xmm${random.below(16)}:i16[${random.below(8)}]`, value: String(random.below(65_536) - 32_768) },
    { path: `st${random.below(8)}:f80`, value: String(random.below(1000) / 16) },
    { path: 'mxcsr', value: random.pick(['0x1f80', '0x1fa0', '0x3f80', '0x7f80', '0x1f81']) },
    // Bit 6 of FCW is reserved and reads 1 once a CPU has loaded it (Intel SDM vol. 1, 8.1.5): a value without it does not last.
    { path: 'fcw', value: random.pick(['0x37f', '0x27f', '0xf7f']) },
    ...(registers === 32 ? [{ path: `k${random.below(8)}`, value: hex(random, 8) }] : []),
  ];
  return random.pick(made);
};

const aGeneralAssignment = (random: Random): Assignment => ({
  path: random.pick(LASTING),
  value: random.pick([hex(random, 8), hex(random, 1), '0', '18446744073709551615']),
});

interface Done {
  readonly over: Capture;
  readonly after: Capture;
  readonly general: StagedWrite['generalNames'];
  /** After it everything was as at attach. */
  readonly endsAll: boolean;
}

/** What the vCPU should hold, by app/ alone; a stack of states for undo and redo. */
class Model {
  now: Capture;
  readonly #first: Capture;
  #done: Done[] = [];
  #standing = 0;
  /** General registers that were written at all: what a restore of everything at a stop writes. */
  readonly #everWritten = new Set<string>();

  constructor(first: Capture) {
    this.now = first;
    this.#first = first;
  }
  get canUndo(): boolean {
    return this.#standing > 0;
  }
  get canRedo(): boolean {
    return this.#standing < this.#done.length;
  }
  #write(staged: ReturnType<typeof stageAssignments>): void {
    if (!staged.ok) throw new Error(JSON.stringify(staged.problem));
    const { generalNames: general, writtenBytes, changes } = staged.value;
    const after = captureAfter(this.now, staged.value);
    if (writtenBytes > 0 || changes.some(({ before, after: now }) => before !== now)) {
      this.#done = [...this.#done.slice(0, this.#standing), { over: this.now, after, general, endsAll: false }];
      this.#standing = this.#done.length;
    }
    for (const name of general) this.#everWritten.add(name);
    this.now = after;
  }
  /** What a restore of everything at attach writes: what the writes that stand have written since the last such one. */
  #standingGeneral(): readonly string[] {
    const steps = this.#done.slice(0, this.#standing);
    return steps.slice(steps.findLastIndex(({ endsAll }) => endsAll) + 1).flatMap(({ general }) => general);
  }
  apply(assignments: readonly Assignment[]): void {
    this.#write(stageAssignments(this.now, assignments));
  }
  /** null: as it was found at attach. */
  restore(scope: RestoreScope, then: Capture | null): void {
    const general = then === null ? this.#standingGeneral() : [...this.#everWritten];
    this.#write(stageRestore(this.now, then ?? this.#first, scope, general));
    const last = this.#done[this.#standing - 1];
    if (scope.kind === 'all' && then === null && last !== undefined) {
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

/** Which parts are restored, and from when. */
const aScope = (random: Random, first: Capture): RestoreScope =>
  random.pick<RestoreScope>([
    { kind: 'all' },
    { kind: 'components', bits: [random.pick(first.image.layout.components).bit] },
    { kind: 'paths', paths: [random.pick(LASTING), `xmm${random.below(16)}`, 'mxcsr'] },
  ]);

test.describe('transactions without end', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  const soak = async (random: Random): Promise<void> => {
    const guest = await Guest.start({ name: 'soak' });
    const host = await WebHost.start();
    const bridge = await BridgeClient.open(host.url);
    try {
      const listed = await bridge.sure<{ targets: { pid: number; startTimeTicks: string }[] }>('listTargets');
      const target = listed.targets.find(({ pid }) => pid === guest.pid);
      const opened = await bridge.sure<Opened>('attach', guest.pid, target?.startTimeTicks, 0, true);
      const { session } = opened;
      const first = captureOf(opened.capture);
      const registers = first.image.layout.components.some(({ bit }) => bit === 7) ? 32 : 16;
      const model = new Model(first);
      // A second stream, so that what a seed does to the image stays what it was.
      const beside = randomFrom('SOAK_SEED_BESIDE', random.seed ^ 0x5a5a5a);
      const stops: { readonly document: CaptureDocument; readonly capture: Capture }[] = [];
      const counts = { apply: 0, undo: 0, redo: 0, restore: 0, earlier: 0, general: 0, run: 0 };
      for (let step = 0; step < TRANSACTIONS; step += 1) {
        let act = '';
        const dice = random.below(100);
        let applied: Applied;
        if (dice < 20 && model.canUndo) {
          applied = await bridge.sure<Applied>('undo', session);
          model.undo();
          act = 'undo';
          counts.undo += 1;
        } else if (dice < 35 && model.canRedo) {
          applied = await bridge.sure<Applied>('redo', session);
          model.redo();
          act = 'redo';
          counts.redo += 1;
        } else if (dice < 38) {
          const scope = beside.below(2) === 0 ? { kind: 'all' as const } : aScope(beside, first);
          const stop = beside.below(2) === 0 || stops.length === 0 ? null : beside.pick(stops);
          applied = await bridge.sure<Applied>('restore', session, scope, stop?.document ?? null);
          model.restore(scope, stop?.capture ?? null);
          act = `restore ${JSON.stringify(scope)} ${stop === null ? 'at attach' : `of stop ${stops.indexOf(stop)}`}`;
          counts[stop === null ? 'restore' : 'earlier'] += 1;
        } else {
          const assignments = Array.from({ length: 1 + random.below(4) }, () => anAssignment(random, registers));
          while (beside.below(3) === 0) assignments.push(aGeneralAssignment(beside));
          if (assignments.some(({ path }) => path.startsWith('r'))) counts.general += 1;
          applied = await bridge.sure<Applied>('apply', session, assignments);
          model.apply(assignments);
          act = assignments.map(({ path, value }) => `${path}=${value}`).join(' ');
          counts.apply += 1;
        }
        const where = `seed ${random.seed}, transaction ${step}: ${act}`;
        expect(stateOf(captureOf(applied.capture)), where).toEqual(stateOf(model.now));
        if (beside.below(20) === 0) stops.push({ document: applied.capture, capture: model.now });
        // Now and then the guest runs in between; its loop leaves the extended state alone.
        if (dice === 99 && !onlyFcwIsSet(model.now)) {
          await bridge.sure('resume', session);
          await bridge.sure('freeze', session);
          counts.run += 1;
        }
      }
      const end = captureOf(await bridge.sure<CaptureDocument>('capture', session));
      expect(stateOf(end)).toEqual(stateOf(model.now));
      const back = await bridge.sure<Applied>('restore', session, { kind: 'all' }, null);
      expect(stateOf(captureOf(back.capture))).toEqual(stateOf(first));
      // Nothing of it was put back behind our back: QEMU was left alone.
      expect(bridge.events.filter(({ kind }) => kind === 'overwritten')).toEqual([]);
      await bridge.sure('detach', session, false);
      await guest.progress();
      console.log(`seed ${random.seed}: ${TRANSACTIONS} transactions, ${JSON.stringify(counts)}`);
      expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
    } finally {
      bridge.close();
      await host.kill();
      await guest.stop();
    }
  };

  test(`${TRANSACTIONS} random transactions with undo, redo and restore end where a model ends`, async () => {
    test.setTimeout(1_800_000);
    await soak(randomFrom('SOAK_SEED'));
  });

  for (const seed of FAILED_SEEDS) {
    test(`seed ${seed}, which failed once`, async () => {
      test.setTimeout(1_800_000);
      await soak(randomFrom('SOAK_SEED', seed));
    });
  }
});
