import { readFileSync } from 'node:fs';
import { expect, test } from 'playwright/test';
import type { Applied, CaptureDocument, Opened, Orphan } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { BridgeClient } from '../models/bridge.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { HAVING, WIDE } from '../models/having.ts';
import { captureOf, meaningOf } from '../models/meaning.ts';
import { StateFolder } from '../models/state-folder.ts';
import { tilescope, tilescopeJson, WebHost } from '../models/tilescope.ts';

const ROUNDS = 10;
const VCPUS = [0, 1] as const;

/** A value that no other vCPU and no other round has. */
const zmm = (vcpu: number, round: number): string =>
  `0x${(0x10 + vcpu * 0x80 + round).toString(16).repeat(HAVING.wideBytes)}`;

test.describe('two vCPUs of one QEMU at once', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  let host: WebHost;
  let page: BridgeClient;
  let state: StateFolder;
  test.beforeAll(async () => {
    state = new StateFolder();
    guest = await Guest.start({ name: 'two', vcpus: 2, allCount: true });
    host = await WebHost.start();
    page = await BridgeClient.open(host.url);
  });
  test.afterAll(async () => {
    await host?.stop();
    await guest?.stop();
    state?.giveBack();
  });

  interface Attached {
    readonly session: string;
    readonly first: Capture;
  }

  const attach = async (vcpu: number, freeze: boolean): Promise<Attached> => {
    const listed = await page.sure<{ targets: { pid: number; startTimeTicks: string }[] }>('listTargets');
    const target = listed.targets.find(({ pid }) => pid === guest.pid);
    const opened = await page.sure<Opened>('attach', guest.pid, target?.startTimeTicks, vcpu, freeze);
    expect(opened.vcpus).toEqual([0, 1]);
    return { session: opened.session, first: captureOf(opened.capture) };
  };
  const both = (freeze: boolean): Promise<[Attached, Attached]> => Promise.all([attach(0, freeze), attach(1, freeze)]);
  const now = async ({ session }: Attached): Promise<Capture> =>
    captureOf(await page.sure<CaptureDocument>('capture', session));

  test('attached at the same moment, written at the same moment: each holds its own', async () => {
    const footprint = guest.footprint();
    const sessions = await both(false);
    for (let round = 0; round < ROUNDS; round += 1) {
      const applied = await Promise.all(
        VCPUS.map((vcpu) =>
          page.sure<Applied>('apply', sessions[vcpu].session, [
            { path: `${WIDE}5`, value: zmm(vcpu, round) },
            ...(HAVING.masks ? [{ path: 'k1', value: String(1 + round * 2 + vcpu) }] : []),
          ]),
        ),
      );
      for (const vcpu of VCPUS) expect(applied[vcpu]?.changes[0]?.after.toLowerCase()).toContain(zmm(vcpu, round));
    }
    // All the way back, one more often than the other.
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all([
        page.sure('undo', sessions[0].session),
        round < ROUNDS / 2 ? page.sure('undo', sessions[1].session) : page.sure('capture', sessions[1].session),
      ]);
    }
    expect(meaningOf(await now(sessions[0]))).toEqual(meaningOf(sessions[0].first));
    expect(await page.ask('undo', sessions[0].session)).toMatchObject({ ok: false });
    expect(meaningOf(await now(sessions[1]))).not.toEqual(meaningOf(sessions[1].first));
    // One goes, the other stays as it is.
    await page.sure('detach', sessions[0].session, false);
    expect(await page.sure<Applied>('redo', sessions[1].session)).toBeDefined();
    await page.sure('detach', sessions[1].session, true);
    for (const vcpu of VCPUS) await guest.progress(vcpu);
    expect(guest.footprint()).toEqual(footprint);
  });

  test('one stands still and is written while the other runs on, and the other way round', async () => {
    const sessions = await both(false);
    for (const still of VCPUS) {
      const runs = still === 0 ? 1 : 0;
      await page.sure('freeze', sessions[still].session);
      const stands = guest.counted(still);
      await guest.counts(runs);
      await Promise.all(
        VCPUS.map((vcpu) => page.sure('apply', sessions[vcpu].session, [{ path: `${WIDE}7`, value: zmm(vcpu, 50) }])),
      );
      await guest.counts(runs);
      expect(guest.counted(still)).toBe(stands);
      await page.sure('resume', sessions[still].session);
      await guest.counts(still);
    }
    await Promise.all(sessions.map(({ session }) => page.sure('restore', session, { kind: 'all' }, null)));
    for (const one of sessions) expect(meaningOf(await now(one))).toEqual(meaningOf(one.first));
    await Promise.all(sessions.map(({ session }) => page.sure('detach', session, false)));
  });

  test('both stand still, are written and run on; the command line is refused what is attached', async () => {
    const sessions = await both(true);
    const stand = VCPUS.map((vcpu) => guest.counted(vcpu));
    await Promise.all(
      VCPUS.map((vcpu) => page.sure('apply', sessions[vcpu].session, [{ path: `${WIDE}9`, value: zmm(vcpu, 60) }])),
    );
    expect(VCPUS.map((vcpu) => guest.counted(vcpu))).toEqual(stand);
    const refused = await tilescope('show', '--pid', String(guest.pid), '--vcpu', '1', 'xmm9');
    expect(refused.code).not.toBe(0);
    expect(refused.err).toMatch(/traced|attached/);
    await Promise.all(sessions.map(({ session }) => page.sure('resume', session)));
    for (const vcpu of VCPUS) await guest.counts(vcpu);
    await Promise.all(sessions.map(({ session }) => page.sure('detach', session, true)));
  });

  test('two tabs, a vCPU each: the one that goes leaves its edits behind, the other notices nothing', async () => {
    const one = page;
    const other = await page.another();
    const ours = await attach(0, false);
    page = other;
    const theirs = await attach(1, false);
    page = one;
    await one.sure('apply', ours.session, [{ path: `${WIDE}3`, value: zmm(0, 70) }]);
    await other.sure('apply', theirs.session, [{ path: `${WIDE}3`, value: zmm(1, 70) }]);
    // A session is its page's alone.
    expect(await one.ask('capture', theirs.session)).toMatchObject({ refusal: { code: 'no-such-session' } });
    expect(await one.sure('orphans')).toEqual([]);
    other.close();
    await expect.poll(() => one.sure<Orphan[]>('orphans')).toHaveLength(1);
    const [left] = await one.sure<Orphan[]>('orphans');
    expect(left).toMatchObject({ pid: guest.pid, vcpu: 1, state: 'there' });
    expect(await tilescopeJson<Orphan[]>('journal')).toEqual([]);
    await one.sure('recover', left?.id);
    expect((await now(ours)).facts.inKvmRun).toBe(true);
    await one.sure('detach', ours.session, true);
    const [first, second] = [await attach(0, false), await attach(1, false)];
    expect(meaningOf(first.first)).toEqual(meaningOf(ours.first));
    expect(meaningOf(second.first)).toEqual(meaningOf(theirs.first));
    await Promise.all([first, second].map(({ session }) => one.sure('detach', session, false)));
    for (const vcpu of VCPUS) await guest.progress(vcpu);
  });
});

