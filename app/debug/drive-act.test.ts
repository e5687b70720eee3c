import { describe, expect, test } from 'vitest';
import type { Capture } from '../capture/capture.ts';
import { sampleCapture } from '../fixtures/samples.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import type { Breakpoint } from '../wire/run.ts';
import { driveAct } from './drive-act.ts';
import type { DriveAct, DrivenBreakpoint } from './drive-words.ts';
import type { BreakpointAnswer } from './target.ts';
import { type FakeTarget, fakeTarget } from './testing/fake-target.ts';

const first = sampleCapture();
const { general, control } = first.facts;
if (general === null || control === null) throw new Error('the sample has registers');

const NO_DECODER = async () => ({ decode: () => null });

/** A guest whose RAX counts the hits of its first breakpoint, and that has ended after so many. */
const hitting = async (hits: number, ended: BreakpointAnswer['ended'] = 'done') => {
  const target: FakeTarget = fakeTarget(first);
  const asked: { readonly breakpoints: readonly Breakpoint[]; readonly waitMs: number }[] = [];
  let rax = 0n;
  Object.assign(target, {
    runControl: {
      mostStepsAtOnce: 1_000,
      runTo: async (breakpoints: readonly Breakpoint[], waitMs: number) => {
        asked.push({ breakpoints, waitMs });
        const isHit = ended === 'done' && rax < hits;
        rax += 1n;
        const state: Capture = { ...first, facts: { ...first.facts, general: { ...general, rax } } };
        target.state = state;
        return answer({ stops: [], ended: isHit ? 'done' : 'more', interruptsBlocked: true, hit: isHit ? [0] : [] });
      },
    },
  });
  await target.freeze();
  return { target, asked, drive: (act: DriveAct) => driveAct(target, act, NO_DECODER) };
};

const at = (when?: string): DriveAct => {
  const one: DrivenBreakpoint = { address: '0x1000', on: 'execute', bytes: 1, ...(when === undefined ? {} : { when }) };
  return { kind: 'break', breakpoints: [one] };
};

describe('[RC2] a breakpoint with a condition', () => {
  test('is passed where that does not hold', async () => {
    const { drive, asked } = await hitting(100);
    expect(await drive(at('rax == 7'))).toMatchObject({
      ok: true,
      value: { why: 'hit', hit: [0], capture: { facts: { general: { rax: 7n } } } },
    });
    expect(asked).toHaveLength(7);
    // Only what is waited for anew waits less: a part ends within about a second.
    expect(asked.reduce((sum, { waitMs }) => sum + waitMs, 0)).toBeLessThan(1_000);
  });

  test('without one every hit counts', async () => {
    const { drive } = await hitting(100);
    expect(await drive(at())).toMatchObject({
      ok: true,
      value: { why: 'hit', capture: { facts: { general: { rax: 1n } } } },
    });
  });

  test('that is passed again and again gives the asker his turn, and so does one that is hit no more', async () => {
    const often = await hitting(Number.POSITIVE_INFINITY);
    expect(await often.drive(at('rax == 0'))).toMatchObject({ ok: true, value: { why: 'more', hit: [] } });
    expect(often.asked.length).toBeLessThan(100);
    expect(often.asked.reduce((sum, { waitMs }) => sum + waitMs, 0)).toBeLessThanOrEqual(1_000);
    const seldom = await hitting(3);
    expect(await seldom.drive(at('rax == 9'))).toMatchObject({ ok: true, value: { why: 'more', hit: [] } });
    expect(seldom.asked).toHaveLength(4);
  });

  test.each(['rax changes', 'AVX in use', 'next is tile', 'nothing'])('%j is no condition of one', async (when) => {
    const { drive } = await hitting(100);
    expect(await drive(at(when))).toMatchObject({ ok: false, refusal: { code: 'usage' } });
  });
});

describe('[RC4] until an exception', () => {
  const IDT = 0xfffffe0000000000n;
  /** A 64-bit interrupt gate for 0x81e00b30, present. */
  const GATE = Uint8Array.of(0x30, 0x0b, 0x10, 0, 0, 0x8e, 0xe0, 0x81, 0, 0, 0, 0, 0, 0, 0, 0);
  const descriptors = {
    ...{ cs_base: 0n, cs_l: 1n, cs_d: 0n, cpl: 0n, gdt_base: 0n, gdt_limit: 0x7fn },
    ...{ idt_base: IDT, idt_limit: 0xfffn },
  };
  const withIdt = (target: FakeTarget, ownMemory: GuestMemory | undefined): void => {
    const facts = { ...first.facts, control: { ...control, efer: 0xd01n }, descriptors };
    Object.assign(target, { state: { ...first, facts }, ownMemory });
  };
  const memory = {
    readLinear: async (linear: bigint) =>
      linear === IDT + 0x70n ? answer({ bytes: GATE, physical: 0n }) : refuse('not-mapped', 'nothing is there'),
  } as unknown as GuestMemory;
  const nm: DriveAct = { kind: 'until', condition: '#NM', most: 10 };

  test('it runs freely to the first instruction of the handler that the IDT names', async () => {
    const { target, asked, drive } = await hitting(100);
    withIdt(target, memory);
    expect(await drive(nm)).toMatchObject({ ok: true, value: { why: 'holds', made: 0, hit: [] } });
    expect(asked.map(({ breakpoints }) => breakpoints)).toEqual([[{ address: 0x81e00b30n, on: 'execute', bytes: 1 }]]);
    const none = await hitting(0);
    withIdt(none.target, memory);
    expect(await none.drive(nm)).toMatchObject({ ok: true, value: { why: 'more' } });
  });

  test('it is refused where memory is not known, and where the IDT has no such vector', async () => {
    const unknown = await hitting(100);
    withIdt(unknown.target, undefined);
    expect(await unknown.drive(nm)).toMatchObject({ ok: false, refusal: { code: 'memory-unknown' } });
    const other = await hitting(100);
    withIdt(other.target, memory);
    expect((await other.drive({ ...nm, condition: '#PF' })).ok).toBe(false);
    expect([unknown.asked, other.asked]).toEqual([[], []]);
  });
});
