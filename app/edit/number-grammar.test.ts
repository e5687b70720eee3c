import { describe, expect, test } from 'vitest';
import { sampleAmxCapture } from '../fixtures/samples.ts';
import { parseNumber } from '../value/number.ts';
import { stageAssignments } from './assign.ts';

describe('[V7] one grammar of integers', () => {
  test.each([
    ['255', 255n],
    ['0xff', 255n],
    ['0b1011', 11n],
    ['0XFF_00', 0xff00n],
    ['1_000', 1000n],
    ['-7', -7n],
  ])('%s', (text, value) => {
    expect(parseNumber(text)?.value).toBe(value);
  });

  test.each(['ff', '0x', '0b2', '', '1__', '_1', '1 2', '0xg'])('%s is none', (text) => {
    expect(parseNumber(text)).toBeNull();
  });

  test.each(['255', '0xff', '0b1111_1111'])('%s is the same in a whole register, an element and a field', (text) => {
    for (const path of ['k3', 'zmm3:u32[1]', 'zmm3:i8[0]', 'mxcsr']) {
      if (path === 'zmm3:i8[0]' && text === '255') continue;
      const write = stageAssignments(sampleAmxCapture(), [{ path, value: text }]);
      expect(write.ok, `${path}=${text}`).toBe(true);
      if (write.ok) expect(BigInt.asUintN(8, BigInt(write.value.changes[0]?.after ?? '0'))).toBe(255n);
    }
  });
});
