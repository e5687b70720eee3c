import { describe, expect, test } from 'vitest';
import type { Capture } from '../capture/capture.ts';
import { sampleCapture } from '../fixtures/samples.ts';
import type { GuestMemory, MemoryPort } from '../memory/guest-memory.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { NO_BREAKPOINTS } from './drive-words.ts';
import { guardedRunControl } from './guarded-run-control.ts';
import { mayStepAt } from './known-code.ts';
import type { RunControl } from './target.ts';
import { fakeTarget } from './testing/fake-target.ts';

const IDT = 0x8000n;
const HANDLER = 0x2_1000n;
const USER = 0x5_0000n;

/** nop; pushfq; nop; int 0x80 → nop; sysretq → nop; nop; jmp to the start. By address: its bytes, and what is next. */
const PROGRAM = new Map<bigint, readonly [string, bigint]>([
  [0x1000n, ['90', 0x1001n]],
  [0x1001n, ['9c', 0x1002n]],
  [0x1002n, ['90', 0x1003n]],
  [0x1003n, ['cd80', HANDLER]],
  [HANDLER, ['90', HANDLER + 1n]],
  [HANDLER + 1n, ['480f07', USER]],
  [USER, ['90', USER + 1n]],
  [USER + 1n, ['90', USER + 2n]],
  [USER + 2n, ['e9f9afffff', 0x1000n]],
]);
const STORES = [0x1001n, 0x1003n, HANDLER + 1n];

const guest = (program: ReadonlyMap<bigint, readonly [string, bigint]> = PROGRAM, rcx = USER) => {
  const first = sampleCapture();
  const { general, control: registers, descriptors } = first.facts;
  if (general === null || registers === null || descriptors == null) throw new Error('the sample has all registers');
  const at = (rip: bigint): Capture => ({
    ...first,
    facts: {
      ...first.facts,
      general: { ...general, rip, rcx },
      control: { ...registers, cr0: registers.cr0 | 1n, efer: 0x501n },
      descriptors: { ...descriptors, cs_base: 0n, cs_l: 1n, cs_d: 0n, idt_base: IDT, idt_limit: 0xfffn },
    },
  });
  const target = fakeTarget(at(0x1000n));
  const bytes = new Uint8Array(0x60000);
  for (const [address, [hex]] of program) bytes.set(Buffer.from(hex, 'hex'), Number(address));
  // The gate of vector 80H.
  bytes.set(Buffer.from('00100800008e0200', 'hex'), Number(IDT) + 0x80 * 16);
  const memory: GuestMemory = {
    proof: { regions: [], translations: 9 } as unknown as GuestMemory['proof'],
    translate: async () => ({ ok: false }) as never,
    readPhysical: async () => refuse('memory-unknown', 'not asked'),
    readLinear: async (linear, count) =>
      linear + BigInt(count) > BigInt(bytes.length)
        ? refuse('not-mapped', 'not there')
        : answer({ linear, physical: linear, bytes: bytes.slice(Number(linear), Number(linear) + count) }),
    under: () => memory,
    placesToWrite: async () => refuse('memory-unknown', 'not asked for'),
    writePlace: async () => refuse('memory-unknown', 'not asked for'),
  };
  const stepped: bigint[] = [];
  const run: string[] = [];
  const rip = (): bigint => target.state.facts.general?.rip ?? 0n;
  const go = (): void => {
    target.state = at(program.get(rip())?.[1] ?? 0n);
  };
  const control: RunControl = {
    mostStepsAtOnce: 100,
    step: async (count, { keepLast = false, code = null } = {}) => {
      const captures: Capture[] = [];
      let made = 0;
      while (made < count && (made === 0 || code === null || mayStepAt(code, rip()))) {
        stepped.push(rip());
        go();
        made += 1;
        if (keepLast) captures.length = 0;
        captures.push(target.state);
      }
      const stops = captures.flatMap(({ facts }) => (facts.general === null ? [] : [facts.general]));
      return answer({ stops, captures, made, holds: false, ended: 'done', interruptsBlocked: true });
    },
    runTo: async (breakpoints, _waitMs, options) => {
      run.push(`${breakpoints.map(({ address }) => address.toString(16)).join()} ${JSON.stringify(options)}`);
      do go();
      while (!breakpoints.some(({ address }) => address === rip()));
      const { general: now } = target.state.facts;
      return answer({ stops: now === null ? [] : [now], ended: 'done', interruptsBlocked: true, hit: [0] });
    },
  };
  Object.assign(target, { memory: {} as MemoryPort });
  return { target, control, memory, stepped, run, rip };
};

