import { rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import type { Answer, Applied, Assignment, Orphan } from '../../app/bridge.ts';
import type { BridgeClient } from '../models/bridge.ts';
import { type AtFrame, FaultBench, isWrite, type Outcome, type Point, table } from '../models/fault-bench.ts';
import { KVM_ABSENT } from '../models/guest.ts';

/** A file of the tests' own in the folder of the journal. */
const MARK = 'mark';

type Victim = 'helper' | 'main' | 'window';
const VICTIMS: readonly Victim[] = ['helper', 'main', 'window'];

interface Scenario {
  readonly name: string;
  /** The edits are written, undisturbed, before. */
  readonly prepared: boolean;
  readonly act: (page: BridgeClient, session: string, edits: readonly Assignment[]) => Promise<Answer<Applied>>;
  /** Has the kernel refuse XCR0 in the middle of the transaction. */
  readonly spoilXcr0: boolean;
}

/** What lies between one answer and the next request is the same moment for everyone but Tilescope itself. */
const answeredOnly = (points: readonly Point[]): readonly Point[] =>
  points.filter(({ at, label }) => at === 0 || label.endsWith('answered'));

/** Tilescope looks at the vCPU again a moment after the write; on a slow machine before the answer to it is heard. */
const ofTransaction = (points: readonly Point[]): readonly Point[] =>
  points.slice(0, points.findIndex(({ label }) => label === 'resume 1 answered') + 1);

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'apply',
    prepared: false,
    act: (page, session, edits) => page.ask('apply', session, edits),
    spoilXcr0: false,
  },
  {
    name: 'apply, rolled back',
    prepared: false,
    act: (page, session, edits) => page.ask('apply', session, edits),
    spoilXcr0: true,
  },
  {
    name: 'undo',
    prepared: true,
    act: (page, session) => page.ask('undo', session),
    spoilXcr0: false,
  },
  {
    name: 'restore',
    prepared: true,
    act: (page, session) => page.ask('restore', session, { kind: 'all' }, null),
    spoilXcr0: false,
  },
];

