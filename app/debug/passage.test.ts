import { describe, expect, test } from 'vitest';
import { writeU64 } from '../bits/bytes.ts';
import type { Capture } from '../capture/capture.ts';
import type { Instruction, InstructionDecoder } from '../disas/instruction.ts';
import { sampleCapture } from '../fixtures/samples.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { outPassage, overPassage, runPassage } from './passage.ts';
import type { RunControl } from './target.ts';
import { fakeTarget } from './testing/fake-target.ts';

const first = sampleCapture();
const at = (rip: bigint, rsp: bigint, rbp = 0n): Capture => {
  const { general, control, descriptors } = first.facts;
  if (general === null || control === null || descriptors == null) throw new Error('the sample has all registers');
  return {
    ...first,
    facts: {
      ...first.facts,
      general: { ...general, rip, rsp, rbp },
      control: { ...control, cr0: control.cr0 | 1n, efer: 0x501n },
      descriptors: { ...descriptors, cs_base: 0n, cs_l: 1n, cs_d: 0n },
    },
  };
};

const STACK = 0x8000n;
/** By first byte: enough of the instructions of a function and of what calls it. */
const KNOWN: Readonly<Record<number, Partial<Instruction> & { readonly size: number }>> = {
  232: { size: 5, mnemonic: 'call', flow: 'call' },
  255: { size: 2, mnemonic: 'call', flow: 'call' },
  243: { size: 2, mnemonic: 'movsb' },
  195: { size: 1, mnemonic: 'ret', flow: 'return' },
  85: { size: 1, mnemonic: 'push', text: 'push rbp' },
  72: { size: 3, mnemonic: 'mov', text: 'mov rbp,rsp' },
  144: { size: 1, mnemonic: 'nop' },
};
const decoder: InstructionDecoder = {
  decode: (bytes, address) => {
    const known = KNOWN[bytes[0] ?? 0];
    if (known === undefined || bytes.length < known.size) return null;
    const target = bytes[0] === 0xe8 ? address + 5n + BigInt(bytes[1] ?? 0) : null;
    return {
      ...{ address, bytes: bytes.slice(0, known.size), mnemonic: '', text: '', isBad: false, flow: 'next', target },
      ...{ reads: [], writes: [], memory: [] },
      ...known,
    };
  },
};

/** The same, with calls of 32 bits, and PUSH RBX. */
const leafDecoder: InstructionDecoder = {
  decode: (bytes, address, bitness, syntax) => {
    const one = decoder.decode(bytes, address, bitness, syntax);
    if (bytes[0] === 0xe8 && one !== null) {
      const distance = new DataView(bytes.buffer, bytes.byteOffset).getInt32(1, true);
      return { ...one, target: address + 5n + BigInt(distance) };
    }
    if (bytes[0] !== 0x53) return one;
    const nop = decoder.decode(Uint8Array.of(0x90), address, bitness, syntax);
    return nop === null ? null : { ...nop, mnemonic: 'push', text: 'push rbx', writes: ['rsp'] };
  },
};