const expected = (count: number): readonly bigint[] => {
  const seen: bigint[] = [];
  let rip = 0x1000n;
  for (let at = 0; at < count; at += 1) {
    rip = PROGRAM.get(rip)?.[1] ?? 0n;
    seen.push(rip);
  }
  return seen;
};

test('[RC7] what stores RFLAGS is run to where it goes, and every instruction is a stop all the same', async () => {
  const { target, control, memory, stepped, run } = guest();
  const made = await guardedRunControl(target, control, async () => answer(memory)).step(30);
  if (!made.ok) throw new Error(made.refusal.what);
  expect(made.value.stops.map(({ rip }) => rip)).toEqual(expected(30));
  expect(made.value).toMatchObject({ made: 30, ended: 'done', unguarded: null });
  expect(stepped.filter((rip) => STORES.includes(rip))).toEqual([]);
  const around = { notThere: true, noInterrupts: true };
  expect(new Set(run)).toEqual(
    new Set([`1002 ${JSON.stringify(around)}`, `21000 ${JSON.stringify(around)}`, `50000 ${JSON.stringify(around)}`]),
  );
});

test('[TP6] the bytes that were read to tell that are of the first instruction, whatever it was stepped by', async () => {
  const { target, control, memory } = guest();
  const guarded = guardedRunControl(target, control, async () => answer(memory));
  const firsts: number[] = [];
  for (let steps = 0; steps < 4; steps += 1) {
    const made = await guarded.step(1);
    if (made.ok) firsts.push(made.value.code?.[0] ?? -1);
  }
  const many = await guarded.step(9);
  expect(firsts).toEqual([0x90, 0x9c, 0x90, 0xcd]);
  expect(many).toMatchObject({ ok: true, value: { made: 9, code: expect.objectContaining({ 0: 0x90 }) } });
});

test('[RC7] HLT is run to the instruction behind it, interrupts and all', async () => {
  const { target, control, memory, stepped, run } = guest(
    new Map([
      [0x1000n, ['90', 0x1001n]],
      [0x1001n, ['f4', 0x1002n]],
      [0x1002n, ['ebfc', 0x1000n]],
    ]),
  );
  const made = await guardedRunControl(target, control, async () => answer(memory)).step(9);
  expect(made).toMatchObject({ ok: true, value: { made: 9, ended: 'done', unguarded: null } });
  expect(stepped).not.toContain(0x1001n);
  expect(new Set(run.map((one) => one.slice(one.indexOf('{'))))).toEqual(
    new Set([JSON.stringify({ notThere: true, noInterrupts: false })]),
  );
});

test('[RC5] where the state after each is kept, the vCPU is not read again on the way, nor code that is known', async () => {
  const { target, control, memory } = guest(
    new Map([
      [0x1000n, ['90', 0x1001n]],
      [0x1001n, ['ebfd', 0x1000n]],
    ]),
  );
  let [captures, reads] = [0, 0];
  const { capture } = target;
  target.capture = async () => {
    captures += 1;
    return capture();
  };
  const counting: GuestMemory = {
    ...memory,
    readLinear: async (...asked) => {
      reads += 1;
      return memory.readLinear(...asked);
    },
    under: () => counting,
  };
  const guarded = guardedRunControl(target, control, async () => answer(counting));
  const first = await guarded.step(100, { keepState: true, now: target.state });
  if (!first.ok) throw new Error(first.refusal.what);
  const readOnce = reads;
  let now = first.value.captures.at(-1);
  for (let part = 0; part < 10 && now !== undefined; part += 1) {
    const more = await guarded.step(100, { keepState: true, now });
    now = more.ok ? more.value.captures.at(-1) : undefined;
  }
  expect(now?.facts.general?.rip).toBe(0x1000n);
  expect([captures, reads - readOnce]).toEqual([0, 0]);
});

