import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'playwright/test';
import type { Opened, Orphan } from '../../app/bridge.ts';
import { BridgeClient } from '../models/bridge.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { fitting, WIDE } from '../models/having.ts';
import { captureOf, meaningOf } from '../models/meaning.ts';
import { type Random, randomFrom } from '../models/random.ts';
import { StateFolder } from '../models/state-folder.ts';
import { tilescope, tilescopeJson, WebHost } from '../models/tilescope.ts';

const BOOTSTRAP = join(import.meta.dirname, '../../main/bootstrap.mjs');
const KILLS = 32;

/** One value over several components and MXCSR, none of them what it was. */
const edits = (random: Random): string[] =>
  fitting([
    `zmm${random.below(16)}=0x${Array.from({ length: 64 }, () => (1 + random.below(255)).toString(16).padStart(2, '0')).join('')}`,
    `k${1 + random.below(7)}=0x${(1 + random.below(2 ** 31)).toString(16)}`,
    `mxcsr=0x${random.pick(['1f81', '3f80', '1fa0'])}`,
  ]);

test.describe('Tilescope is killed over a write', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  let state: StateFolder;
  test.beforeAll(async () => {
    state = new StateFolder();
    guest = await Guest.start({ name: 'recovery' });
  });
  test.afterAll(async () => {
    await guest?.stop();
    state?.giveBack();
  });

  const journal = (): string => join(state.path, 'tilescope', 'journal');
  const entries = (): string[] =>
    existsSync(journal()) ? readdirSync(journal()).filter((name) => name.endsWith('.json')) : [];

  const captured = async (): Promise<unknown> => {
    const file = join(state.path, 'now.json');
    const { code, err } = await tilescope('capture', '--pid', String(guest.pid), '--out', file);
    expect(code, err).toBe(0);
    return JSON.parse(readFileSync(file, 'utf8'));
  };
  /** What the vCPU holds, short enough to be printed. */
  const held = async (): Promise<string> => JSON.stringify(meaningOf(captureOf(await captured())));

  const untraced = (): boolean => guest.footprint().signalMasks.every((line) => /TracerPid:\t0\b/.test(line));
  const ended = (child: ChildProcess): Promise<void> =>
    new Promise((resolve) =>
      (child.exitCode ?? child.signalCode) === null ? child.once('exit', () => resolve()) : resolve(),
    );
  /** The helper lets go once its pipe is closed. */
  const letGo = (): Promise<void> => expect.poll(untraced, { intervals: [5, 10, 20, 50] }).toBe(true);

  /** The next start: nothing that the dead one kept is lost, and the vCPU is as it was. */
  const recovered = async (first: string): Promise<'restored' | 'untouched'> => {
    const kept = entries();
    const left = await tilescopeJson<Orphan[]>('journal');
    expect(left.map(({ pid, vcpu, state: standing }) => ({ pid, vcpu, standing }))).toEqual(
      kept.map(() => ({ pid: guest.pid, vcpu: 0, standing: 'there' })),
    );
    const [one] = left;
    const before = await held();
    if (one === undefined) {
      expect(before).toBe(first);
      return 'untouched';
    }
    const restored = await tilescope('journal', 'restore', one.id);
    expect(restored.code, restored.err).toBe(0);
    expect(await held()).toBe(first);
    expect(entries()).toEqual([]);
    return before === first ? 'untouched' : 'restored';
  };

  test(`${KILLS} kills of the command line, each at a random moment of a set`, async () => {
    test.setTimeout(1_800_000);
    const random = randomFrom('RECOVERY_SEED');
    const set = (words: readonly string[]): string[] => ['set', '--pid', String(guest.pid), ...words];
    // The first run builds what is stale.
    expect((await tilescope('--version')).code).toBe(0);
    const begun = Date.now();
    // The state to come back to; also how long an undisturbed set takes here.
    expect((await tilescope(...set(edits(random)))).code).toBe(0);
    const wholeMs = Date.now() - begun;
    const first = await held();
    const file = join(state.path, 'first.json');
    writeFileSync(file, JSON.stringify(await captured()));
    const footprint = guest.footprint();
    const seen = { restored: 0, untouched: 0, finished: 0 };
    // How far behind the entry in the journal a kill comes at most. The write begins later on a slow machine: tried out.
    let reachMs = 15;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const words = edits(random);
      const child = spawn(process.execPath, [BOOTSTRAP, 'cli', ...set(words)], { stdio: 'ignore' });
      // Half of them at any time, half close around the write: from the moment that the journal stands.
      const close = kill % 2 === 1;
      const until = Date.now() + (close ? wholeMs * 4 : random.below(wholeMs));
      while (Date.now() < until && entries().length === 0 && child.exitCode === null) await sleep(1);
      if (close) await sleep(random.below(reachMs));
      child.kill('SIGKILL');
      await ended(child);
      await letGo();
      if (entries().length > 0 || (await held()) === first) {
        const outcome = await recovered(first);
        seen[outcome] += 1;
        if (close && outcome === 'untouched') reachMs = Math.ceil(reachMs * 1.5);
        continue;
      }
      // It was done and had let go before the kill came: then all of its edits stand, not some of them.
      const paths = words.map((word) => word.split('=')[0] ?? '');
      const shown = await tilescopeJson<Record<string, string>>('show', '--pid', String(guest.pid), ...paths);
      expect(Object.entries(shown).map(([path, value]) => [path, BigInt(value)])).toEqual(
        words.map((word) => [word.split('=')[0], BigInt(word.split('=')[1] ?? '')]),
      );
      seen.finished += 1;
      if (close) reachMs = Math.ceil(reachMs / 1.5);
      const back = await tilescope('restore', '--pid', String(guest.pid), file);
      expect(back.code, back.err).toBe(0);
      expect(await held()).toBe(first);
    }
    console.log(`seed ${random.seed}: ${KILLS} kills, ${JSON.stringify(seen)}, a set takes ${wholeMs} ms`);
    expect(seen.restored).toBeGreaterThan(0);
    expect(seen.untouched).toBeGreaterThan(0);
    await guest.progress();
    expect(guest.footprint()).toEqual(footprint);
  });

  test('the web host is killed with edits written: what it keeps is in use until then, and recovered after', async () => {
    const first = await held();
    for (let round = 0; round < 3; round += 1) {
      const host = await WebHost.start();
      const bridge = await BridgeClient.open(host.url);
      const listed = await bridge.sure<{ targets: { pid: number; startTimeTicks: string }[] }>('listTargets');
      const target = listed.targets.find(({ pid }) => pid === guest.pid);
      const { session } = await bridge.sure<Opened>('attach', guest.pid, target?.startTimeTicks, 0, round % 2 === 0);
      await bridge.sure('apply', session, [{ path: `${WIDE}2:u32[0]`, value: String(round + 77) }]);
      expect(entries()).toHaveLength(1);
      // Neither it nor another Tilescope offers what is in use.
      expect(await bridge.sure('orphans')).toEqual([]);
      expect(await tilescopeJson('journal')).toEqual([]);
      await host.kill();
      bridge.close();
      await letGo();
      expect(await recovered(first)).toBe('restored');
      await guest.progress();
    }
  });

  test('a target that has ended is said to be gone, and nothing is written', async () => {
    const other = await Guest.start({ name: 'gone' });
    const host = await WebHost.start();
    const bridge = await BridgeClient.open(host.url);
    const listed = await bridge.sure<{ targets: { pid: number; startTimeTicks: string }[] }>('listTargets');
    const target = listed.targets.find(({ pid }) => pid === other.pid);
    const { session } = await bridge.sure<Opened>('attach', other.pid, target?.startTimeTicks, 0, false);
    await bridge.sure('apply', session, [{ path: 'xmm3:u32[0]', value: '0x77' }]);
    await host.kill();
    bridge.close();
    await other.stop();
    const [left, ...more] = await tilescopeJson<Orphan[]>('journal');
    expect(more).toEqual([]);
    expect(left).toMatchObject({ pid: other.pid, state: 'gone', why: `process ${other.pid} has ended` });
    expect(await tilescope('journal', 'restore', left?.id ?? '')).toMatchObject({ code: 4 });
    expect((await tilescope('journal', 'forget', left?.id ?? '')).code).toBe(0);
    expect(await tilescopeJson('journal')).toEqual([]);
  });
});
