import { expect, test } from 'playwright/test';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { startBuilt, tilescope, tilescopeJson } from '../models/tilescope.ts';

interface Steps {
  readonly steps: number;
  readonly stops: readonly { readonly rip: string }[];
  readonly why: string | null;
}

interface Run {
  readonly holds: boolean;
  readonly requests: number;
}

interface Traced {
  readonly stepsPerSecond: number;
  readonly bytes: number;
}

test.describe('single steps of a real QEMU guest, from the command line', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  test.beforeAll(async () => {
    guest = await Guest.start({ name: 'step' });
  });
  test.afterAll(async () => {
    await guest?.stop();
  });

  test('[RC1] each step is one instruction of its loop, as QEMU’s monitor sees them, and QEMU is left as it was', async () => {
    const footprint = guest.footprint();
    const { steps, stops, why } = await tilescopeJson<Steps>('step', '--pid', String(guest.pid), '200');
    expect([steps, why, stops.length]).toEqual([200, null, 200]);
    const round = new Set(stops.map(({ rip }) => rip));
    const seen = new Set<string>();
    for (let look = 0; look < 20; look += 1) {
      const rip = /[RE]IP=([0-9a-f]+)/.exec(await guest.monitor('info registers'))?.[1];
      if (rip !== undefined) seen.add(`0x${BigInt(`0x${rip}`).toString(16)}`);
    }
    expect([...seen].every((rip) => round.has(rip))).toBe(true);
    // The loop goes round: what follows an instruction once follows it always.
    const after = new Map<string, string>();
    for (const [index, { rip }] of stops.entries()) {
      const next = stops[index + 1]?.rip;
      if (next === undefined) continue;
      expect(after.get(rip) ?? next).toBe(next);
      after.set(rip, next);
    }
    await guest.progress();
    expect(guest.footprint()).toEqual(footprint);
  });

  test('[RC2] a breakpoint in its loop is hit, one elsewhere is not', async () => {
    const footprint = guest.footprint();
    const { stops } = await tilescopeJson<Steps>('step', '--pid', String(guest.pid), '4');
    // The loop's segments are flat: RIP is the linear address.
    for (const { rip } of stops) {
      expect(await tilescopeJson('break', '--pid', String(guest.pid), rip)).toEqual({
        ...{ hit: true, rip, why: null },
        breakpoints: [{ breakpoint: rip, hit: true, hits: 1 }],
      });
    }
    const missed = await tilescope('break', '--pid', String(guest.pid), '0x5000', '--wait', '1');
    expect([missed.code, missed.out]).toEqual([1, 'nothing at 0x5000 in 1 s\n']);
    await guest.progress();
    expect(guest.footprint()).toEqual(footprint);
  });

  test('[RC4] run until: at the instruction after which the condition holds', async () => {
    const footprint = guest.footprint();
    const { stops } = await tilescopeJson<Steps>('step', '--pid', String(guest.pid), '4');
    for (const rip of new Set(stops.map((stop) => stop.rip))) {
      const run = await tilescopeJson<Run>(
        'run',
        '--pid',
        String(guest.pid),
        '--until',
        `rip == ${rip}`,
        '--wait',
        '30',
      );
      expect(run).toMatchObject({ holds: true, rip, why: null });
      expect(run.requests).toBe(1);
    }
    const words = ['run', '--pid', String(guest.pid), '--until', 'xmm5 changes', '--steps', '5000', '--wait', '3600'];
    const never = await tilescope(...words);
    expect([never.code, never.out]).toEqual([1, expect.stringContaining('xmm5 changes: not in 5000 instructions')]);
    await guest.progress();
    expect(guest.footprint()).toEqual(footprint);
  });

  test('[RC5] a trace of 10,000 instructions is a session, and each stop of it one instruction of the loop', async () => {
    const footprint = guest.footprint();
    const out = test.info().outputPath('trace.json');
    const traced = await tilescopeJson<Traced>('trace', '--pid', String(guest.pid), '--steps', '10000', '--out', out);
    expect(traced).toMatchObject({ steps: 10_000, stops: 10_001, why: null });
    console.log(`# ${traced.stepsPerSecond} instructions a second, the whole state kept; ${traced.bytes} bytes`);
    const { stops } = await tilescopeJson<Steps>('step', '--pid', String(guest.pid), '4');
    const round = new Set(stops.map(({ rip }) => rip));
    for (const at of [2, 3, 5_000, 10_001]) {
      const { rip } = await tilescopeJson<{ rip: string }>('show', `${out}@${at}`, 'rip');
      expect(round.has(`0x${BigInt(rip).toString(16)}`), `stop ${at}: ${rip}`).toBe(true);
    }
    await guest.progress();
    expect(guest.footprint()).toEqual(footprint);
  });

  test('[RC3] Ctrl+C ends a run in order: what it has brought is told, and the guest runs on', async () => {
    const footprint = guest.footprint();
    const words = ['run', '--pid', String(guest.pid), '--until', 'xmm5 changes', '--wait', '3600', '--json'];
    const run = startBuilt('cli', words, {});
    let out = '';
    run.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    const ended = new Promise<number | null>((resolve) => run.once('close', resolve));
    // It has begun where the vCPU is traced; only then is another one tried, which is refused: before, the run might be.
    const isTraced = (): boolean => guest.footprint().signalMasks.some((line) => /TracerPid:\s*[1-9]/.test(line));
    await expect.poll(isTraced).toBe(true);
    expect((await tilescope('show', '--pid', String(guest.pid), 'rip')).code).not.toBe(0);
    run.kill('SIGINT');
    expect(await ended).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ holds: false, steps: expect.any(Number) });
    await guest.progress();
    await expect.poll(() => guest.footprint()).toEqual(footprint);
  });

  test('[RC1] a count that is none is refused before anything is stopped', async () => {
    const refused = await tilescope('step', '--pid', String(guest.pid), '0');
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('from 1 to');
  });
});
