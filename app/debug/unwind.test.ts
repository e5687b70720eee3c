import { beforeEach, describe, expect, test } from 'vitest';
import { writeU64 } from '../bits/bytes.ts';
import type { Capture, GeneralRegisters } from '../capture/capture.ts';
import { memoryOf } from './memory-of.ts';
import { type FakeMemory, fakeMemory, memoryCapture } from './testing/fake-memory.ts';
import { fakeTarget } from './testing/fake-target.ts';
import { callStack } from './unwind.ts';

let fake: FakeMemory;
beforeEach(() => {
  fake = fakeMemory();
  fake.bytes.fill(0x90, 0x20_1000, 0x20_2000);
});

/** Code from 0x401000 on, the stack on the page at 0x402000. */
const frame = (at: number, next: number, returnTo: number): void => {
  writeU64(fake.bytes, at - 0x20_0000, BigInt(next));
  writeU64(fake.bytes, at - 0x20_0000 + 8, BigInt(returnTo));
};
const callBefore = (address: number, ...code: number[]): void =>
  fake.bytes.set(code, address - 0x20_0000 - code.length);

const stack = async (rbp: number, change: Partial<Capture['facts']> = {}) => {
  const capture = memoryCapture();
  const general = {
    ...(capture.facts.general as GeneralRegisters),
    rip: 0x40_1010n,
    rsp: 0x40_2000n,
    rbp: BigInt(rbp),
  };
  const facts = { ...capture.facts, general, ...change };
  const memory = await memoryOf(Object.assign(fakeTarget({ ...capture, facts }), { memory: fake.port }), facts);
  if (!memory.ok) throw new Error(memory.refusal.what);
  const { frames, end } = await callStack(memory.value, facts);
  return { calls: frames.map(({ address }) => `0x${address.toString(16)}`), end };
};

describe('[LT3] the calls that led there, by frame pointers', () => {
  test('each return behind a call, of whichever form, until a frame pointer of 0', async () => {
    frame(0x402010, 0x402040, 0x401100);
    callBefore(0x401100, 0xe8, 1, 2, 3, 4);
    frame(0x402040, 0x402080, 0x401200);
    callBefore(0x401200, 0xff, 0xd0);
    frame(0x402080, 0x4020c0, 0x401300);
    callBefore(0x401300, 0x41, 0xff, 0x92, 0, 0, 0, 1);
    frame(0x4020c0, 0, 0x401400);
    callBefore(0x401400, 0xff, 0x15, 0, 0, 0, 0);
    expect(await stack(0x402010)).toEqual({
      calls: ['0x401010', '0x401100', '0x401200', '0x401300', '0x401400'],
      end: 'a frame pointer of 0 ends the chain',
    });
  });

  test.each([
    ['RBP that is a number', 1234, 'RBP is no frame pointer there'],
    ['RBP that leads to nothing', 0x40_7000, 'RBP is no frame pointer there'],
    ['RBP below RSP', 0x40_1ff0, 'RBP is no frame pointer there'],
    ['an address behind no call', 0x402010, 'returns behind no call'],
  ])('%s ends it, with why', async (_what, rbp, why) => {
    frame(0x402010, 0x402040, 0x401100);
    expect(await stack(rbp)).toEqual({ calls: ['0x401010'], end: expect.stringContaining(why) });
  });

  test('a chain that leads back to itself ends', async () => {
    frame(0x402010, 0x402010, 0x401100);
    callBefore(0x401100, 0xe8, 1, 2, 3, 4);
    expect((await stack(0x402010)).calls).toHaveLength(2);
  });

  test('of 32-bit code the next instruction alone is known', async () => {
    const { descriptors } = memoryCapture().facts;
    if (descriptors === null) throw new Error('the loop has descriptors');
    const found = await stack(0x402010, { descriptors: { ...descriptors, cs_l: 0n, cs_d: 1n } });
    expect(found).toEqual({ calls: ['0x401010'], end: 'calls of 64-bit code alone are followed' });
  });
});
