import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'playwright/test';
import type { Orphan } from '../../app/bridge.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { randomFrom } from '../models/random.ts';
import { StateFolder } from '../models/state-folder.ts';
import { tilescope, tilescopeJson } from '../models/tilescope.ts';

const BOOTSTRAP = join(import.meta.dirname, '../../main/bootstrap.mjs');
const KILLS = 12;
const MIB = 1 << 20;
/** Of the guest's one page of 2 MiB: behind its code, its counter and the legacy hole. */
const AREA = { start: 0x18_0000, bytes: 0x4000 };

interface Written {
  readonly address: string;
  readonly physical: string;
  readonly writtenBytes: number;
  readonly before: string;
  readonly hex: string;
}

test.describe('guest memory of a real QEMU guest, written from the command line', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  let state: StateFolder;
  let filling: Buffer;
  test.beforeAll(async () => {
    state = new StateFolder();
    filling = randomBytes(MIB);
    writeFileSync(join(state.path, 'filling'), filling);
    const loader = `loader,file=${join(state.path, 'filling')},addr=0x100000,force-raw=on`;
    guest = await Guest.start({ name: 'memory-write', more: ['-device', loader] });
    await tilescope('--version');
  });
  test.afterAll(async () => {
    await guest?.stop();
    state?.giveBack();
  });

  const hex = (at: number): string => `0x${at.toString(16)}`;
  const words = (...more: string[]): string[] => ['mem', '--pid', String(guest.pid), ...more];
  /** All of it above 1 MiB, as QEMU itself saves it. */
  const saved = async (): Promise<Buffer> => {
    const file = join(state.path, 'saved');
    await guest.monitor(`pmemsave 0x100000 ${MIB} "${file}"`);
    return readFileSync(file);
  };

  test('[GW1] exactly the bytes that were asked for, as QEMU’s monitor sees them; nothing is left in QEMU', async () => {
    const footprint = guest.footprint();
    const bytes = randomBytes(5000);
    // Over the ends of two pages of 4 KiB.
    const at = AREA.start + 4000;
    const written = await tilescopeJson<Written>(...words(hex(at), '--write', bytes.toString('hex')));
    const before = filling.subarray(at - MIB, at - MIB + bytes.length);
    expect(written).toEqual({
      ...{ address: hex(at), physical: hex(at), writtenBytes: bytes.length },
      ...{ before: before.toString('hex'), hex: bytes.toString('hex') },
    });
    const expected = Buffer.from(filling);
    bytes.copy(expected, at - MIB);
    expect((await saved()).equals(expected)).toBe(true);
    // By its physical address it goes back.
    const back = await tilescopeJson<Written>(...words(hex(at), '--physical', '--write', before.toString('hex')));
    expect(back.before).toBe(bytes.toString('hex'));
    expect((await saved()).equals(filling)).toBe(true);
    await guest.progress();
    expect(guest.footprint()).toEqual(footprint);
  });

  test('[GW1] the legacy hole, what is not mapped, and what lies beyond memory are refused', async () => {
    for (const [place, ...more] of [
      ['0xa0000'],
      ['0xa0000', '--physical'],
      ['0x1fffff'],
      ['0x2000000', '--physical'],
      ['0x4000000', '--physical'],
      ['0xfee00000', '--physical'],
    ] as const) {
      const refused = await tilescope(...words(place, ...more, '--write', '0102'));
      expect([refused.code, refused.out], `${place} ${more.join(' ')}`).toEqual([1, '']);
    }
    expect((await saved()).equals(filling)).toBe(true);
  });

  const journal = (): string => join(state.path, 'tilescope', 'journal');
  const entries = (): string[] =>
    existsSync(journal()) ? readdirSync(journal()).filter((name) => name.endsWith('.json')) : [];
  const ended = (child: ChildProcess): Promise<void> =>
    new Promise((resolve) =>
      (child.exitCode ?? child.signalCode) === null ? child.once('exit', () => resolve()) : resolve(),
    );
  const untraced = (): boolean => guest.footprint().signalMasks.every((line) => /TracerPid:\t0\b/.test(line));

  test(`[GW3] ${KILLS} kills of the command line, each at a random moment of a write`, async () => {
    test.setTimeout(1_800_000);
    const random = randomFrom('MEMORY_WRITE_SEED');
    const begun = Date.now();
    const write = (bytes: Buffer): string[] => words(hex(AREA.start), '--write', bytes.toString('hex'));
    expect((await tilescope(...write(filling.subarray(AREA.start - MIB, AREA.start - MIB + AREA.bytes)))).code).toBe(0);
    const wholeMs = Date.now() - begun;
    const seen = { restored: 0, untouched: 0, finished: 0 };
    for (let kill = 0; kill < KILLS; kill += 1) {
      const bytes = randomBytes(AREA.bytes);
      const child = spawn(process.execPath, [BOOTSTRAP, 'cli', ...write(bytes)], { stdio: 'ignore' });
      // Half of them at any time, half from the moment that the journal stands.
      const until = Date.now() + (kill % 2 === 1 ? wholeMs * 4 : random.below(wholeMs));
      while (Date.now() < until && entries().length === 0 && child.exitCode === null) await sleep(1);
      if (kill % 2 === 1) await sleep(random.below(20));
      child.kill('SIGKILL');
      await ended(child);
      await expect.poll(untraced, { intervals: [5, 10, 20, 50] }).toBe(true);
      const [left] = await tilescopeJson<Orphan[]>('journal');
      const wasWritten = !(await saved()).equals(filling);
      if (left !== undefined) {
        const restored = await tilescope('journal', 'restore', left.id);
        expect(restored.code, restored.err).toBe(0);
        seen[wasWritten ? 'restored' : 'untouched'] += 1;
      } else if (wasWritten) {
        // It was done before the kill came: all of it stands, not some.
        const whole = Buffer.from(filling);
        bytes.copy(whole, AREA.start - MIB);
        expect((await saved()).equals(whole)).toBe(true);
        expect(
          (await tilescope(...write(filling.subarray(AREA.start - MIB, AREA.start - MIB + AREA.bytes)))).code,
        ).toBe(0);
        seen.finished += 1;
      } else seen.untouched += 1;
      expect((await saved()).equals(filling)).toBe(true);
      expect(entries()).toEqual([]);
    }
    console.log(`seed ${random.seed}: ${KILLS} kills, ${JSON.stringify(seen)}, a write takes ${wholeMs} ms`);
    expect(seen.restored + seen.untouched).toBeGreaterThan(0);
    await guest.progress();
  });
});