test('[RC7] with the last state alone kept, and one by one', async () => {
  const { target, control, memory, stepped } = guest();
  const guarded = guardedRunControl(target, control, async () => answer(memory));
  const last = await guarded.step(12, { keepState: true, keepLast: true });
  expect(last).toMatchObject({
    ok: true,
    value: { made: 12, captures: [{ facts: { general: { rip: expected(12)[11] } } }] },
  });
  for (let at = 12; at < 24; at += 1) {
    const one = await guarded.step(1);
    expect(one).toMatchObject({ ok: true, value: { made: 1, stops: [{ rip: expected(24)[at] }] } });
  }
  expect(stepped.filter((rip) => STORES.includes(rip))).toEqual([]);
});

test('[RC7] to a breakpoint no step is made first, but from one', async () => {
  const { target, control, memory, stepped, run, rip } = guest();
  const guarded = guardedRunControl(target, control, async () => answer(memory));
  const breakpoints = [{ address: 0x1001n, on: 'execute' as const, bytes: 1 }];
  await guarded.runTo(breakpoints, 100);
  expect([rip(), stepped, run]).toEqual([0x1001n, [], ['1001 {"notThere":true}']]);
  await guarded.runTo(breakpoints, 100);
  expect([rip(), stepped]).toEqual([0x1001n, []]);
});

test('[RC7] where the code is not known it is stepped, and that is said', async () => {
  const { target, control, stepped } = guest();
  const guarded = guardedRunControl(target, control, async () => refuse('memory-unknown', 'memory is not known'));
  const made = await guarded.step(5);
  expect(made).toMatchObject({ ok: true, value: { made: 5, unguarded: 'memory is not known' } });
  expect(stepped).toContain(0x1001n);
});

test('[RC7] in code that is not known, as a ROM is, all that can be made at once is, and that is said', async () => {
  const { target, control, memory, stepped } = guest();
  const rom: GuestMemory = {
    ...memory,
    under: () => rom,
    readLinear: async (linear, count) =>
      linear >= 0x1000n && linear < 0x2000n
        ? refuse('memory-unknown', 'the ROM is not known')
        : memory.readLinear(linear, count),
  };
  let requests = 0;
  const counted: RunControl['step'] = (count, options) => {
    requests += 1;
    return control.step(count, options);
  };
  const guarded = guardedRunControl(target, { ...control, step: counted }, async () => answer(rom));
  const made = await guarded.step(4);
  expect(made).toMatchObject({ ok: true, value: { made: 4, unguarded: 'the ROM is not known' } });
  expect([requests, stepped]).toEqual([1, [0x1000n, ...expected(3)]]);
});

test('[RC10] before the next instruction of a class, and past one at which it begins', async () => {
  const tile = new Map<bigint, readonly [string, bigint]>([
    [0x1000n, ['9c', 0x1001n]],
    [0x1001n, ['90', 0x1002n]],
    [0x1002n, ['c4e27849c0', 0x1007n]],
    [0x1007n, ['90', 0x1000n]],
  ]);
  const { target, control, memory, rip } = guest(tile);
  const guarded = guardedRunControl(target, control, async () => answer(memory));
  const first = await guarded.step(100, { before: 'tile' });
  expect([first, rip()]).toMatchObject([{ ok: true, value: { holds: true, made: 2 } }, 0x1002n]);
  const second = await guarded.step(100, { before: 'tile' });
  expect([second, rip()]).toMatchObject([{ ok: true, value: { holds: true, made: tile.size } }, 0x1002n]);
});

test.each([
  [0x10n, false],
  [0x1c4n, true],
])('[RC10] WRMSR with ECX %s is one of IA32_XFD: %s', async (rcx, holds) => {
  const program = new Map<bigint, readonly [string, bigint]>([
    [0x1000n, ['90', 0x1001n]],
    [0x1001n, ['0f30', 0x1003n]],
    [0x1003n, ['90', 0x1000n]],
  ]);
  const { target, control, memory } = guest(program, rcx);
  const run = await guardedRunControl(target, control, async () => answer(memory)).step(20, { before: 'wrmsr xfd' });
  expect(run).toMatchObject({ ok: true, value: { holds, made: holds ? 1 : 20 } });
});

