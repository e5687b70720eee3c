import { expect, test } from 'playwright/test';
import type { Answer, Applied, Assignment, CaptureDocument, Opened, SessionEvent } from '../../app/bridge.ts';
import type { Capture } from '../../app/session/capture.ts';
import { overwrittenParts } from '../../app/session/overwritten.ts';
import { BridgeClient } from '../models/bridge.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { captureOf, meaningOf } from '../models/meaning.ts';
import { tilescope, WebHost } from '../models/tilescope.ts';

const EDITS: readonly Assignment[] = [
  { path: 'zmm5', value: `0x${'a5'.repeat(64)}` },
  { path: 'k3', value: '0x00000000deadbeef' },
  { path: 'zmm21', value: `0x${'3c'.repeat(64)}` },
];
/** Both looks are over: 60 ms and 600 ms after the vCPU ran on. */
const AFTER_THE_LOOKS_MS = 1_200;

test.describe('QEMU keeps a copy of the registers of its own', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  let host: WebHost;
  let page: BridgeClient;
  test.beforeAll(async () => {
    guest = await Guest.start({ name: 'copy' });
    host = await WebHost.start();
    page = await BridgeClient.open(host.url);
  });
  test.afterAll(async () => {
    await host?.stop();
    await guest?.stop();
  });
  test.beforeEach(() => {
    page.events.length = 0;
  });

  const attach = async (freeze: boolean): Promise<{ session: string; first: Capture }> => {
    const listed = await page.sure<{ targets: { pid: number; startTimeTicks: string }[] }>('listTargets');
    const target = listed.targets.find(({ pid }) => pid === guest.pid);
    const opened = await page.sure<Opened>('attach', guest.pid, target?.startTimeTicks, 0, freeze);
    return { session: opened.session, first: captureOf(opened.capture) };
  };
  const now = async (session: string): Promise<Capture> =>
    captureOf(await page.sure<CaptureDocument>('capture', session));
  const overwritten = (): Extract<SessionEvent, { kind: 'overwritten' }>[] =>
    page.events.flatMap((event) => (event.kind === 'overwritten' ? [event] : []));

  test('while the monitor has paused the guest a write is refused, with what to do; after cont it goes through', async () => {
    const { session, first } = await attach(false);
    await guest.monitor('stop');
    expect((await now(session)).facts.inKvmRun).toBe(false);
    const refused = await page.ask<Applied>('apply', session, EDITS);
    expect(refused).toMatchObject({ ok: false, refusal: { code: 'outside-kvm-run' } });
    const { what, mend } = (refused as Extract<Answer<Applied>, { ok: false }>).refusal;
    expect(what).toContain('outside KVM_RUN');
    expect(mend).toContain('cont in its monitor');
    expect(meaningOf(await now(session))).toEqual(meaningOf(first));

    await guest.monitor('cont');
    const applied = await page.sure<Applied>('apply', session, EDITS);
    expect(applied.changes.map(({ path }) => path)).toEqual(EDITS.map(({ path }) => path));
    expect((await now(session)).facts.inKvmRun).toBe(true);
    await page.sure('detach', session, true);
    await guest.progress();
  });

  test('the same on the command line, frozen from the start or not', async () => {
    await guest.monitor('stop');
    const set = await tilescope('set', '--pid', String(guest.pid), 'k3=0x7');
    expect(set.code).not.toBe(0);
    expect(set.err).toContain('outside KVM_RUN');
    expect(set.err).toContain('cont in its monitor');
    const { session } = await attach(true);
    const refused = await page.ask<Applied>('apply', session, EDITS);
    expect(refused).toMatchObject({ ok: false, refusal: { code: 'outside-kvm-run' } });
    await page.sure('detach', session, false);
    await guest.monitor('cont');
    await guest.progress();
  });

  /** What QEMU has put back is told by name, once; what it has kept is not. */
  const judge = async (session: string, before: Capture, written: Capture): Promise<readonly string[]> => {
    await new Promise((resolve) => setTimeout(resolve, AFTER_THE_LOOKS_MS));
    const after = await now(session);
    const lost = overwrittenParts(before, written, after);
    expect(overwritten().map(({ session: of, parts }) => ({ of, parts }))).toEqual(
      lost.length === 0 ? [] : [{ of: session, parts: lost }],
    );
    const [event] = overwritten();
    if (event !== undefined) {
      const told = captureOf(event.capture);
      expect(meaningOf(told)).toEqual(meaningOf(after));
    }
    return lost;
  };

  test('a monitor command after a write, on a vCPU that runs on', async () => {
    const { session, first } = await attach(false);
    const written = captureOf((await page.sure<Applied>('apply', session, EDITS)).capture);
    await guest.registers();
    const lost = await judge(session, first, written);
    console.log(`QEMU puts back after info registers: ${lost.join(', ') || 'nothing'}`);
    await page.sure('detach', session, true);
  });

  test('a monitor command after a write over components that were in use before', async () => {
    const { session } = await attach(false);
    const before = captureOf((await page.sure<Applied>('apply', session, EDITS)).capture);
    await new Promise((resolve) => setTimeout(resolve, AFTER_THE_LOOKS_MS));
    expect(overwritten()).toEqual([]);
    const again = [{ path: 'zmm5:u32[7]', value: '7' }];
    const written = captureOf((await page.sure<Applied>('apply', session, again)).capture);
    const copy = await guest.registers();
    const lost = await judge(session, before, written);
    // What QEMU prints is its copy: where that lacks the upper half of the register, the vCPU has lost it.
    const isKept = copy.zmm[5]?.slice(64, 72) === '00000007';
    expect(lost).toEqual(isKept ? [] : ['AVX']);
    await page.sure('detach', session, true);
  });

  test('a monitor command after a frozen vCPU that was written runs on', async () => {
    const { session, first } = await attach(true);
    const written = captureOf((await page.sure<Applied>('apply', session, EDITS)).capture);
    // While it stands still nothing is looked at.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(overwritten()).toEqual([]);
    await page.sure('resume', session);
    await guest.registers();
    await judge(session, first, written);
    await page.sure('detach', session, true);
  });

  test('a write that nobody disturbs stands, and nothing is told', async () => {
    const { session, first } = await attach(false);
    const written = captureOf((await page.sure<Applied>('apply', session, EDITS)).capture);
    expect(await judge(session, first, written)).toEqual([]);
    await page.sure('detach', session, true);
    await guest.progress();
  });
});
