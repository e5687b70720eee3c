import { expect, test } from 'playwright/test';
import type { Answer, Applied, Assignment, CaptureDocument, Opened, SessionEvent } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { overwrittenParts } from '../../app/session/overwritten.ts';
import { MESSAGES } from '../../app/wire/messages.ts';
import { BridgeClient } from '../models/bridge.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { fittingEdits, WIDE } from '../models/having.ts';
import { captureOf, meaningOf } from '../models/meaning.ts';
import { Relay } from '../models/relay.ts';
import { BUILT_HELPER, builtFresh, tilescope, WebHost } from '../models/tilescope.ts';

const EDITS: readonly Assignment[] = fittingEdits([
  { path: 'zmm5', value: `0x${'a5'.repeat(64)}` },
  { path: 'k3', value: '0x00000000deadbeef' },
  { path: 'zmm21', value: `0x${'3c'.repeat(64)}` },
]);

test.describe('QEMU keeps a copy of the registers of its own', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  let host: WebHost;
  let page: BridgeClient;
  let relay: Relay;
  /** That showed the vCPU inside KVM_RUN, whoever asked for them. */
  let captures = 0;
  test.beforeAll(async () => {
    guest = await Guest.start({ name: 'copy' });
    await builtFresh();
    relay = await Relay.start(BUILT_HELPER);
    relay.hook = ({ from, name, frame }) => {
      const read = from === 'helper' && name === 'capture' ? MESSAGES.capture.decode(frame.payload) : null;
      if (read?.ok && read.value.inKvmRun) captures += 1;
      return frame;
    };
    host = await WebHost.startBuilt(relay.environment);
    page = await BridgeClient.open(host.url);
  });
  test.afterAll(async () => {
    await host?.stop();
    await relay?.stop();
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
    const { what, remedy } = (refused as Extract<Answer<Applied>, { ok: false }>).refusal;
    expect(what).toContain('outside KVM_RUN');
    expect(remedy).toContain('cont in its monitor');
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
    const set = await tilescope('set', '--pid', String(guest.pid), 'mxcsr=0x3f80');
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

  /** Tilescope looks twice after the vCPU has run on, and not again once it has found something gone. */
  const looksAreOver = (since: number): Promise<void> =>
    expect
      .poll(() => captures - since >= 2 || overwritten().length > 0, { timeout: 100_000, intervals: [20] })
      .toBe(true);

  /** What QEMU has put back is told by name, once; what it has kept is not. */
  const judge = async (
    session: string,
    before: Capture,
    written: Capture,
    since: number,
  ): Promise<readonly string[]> => {
    await looksAreOver(since);
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
    const since = captures;
    await guest.registers();
    const lost = await judge(session, first, written, since);
    console.log(`QEMU puts back after info registers: ${lost.join(', ') || 'nothing'}`);
    await page.sure('detach', session, true);
  });

  test('a monitor command after a write over components that were in use before', async () => {
    const { session } = await attach(false);
    const before = captureOf((await page.sure<Applied>('apply', session, EDITS)).capture);
    await looksAreOver(captures);
    expect(overwritten()).toEqual([]);
    const again = [{ path: `${WIDE}5:u32[7]`, value: '7' }];
    const written = captureOf((await page.sure<Applied>('apply', session, again)).capture);
    const since = captures;
    const copy = await guest.registers();
    const lost = await judge(session, before, written, since);
    // What QEMU prints is its copy: where that lacks the upper half of the register, the vCPU has lost it.
    const isKept = copy.zmm[5]?.slice(-64, -56) === '00000007';
    expect(lost).toEqual(isKept ? [] : ['AVX']);
    await page.sure('detach', session, true);
  });

  test('a monitor command after a frozen vCPU that was written runs on', async () => {
    const { session, first } = await attach(true);
    const written = captureOf((await page.sure<Applied>('apply', session, EDITS)).capture);
    const since = captures;
    await page.sure('resume', session);
    // While it stood still nothing was looked at.
    expect(overwritten()).toEqual([]);
    await guest.registers();
    await judge(session, first, written, since);
    await page.sure('detach', session, true);
  });

  test('a write that nobody disturbs stands, and nothing is told', async () => {
    const { session, first } = await attach(false);
    const written = captureOf((await page.sure<Applied>('apply', session, EDITS)).capture);
    expect(await judge(session, first, written, captures)).toEqual([]);
    await page.sure('detach', session, true);
    await guest.progress();
  });
});