test.describe('[C60] vCPUs whose numbers have gaps: KVM’s is the APIC id, QEMU counts its CPUs', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  /** KVM’s number and QEMU’s of each: of three cores to a socket the fourth id is nobody’s. */
  const NUMBERS = [0, 1, 2, 4, 5, 6].map((index, vmmNumber) => [index, vmmNumber] as const);

  interface Listed {
    readonly pid: number;
    readonly vcpus: readonly { readonly index: number; readonly vmmNumber: number; readonly tid: number }[];
  }

  let guest: Guest;
  test.beforeAll(async () => {
    guest = await Guest.start({ name: 'gaps', more: ['-smp', '6,sockets=2,cores=3'] });
  });
  test.afterAll(async () => guest?.stop());

  test('both are listed, each with its own thread; a word that names one vCPU is enough, one that names two is refused', async () => {
    const found = (await tilescopeJson<readonly Listed[]>('list')).find(({ pid }) => pid === guest.pid);
    expect(found?.vcpus.map(({ index, vmmNumber }) => [index, vmmNumber])).toEqual(NUMBERS);
    const nameOf = (tid: number): string => readFileSync(`/proc/${guest.pid}/task/${tid}/comm`, 'utf8').trim();
    expect(found?.vcpus.map(({ tid }) => nameOf(tid))).toEqual(NUMBERS.map(([, cpu]) => `CPU ${cpu}/KVM`));
    expect((await tilescope('list')).out).toContain('vCPU 2 = CPU 2, vCPU 4 = CPU 3, vCPU 5 = CPU 4, vCPU 6 = CPU 5');
    const show = (word: string) => tilescope('show', '--pid', String(guest.pid), '--vcpu', word);
    for (const [word, index] of [
      ['3', 4],
      ['6', 6],
      ['kvm:4', 4],
      ['cpu:4', 5],
    ] as const) {
      const { code, out, err } = await show(word);
      expect([code, err], word).toEqual([0, '']);
      expect(out, word).toContain(`vCPU ${index}`);
    }
    const { code, err } = await show('4');
    expect(code).toBe(4);
    expect(err).toContain("4 names two vCPUs: KVM's vCPU 4, the VMM's CPU 3, and KVM's vCPU 5, the VMM's CPU 4");
    await guest.progress();
  });
});