test('[RC10] where the code is not known it is refused', async () => {
  const { target, control } = guest();
  const guarded = guardedRunControl(target, control, async () => refuse('memory-unknown', 'memory is not known'));
  expect(await guarded.step(5, { before: 'tile' })).toMatchObject({ ok: false, refusal: { code: 'memory-unknown' } });
  const none = guardedRunControl(fakeTarget(sampleCapture()), control);
  expect(await none.step(5, { before: 'tile' })).toMatchObject({ ok: false, refusal: { code: 'memory-unknown' } });
});

describe('[RC14] where this KVM stops no guest at a breakpoint', () => {
  const none = { breakpointsHit: async () => ({ instructions: false, data: false, faults: null }) };

  test('what stores RFLAGS is stepped like all else, and that is said; nothing is run to where it goes', async () => {
    const { target, control, memory, stepped, run } = guest();
    const made = await guardedRunControl(target, { ...control, ...none }, async () => answer(memory)).step(12);
    if (!made.ok) throw new Error(made.refusal.what);
    expect(made.value.stops.map(({ rip }) => rip)).toEqual(expected(12));
    expect([made.value.unguarded, run]).toEqual([NO_BREAKPOINTS, []]);
    expect(stepped).toEqual(expect.arrayContaining(STORES));
  });

  test('of code that stores none nothing is said', async () => {
    const { target, control, memory } = guest();
    const guarded = guardedRunControl(target, { ...control, ...none }, async () => answer(memory));
    expect(await guarded.step(1)).toMatchObject({ ok: true, value: { made: 1, unguarded: null } });
  });

  test('a run to an instruction is refused, and the guest stands where it stood', async () => {
    const { target, control, memory, stepped, run } = guest();
    const guarded = guardedRunControl(target, { ...control, ...none }, async () => answer(memory));
    const both = [
      { address: 0x2000n, on: 'write' as const, bytes: 4 },
      { address: 0x1002n, on: 'execute' as const, bytes: 1 },
    ];
    expect(await guarded.runTo(both, 100)).toMatchObject({ ok: false, refusal: { code: 'no-breakpoints' } });
    expect([stepped, run]).toEqual([[], []]);
  });

  test('one to watched data is made, and doubted', async () => {
    const { target, control, memory } = guest();
    const hits = { breakpointsHit: async () => ({ instructions: true, data: false, faults: null }) };
    const guarded = guardedRunControl(target, { ...control, ...hits }, async () => answer(memory));
    const data = await guarded.runTo([{ address: 0x1002n, on: 'write', bytes: 2 }], 100);
    expect(data).toMatchObject({ ok: true, value: { doubt: expect.stringContaining('no watchpoint') } });
    const code = await guarded.runTo([{ address: 0x1002n, on: 'execute', bytes: 1 }], 100);
    expect(code.ok && code.value.doubt).toBe(undefined);
  });

  test('where it is not known nothing is doubted', async () => {
    const { target, control, memory, run } = guest();
    const hits = { breakpointsHit: async () => ({ instructions: null, data: null, faults: null }) };
    const guarded = guardedRunControl(target, { ...control, ...hits }, async () => answer(memory));
    const made = await guarded.step(12);
    expect(made).toMatchObject({ ok: true, value: { made: 12, unguarded: null } });
    expect(run.length).toBeGreaterThan(0);
    const data = await guarded.runTo([{ address: 0x1002n, on: 'write', bytes: 2 }], 100);
    expect(data.ok && data.value.doubt).toBe(undefined);
  });

  test.each([
    [false, expect.stringContaining('handler')],
    [true, null],
  ])('a step that went into a handler is told where steps end there: faults end behind it %s', async (faults, said) => {
    const { target, control, memory } = guest();
    const into: RunControl['step'] = async () => {
      const { general } = target.state.facts;
      if (general === null) throw new Error('the sample has all registers');
      const stop = { ...general, rip: HANDLER, rsp: general.rsp - 40n };
      return answer({ stops: [stop], captures: [], made: 1, holds: false, ended: 'done', interruptsBlocked: true });
    };
    const hits = { breakpointsHit: async () => ({ instructions: true, data: true, faults }), step: into };
    const guarded = guardedRunControl(target, { ...control, ...hits }, async () => answer(memory));
    expect(await guarded.step(1)).toMatchObject({ ok: true, value: { made: 1, unguarded: said } });
  });
});