const memoryOf = (
  code: Readonly<Record<string, string>>,
  words: Readonly<Record<string, bigint>> = {},
): GuestMemory => {
  const bytes = new Uint8Array(0x10000);
  for (const [address, hex] of Object.entries(code))
    bytes.set(Buffer.from(hex.replaceAll(' ', ''), 'hex'), Number(address));
  for (const [address, word] of Object.entries(words)) writeU64(bytes, Number(address), word);
  const memory: GuestMemory = {
    proof: { candidate: 'test', regions: [], translations: 9 },
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
  return memory;
};

describe('[RC8] over', () => {
  test.each([
    ['a call', 'e8 10 00 00 00', 0x1005n],
    ['a call through a register', 'ff d0', 0x1002n],
    ['a repeated instruction', 'f3 a4', 0x1002n],
  ])('%s is run to the instruction behind it', async (_name, code, address) => {
    const over = await overPassage(memoryOf({ 4096: code }), at(0x1000n, STACK), decoder);
    expect(over).toEqual(answer({ address, leastRsp: STACK }));
  });

  test.each([
    ['any other instruction', '90'],
    ['a RET', 'c3'],
    ['a call of what is next, which reads RIP', 'e8 00 00 00 00'],
  ])('%s is one step', async (_name, code) => {
    expect(await overPassage(memoryOf({ 4096: code }), at(0x1000n, STACK), decoder)).toEqual(answer(null));
  });

  test('where its code is not known, that is said, with what to do instead', async () => {
    const over = await overPassage(memoryOf({}), at(0x20000n, STACK), decoder);
    expect(over).toMatchObject({
      ok: false,
      refusal: { code: 'memory-unknown', remedy: expect.stringContaining('Step') },
    });
  });
});

describe('[RC8] out', () => {
  const code = { 4096: 'e8 fb 0f 00 00', 8192: '55 48 89 e5 90 c3' };

  test.each([
    ['the entry', 0x2000n, STACK, 0n, { [String(STACK)]: 0x1005n }, STACK + 8n, 'entry'],
    ['behind PUSH RBP', 0x2001n, STACK, 0n, { [String(STACK + 8n)]: 0x1005n }, STACK + 16n, 'entry'],
    ['in its middle', 0x2004n, STACK, STACK + 64n, { [String(STACK + 72n)]: 0x1005n }, STACK + 80n, 'frame-pointer'],
    ['its RET', 0x2005n, STACK, 0n, { [String(STACK)]: 0x1005n }, STACK + 8n, 'ret'],
  ] as const)('from %s: to the return address', async (_name, rip, rsp, rbp, words, leastRsp, by) => {
    const out = await outPassage(memoryOf(code, words), at(rip, rsp, rbp), decoder);
    expect(out).toEqual(answer({ address: 0x1005n, leastRsp, by }));
  });

  test('from a function that keeps no frame: the top of the stack, and not the frame of its caller that RBP leads to', async () => {
    const leaf = { 4096: 'e8 fb 1f 00 00', 4112: 'e8 eb 1f 00 00', 12288: '90 90 c3' };
    const words = { [String(STACK)]: 0x1005n, [String(STACK + 72n)]: 0x1015n };
    const of = (rip: bigint) => outPassage(memoryOf(leaf, words), at(rip, STACK, STACK + 64n), leafDecoder);
    for (const rip of [0x3000n, 0x3001n])
      expect(await of(rip)).toEqual(answer({ address: 0x1005n, leastRsp: STACK + 8n, by: 'entry' }));
  });

  test('one that has moved its stack pointer does, or is not known', async () => {
    const pushes = { 4096: 'e8 fb 1f 00 00', 4112: 'e8 eb 1f 00 00', 12288: '53 90 c3' };
    const words = { [String(STACK)]: 0x1005n, [String(STACK + 72n)]: 0x1015n };
    expect(await outPassage(memoryOf(pushes, words), at(0x3001n, STACK, STACK + 64n), leafDecoder)).toEqual(
      answer({ address: 0x1015n, leastRsp: STACK + 80n, by: 'frame-pointer' }),
    );
  });

  test.each([
    ['what lies there follows no call', { [String(STACK + 72n)]: 0x2004n }, STACK + 64n],
    ['RBP leads nowhere', {}, STACK - 8n],
  ])('refused where %s', async (_name, words, rbp) => {
    const out = await outPassage(memoryOf(code, words), at(0x2004n, STACK, rbp), decoder);
    expect(out).toMatchObject({ ok: false, refusal: { code: 'memory-unknown', where: 'the stack' } });
  });
});

/** Comes to the place with these stack pointers, one after the other. */
const coming = (rsps: readonly bigint[], hit: readonly number[] = [0]) => {
  const target = fakeTarget(at(0x1000n, STACK));
  let runs = 0;
  const control: RunControl = {
    mostStepsAtOnce: 1,
    step: async () => refuse('usage', 'not asked'),
    runTo: async () => {
      const rsp = rsps[runs];
      runs += 1;
      if (rsp === undefined) return answer({ stops: [], ended: 'halted', interruptsBlocked: true, hit: [] });
      target.state = at(hit.includes(0) ? 0x1005n : 0x3000n, rsp);
      return answer({ stops: [], ended: 'done', interruptsBlocked: true, hit });
    },
  };
  return { target, control, runs: () => runs };
};
const passage = { address: 0x1005n, leastRsp: STACK };

describe('[RC8] on the way', () => {
  test('inner calls of the same code, and other threads in it, are passed', async () => {
    const { target, control, runs } = coming([STACK - 64n, STACK - 32n, STACK + 0x20_0000n, STACK]);
    const passed = await runPassage(target, control, passage, [], 100);
    expect([passed, runs()]).toMatchObject([{ ok: true, value: { ended: 'arrived' } }, 4]);
  });

  test('arguments that the callee has popped are no other frame', async () => {
    const { target, control } = coming([STACK + 16n]);
    expect(await runPassage(target, control, passage, [], 100)).toMatchObject({ value: { ended: 'arrived' } });
  });

  test('another breakpoint ends it, by its own number; none in so long asks for more', async () => {
    const other = [{ address: 0x3000n, on: 'execute' as const, bytes: 1 }];
    const hit = coming([STACK - 8n], [1]);
    expect(await runPassage(hit.target, hit.control, passage, other, 100)).toMatchObject({
      value: { ended: 'hit', hit: [0] },
    });
    const none = coming([]);
    expect(await runPassage(none.target, none.control, passage, [], 100)).toMatchObject({ value: { ended: 'more' } });
  });
});