test.describe('the helper, Tilescope and its window are killed at every step of a transaction', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');
  test.describe.configure({ timeout: 1_800_000 });

  let bench: FaultBench;
  test.beforeAll(async () => {
    test.setTimeout(1_800_000);
    bench = await FaultBench.start();
  });
  test.afterAll(async () => bench?.stop());

  /** How many transactions make the scenario ready. */
  const readied = ({ prepared }: Scenario): number => (prepared ? 1 : 0);

  /**
   * What makes the scenario ready, and the act, asked in one breath: the host does one after the other, so that no look of
   * its own at the vCPU comes between them, however slow the machine is.
   */
  const act = async ({ prepared, act }: Scenario, session: string): Promise<Answer<Applied> | null> => {
    const { page } = bench;
    const ready = prepared ? page.ask<Applied>('apply', session, bench.edits) : null;
    const [done, answer] = await Promise.all([
      ready?.catch(() => null),
      act(page, session, bench.edits).catch(() => null),
    ]);
    // A page that is gone, or whose Tilescope is, may not have heard it: then there is no answer to the act either.
    if (ready !== null && answer !== null) expect(done).toMatchObject({ ok: true });
    return answer;
  };

  const killedAt = async (scenario: Scenario, at: number, victim: Victim): Promise<Outcome> => {
    const session = await bench.attach();
    const stateBefore = scenario.prepared ? bench.edited : bench.untouched;
    const writesBefore = scenario.prepared ? bench.edits.length : 0;
    const { page } = bench;
    page.events.length = 0;
    let reached = false;
    let writes = writesBefore;
    const kill: AtFrame = async (passing, index) => {
      if (isWrite(passing) && (index !== at || victim === 'window')) writes += 1;
      if (index !== at) return undefined;
      reached = true;
      if (victim === 'window') page.close();
      else await (victim === 'helper' ? passing.killHelper() : passing.killMain());
      return victim === 'window' ? undefined : null;
    };
    const stop = bench.watchFrames(scenario.spoilXcr0, kill, readied(scenario));
    const answer = await act(scenario, session);
    expect(reached).toBe(true);
    if (victim === 'helper') {
      stop();
      return bench.afterHelper(session, answer, stateBefore, writes > writesBefore);
    }
    expect(answer).toBeNull();
    if (victim === 'main') await bench.startAgain();
    else bench.page = await page.another();
    // The write of a window that has gone comes to its end: the next page's question is answered after that.
    await bench.page.sure('orphans');
    stop();
    return bench.recovered(writes > 0);
  };

  for (const scenario of SCENARIOS) {
    test(`${scenario.name}, in the window`, async () => {
      const begun = Date.now();
      const session = await bench.attach();
      const acted = async (): Promise<void> => {
        const answer = await act(scenario, session);
        expect(answer?.ok, JSON.stringify(answer)).toBe(!scenario.spoilXcr0);
      };
      const points = ofTransaction(await bench.framesOf(scenario.spoilXcr0, acted, readied(scenario)));
      await bench.page.sure('detach', session, false);
      await bench.reader.reset(bench.first);
      const rows: string[][] = [['step', ...VICTIMS]];
      for (const { at, label } of points) {
        const row = [label];
        for (const victim of VICTIMS) {
          row.push(await test.step(`${label}: ${victim}`, () => killedAt(scenario, at, victim)));
        }
        rows.push(row);
      }
      console.log(`${scenario.name}: ${(rows.length - 1) * 3} kills, ${Date.now() - begun} ms\n${table(rows)}\n`);
      const outcomes = rows.slice(1).flatMap((row) => row.slice(1));
      expect(outcomes).toContain('restored');
      // A helper that dies when all is read back has nothing left to undo: it is said to be written, and is.
      const whole = rows.filter((row) => row.includes('written whole')).map(([label]) => label?.split(' ')[0]);
      expect(new Set([...whole, 'resume'])).toEqual(new Set(['resume']));
    });
  }

  test('set, on the command line', async () => {
    const begun = Date.now();
    const words = bench.edits.map(({ path, value }) => `${path}=${value}`);
    const set = () => bench.cli('set', '--pid', String(bench.guest.pid), ...words);
    const points = await bench.framesOf(false, async () => {
      const { code, err } = await set();
      expect(code, err).toBe(0);
    });
    await bench.reader.reset(bench.first);
    const rows: string[][] = [['step', 'helper', 'main']];
    for (const { at, label } of points) {
      const row = [label];
      for (const victim of ['helper', 'main'] as const) {
        let writes = 0;
        const stop = bench.watchFrames(false, async (passing, index) => {
          if (isWrite(passing) && index !== at) writes += 1;
          if (index !== at) return undefined;
          await (victim === 'helper' ? passing.killHelper() : passing.killMain());
          return null;
        });
        const outcome = test.step(`${label}: ${victim}`, async (): Promise<Outcome> => {
          const { code, err } = await set();
          stop();
          if (victim === 'main') {
            expect(code).toBe(-1);
            return bench.recovered(writes > 0);
          }
          expect(bench.entries(), err).toEqual([]);
          const refused = code === 0 ? null : { remedy: err };
          return bench.standing(refused, bench.untouched, bench.edited, writes > 0);
        });
        row.push(await outcome);
      }
      rows.push(row);
    }
    console.log(`set: ${(rows.length - 1) * 2} kills, ${Date.now() - begun} ms\n${table(rows)}\n`);
    expect(rows.flat()).toContain('restored');
  });

  test('what was kept is recovered, and that is killed as well', async () => {
    const begun = Date.now();
    /** Edits of a page that has gone. */
    const leave = async (): Promise<string> => {
      await bench.page.sure('apply', await bench.attach(), bench.edits);
      bench.page.close();
      bench.page = await bench.page.another();
      const [one] = await bench.page.sure<Orphan[]>('orphans');
      if (one === undefined) throw new Error('there is no orphan');
      return one.id;
    };
    const id = await leave();
    const points = await bench.framesOf(false, () => bench.page.sure('recover', id));
    const rows: string[][] = [['step', ...VICTIMS]];
    for (const { at, label } of answeredOnly(points).filter(({ label }) =>
      /^(attach|set|capture|resume)/.test(label),
    )) {
      const row = [label];
      for (const victim of VICTIMS) {
        const { page } = bench;
        const kept = await leave();
        const now = bench.page;
        const stop = bench.watchFrames(false, async (passing, index) => {
          if (index !== at) return undefined;
          if (victim === 'window') now.close();
          else await (victim === 'helper' ? passing.killHelper() : passing.killMain());
          return victim === 'window' ? undefined : null;
        });
        const answer = await now.ask<Applied>('recover', kept).catch(() => null);
        if (victim === 'main') await bench.startAgain();
        else if (victim === 'window') bench.page = await now.another();
        await bench.page.sure('orphans');
        stop();
        expect(page).not.toBe(bench.page);
        // Refused, it is offered again; done, nothing is left of it.
        if (victim === 'helper') expect(bench.entries()).toHaveLength(answer?.ok ? 0 : 1);
        row.push(await bench.recovered(true));
      }
      rows.push(row);
    }
    console.log(`recover: ${(rows.length - 1) * 3} kills, ${Date.now() - begun} ms\n${table(rows)}\n`);
  });

  /** The entry is made before the first write, and made anew before the first one of another general register. */
  for (const { name, prepared, edits, events } of [
    { name: 'before the first write', prepared: false, edits: null, events: 3 },
    { name: 'written anew', prepared: true, edits: [{ path: 'rcx', value: '0x7' }], events: 3 },
  ]) {
    test(`Tilescope is killed at every step of the journal: ${name}`, async () => {
      const begun = Date.now();
      const rows: string[][] = [['event in the folder of the journal', 'left on disk', 'main']];
      for (let event = 1; ; event += 1) {
        const session = await bench.attach();
        if (prepared) await bench.page.sure('apply', session, bench.edits);
        let seen = 0;
        let said = 'none: killed before the vCPU is stopped';
        // Events of a folder come in order: that of a mark says that there are no more before it.
        let heardMark = (): void => undefined;
        const watcher = watch(bench.journal, (kind, file) => {
          if (file === MARK) return heardMark();
          seen += 1;
          if (seen !== event) return;
          said = `${event}: ${kind} of ${file?.endsWith('.new') ? 'the half' : 'the entry'}`;
          bench.host.killNow();
        });
        // However late the news of the event comes, nothing has been written: the vCPU is not stopped before this.
        const stop = bench.watchFrames(false, async (passing) => {
          if (passing.name !== 'freeze') return undefined;
          const marked = new Promise<void>((resolve) => {
            heardMark = resolve;
          });
          writeFileSync(join(bench.journal, MARK), '');
          if (seen < event) await marked;
          rmSync(join(bench.journal, MARK));
          await passing.killMain();
          return null;
        });
        expect(await bench.page.ask('apply', session, edits ?? bench.edits).catch(() => null)).toBeNull();
        watcher.close();
        const files = bench.filesOfJournal().map((file) => (file.endsWith('.new') ? 'a half' : 'the entry'));
        await bench.startAgain();
        stop();
        rows.push([said, files.sort().join(', ') || 'nothing', await bench.recovered(prepared)]);
        for (const file of bench.filesOfJournal()) rmSync(join(bench.journal, file));
        if (seen < event) break;
      }
      console.log(`journal, ${name}: ${rows.length - 1} kills, ${Date.now() - begun} ms\n${table(rows)}\n`);
      expect(rows.length - 2).toBeGreaterThanOrEqual(events);
    });
  }

  test('no helper lives long enough to roll back: it is said, kept, and recovered by the next page', async () => {
    const session = await bench.attach();
    let dead = false;
    const stop = bench.watchFrames(false, async (passing) => {
      if (passing.name === 'setXcr0' && passing.from === 'helper') dead = true;
      if (!dead) return undefined;
      await passing.killHelper();
      return null;
    });
    const answer = await bench.page.ask<Applied>('apply', session, bench.edits);
    stop();
    expect(answer).toMatchObject({ ok: false, refusal: { code: 'roll-back' } });
    expect(bench.entries()).toHaveLength(1);
    const half = await bench.reader.state();
    expect(half).not.toEqual(bench.untouched);
    expect(half).not.toEqual(bench.edited);
    bench.page.close();
    bench.page = await bench.page.another();
    expect(await bench.recovered(true)).toBe('restored');
    await bench.guest.progress();
  });
});
