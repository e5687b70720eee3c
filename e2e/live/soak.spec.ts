import { expect, test } from 'playwright/test';
import type { AppliedInSession, CaptureDocument, Opened } from '../../app/bridge.ts';
import { BridgeClient } from '../models/bridge.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { captureOf, type Meaning } from '../models/meaning.ts';
import { type Random, randomFrom } from '../models/random.ts';
import { aGeneralWrite, aScope, aWrite, type Held, heldOf, meaningOfHeld, SoakModel } from '../models/soak-model.ts';
import { WebHost } from '../models/tilescope.ts';

const TRANSACTIONS = 2_000;
/** Beside SOAK_SEED, of the environment, which takes the place of the clock's. Seeds that failed once stand in FAILED_SEEDS. */
const FAILED_SEEDS: readonly number[] = [91_435_584, 93_317_088, 96_414_088];

/** By what it means, the general registers that last beside it. */
const stateOf = (document: CaptureDocument): Meaning => meaningOfHeld(heldOf(captureOf(document)));

/**
 * x87 in its initial state but for FCW. Some CPUs save that as init once the guest has run, and FCW is 037FH again, whoever
 * wrote it: nothing that a debugger could keep from happening. (Seen with KVM of Linux 6.18, nested, on an AMD EPYC.)
 */
const onlyFcwIsSet = ({ parts }: Held): boolean => {
  const x87 = parts.get(0) ?? new Uint8Array();
  const rest = x87.filter((_, at) => at > 1 && (at < 24 || at > 31));
  return rest.every((byte) => byte === 0) && !(x87[0] === 0x7f && x87[1] === 0x03);
};

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
      const model = new SoakModel(heldOf(first));
      const bits = first.image.layout.components.map(({ bit }) => bit);
      // A second stream, so that what a seed does to the image stays what it was.
      const beside = randomFrom('SOAK_SEED_BESIDE', random.seed ^ 0x5a5a5a);
      const stops: { readonly document: CaptureDocument; readonly held: Held }[] = [];
      const counts = { apply: 0, undo: 0, redo: 0, restore: 0, earlier: 0, general: 0, run: 0 };
      for (let step = 0; step < TRANSACTIONS; step += 1) {
        let act = '';
        const dice = random.below(100);
        let applied: AppliedInSession;
        if (dice < 20 && model.canUndo) {
          applied = await bridge.sure<AppliedInSession>('undo', session);
          model.undo();
          act = 'undo';
          counts.undo += 1;
        } else if (dice < 35 && model.canRedo) {
          applied = await bridge.sure<AppliedInSession>('redo', session);
          model.redo();
          act = 'redo';
          counts.redo += 1;
        } else if (dice < 38) {
          const scope = beside.below(2) === 0 ? { kind: 'all' as const } : aScope(beside, bits);
          const stop = beside.below(2) === 0 || stops.length === 0 ? null : beside.pick(stops);
          applied = await bridge.sure<AppliedInSession>('restore', session, scope, stop?.document ?? null);
          model.restore(scope, stop?.held ?? null, applied.writes.undoable);
          act = `restore ${JSON.stringify(scope)} ${stop === null ? 'at attach' : `of stop ${stops.indexOf(stop)}`}`;
          counts[stop === null ? 'restore' : 'earlier'] += 1;
        } else {
          const writes = Array.from({ length: 1 + random.below(4) }, () => aWrite(random, registers));
          while (beside.below(3) === 0) writes.push(aGeneralWrite(beside));
          const assignments = writes.map(({ path, value }) => ({ path, value }));
          if (assignments.some(({ path }) => path.startsWith('r'))) counts.general += 1;
          applied = await bridge.sure<AppliedInSession>('apply', session, assignments);
          model.apply(writes, applied.writes.undoable);
          act = assignments.map(({ path, value }) => `${path}=${value}`).join(' ');
          counts.apply += 1;
        }
        const where = `seed ${random.seed}, transaction ${step}: ${act}`;
        expect(stateOf(applied.capture), where).toEqual(meaningOfHeld(model.now));
        if (beside.below(20) === 0) stops.push({ document: applied.capture, held: model.now });
        // Now and then the guest runs in between; its loop leaves the extended state alone.
        if (dice === 99 && !onlyFcwIsSet(model.now)) {
          await bridge.sure('resume', session);
          await bridge.sure('freeze', session);
          counts.run += 1;
        }
      }
      const end = await bridge.sure<CaptureDocument>('capture', session);
      expect(stateOf(end)).toEqual(meaningOfHeld(model.now));
      const back = await bridge.sure<AppliedInSession>('restore', session, { kind: 'all' }, null);
      expect(stateOf(back.capture)).toEqual(stateOf(opened.capture));
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
