import { expect, test } from 'playwright/test';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { tilescope, tilescopeJson } from '../models/tilescope.ts';

interface Steps {
  readonly steps: number;
  readonly stops: readonly { readonly rip: string }[];
  readonly why: string | null;
}

/*
 * The code of e2e/guest/rom.S with CALLS, in memory:
 *
 *   8000 inc (%rdi) | 8003 call 800c | 8008 pushf | 8009 pop %rax | 800a jmp 8000
 *   800c push %rbp | 800d mov %rsp, %rbp | 8010 call 8018 | 8015 nop | 8016 pop %rbp | 8017 ret
 *   8018 mov $40, %ecx | 801d dec %ecx | 801f jnz 801d | 8021 ret
 */
const CALL = 0x8003;
const BEHIND_CALL = 0x8008;
const PUSHF = 0x8008;
const BEHIND_INNER = 0x8015;
const OUTER = 0x800c;

test.describe('functions of a real QEMU guest, from the command line', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  test.beforeAll(async () => {
    guest = await Guest.start({ name: 'calls', inMemory: true, calls: true });
  });
  test.afterAll(async () => {
    await guest?.stop();
  });

  const step = async (...words: string[]): Promise<number[]> => {
    const { stops, why } = await tilescopeJson<Steps>('step', '--pid', String(guest.pid), '--wait', '600', ...words);
    expect(why).toBeNull();
    return stops.map(({ rip }) => Number(rip));
  };

  test('[RC8] out of a function: to where it was called from, by whatever it keeps; in none it is refused', async () => {
    const footprint = guest.footprint();
    const seen = new Set<number | 'refused'>();
    for (; !seen.has(BEHIND_INNER); ) {
      const { code, out, err } = await tilescope(
        'step',
        '--pid',
        String(guest.pid),
        '--out',
        '--wait',
        '600',
        '--json',
      );
      if (code !== 0) expect(err).toContain('where this function returns to is not known');
      const [stop] = code === 0 ? (JSON.parse(out) as Steps).stops : [];
      seen.add(stop === undefined ? 'refused' : Number(stop.rip));
    }
    expect([BEHIND_INNER, BEHIND_CALL, 'refused']).toEqual(expect.arrayContaining([...seen]));
    await guest.progress();
    expect(guest.footprint()).toEqual(footprint);
  });

  test('[RC8] a call is one step: behind it, and never into it', async () => {
    const footprint = guest.footprint();
    // Out of both functions, if it stands in one, and many rounds of the loop.
    const stops = await step('--over', '130');
    const round = stops.slice(stops.indexOf(BEHIND_CALL));
    expect(stops).toContain(BEHIND_CALL);
    expect(round.length).toBeGreaterThan(20);
    expect(round.filter((rip) => rip >= OUTER)).toEqual([]);
    for (const [at, rip] of round.entries())
      if (rip === CALL && at + 1 < round.length) expect(round[at + 1]).toBe(BEHIND_CALL);
    await guest.progress();
    expect(guest.footprint()).toEqual(footprint);
  });

  test('[RC7] PUSHF is passed without a step: no TF in what it stores', async () => {
    const footprint = guest.footprint();
    const never = await tilescope(
      ...['run', '--pid', String(guest.pid), '--until', 'rax & 0x100', '--steps', '20000', '--wait', '3600'],
    );
    expect([never.code, never.out]).toEqual([1, expect.stringContaining('not in 20000 instructions')]);
    expect(never.err).not.toContain('TF');
    // It came by it.
    const there = await tilescopeJson<{ hit: boolean }>('break', '--pid', String(guest.pid), `0x${PUSHF.toString(16)}`);
    expect(there.hit).toBe(true);
    await guest.progress();
    expect(guest.footprint()).toEqual(footprint);
  });
});
