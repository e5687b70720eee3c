import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesOfUint, equalBytes, readUint } from '../bits/bytes.ts';
import { describeProblem } from '../bits/decoded.ts';
import { ELEMENT_TYPES, type ElementType, elementBytes } from './element-type.ts';
import { parseElement } from './parse.ts';
import { jsonElement, printElement } from './print.ts';

const bits = (type: ElementType, text: string): bigint => {
  const parsed = parseElement(type, text);
  if (!parsed.ok) throw new Error(describeProblem(parsed.problem));
  return readUint(parsed.value, 0, parsed.value.length);
};
const print = (type: ElementType, pattern: bigint): string =>
  printElement(type, bytesOfUint(pattern, elementBytes(type)), 0);
const json = (type: ElementType, pattern: bigint) => jsonElement(type, bytesOfUint(pattern, elementBytes(type)), 0);
const problem = (type: ElementType, text: string): string => {
  const parsed = parseElement(type, text);
  return parsed.ok ? `parsed as ${printElement(type, parsed.value, 0)}` : describeProblem(parsed.problem);
};

const view = new DataView(new ArrayBuffer(8));
const f64Bits = (value: number): bigint => {
  view.setFloat64(0, value);
  return view.getBigUint64(0);
};
const f32Bits = (value: number): bigint => {
  view.setFloat32(0, value);
  return BigInt(view.getUint32(0));
};
const f32Value = (pattern: number): number => {
  view.setUint32(0, pattern);
  return view.getFloat32(0);
};
/** f16 by its definition, in doubles, which hold every f16 exactly. */
const f16Value = (pattern: number): number => {
  const exponent = (pattern >> 10) & 31;
  const fraction = pattern & 1023;
  const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
  return pattern >> 15 ? -magnitude : magnitude;
};

const everyBits = (type: ElementType) => fc.bigInt(0n, (1n << BigInt(elementBytes(type) * 8)) - 1n);

const f32Of = (bits: number): number => {
  view.setUint32(0, bits);
  return view.getFloat32(0);
};
const f16Of = (bits: number): number => {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  return exponent === 0 ? fraction * 2 ** -24 : (fraction + 1024) * 2 ** (exponent - 25);
};

describe('round trips', () => {
  test.each(['f16', 'bf16'] as const)('[V1] every pattern of %s prints and reads back bit for bit', (type) => {
    const wrong: string[] = [];
    for (let pattern = 0; pattern < 0x10000; pattern += 1) {
      const text = print(type, BigInt(pattern));
      const read = parseElement(type, text);
      if (!read.ok || readUint(read.value, 0, 2) !== BigInt(pattern)) wrong.push(`0x${pattern.toString(16)}: ${text}`);
    }
    expect(wrong).toEqual([]);
  });

  test.each(ELEMENT_TYPES.map((row) => row.name))(
    '[V1] any pattern of %s prints and reads back bit for bit',
    (type) => {
      fc.assert(
        fc.property(everyBits(type), (pattern) => {
          expect(bits(type, print(type, pattern))).toBe(pattern);
        }),
        { numRuns: 400 },
      );
    },
  );

  test('[V1] an f80 of any exponent reads back, both ends of the range among them', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.integer({ min: 1, max: 0x7ffe }),
        fc.bigInt(0n, (1n << 63n) - 1n),
        (negative, exponent, low) => {
          const pattern = (negative ? 1n << 79n : 0n) | (BigInt(exponent) << 64n) | (1n << 63n) | low;
          const text = print('f80', pattern);
          // 2^64 has 20 digits: 21 are always enough to tell neighbours apart.
          expect((text.split('e')[0] ?? '').replace(/\D/g, '').replace(/^0+|0+$/g, '').length).toBeLessThanOrEqual(21);
          expect(bits('f80', text)).toBe(pattern);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('printing floats', () => {
  test('[V2] f64 prints as ECMAScript does, which is the shortest decimal', () => {
    const check = (value: number): void => {
      expect(print('f64', f64Bits(value))).toBe(Object.is(value, -0) ? '-0' : `${value}`);
    };
    for (const value of [
      0.1,
      5e-324,
      1e21,
      1e22,
      1e-7,
      123456789012345680000,
      2 ** -1022,
      2 ** 1023,
      2 ** 53 + 2,
      -0,
    ]) {
      check(value);
    }
    fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), check), { numRuns: 2000 });
  });

  test('[V2] f32 prints a decimal that Math.fround reads back, and no shorter one does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0x7f7fffff }), (pattern) => {
        const value = f32Value(pattern);
        const text = print('f32', BigInt(pattern));
        expect(Math.fround(Number(text))).toBe(value);
        const digitCount = (text.split('e')[0] ?? '').replace(/[.]/, '').replace(/^0+|0+$/g, '').length;
        // The nearest decimal of one digit less is a different f32, as is its neighbour on either side.
        if (digitCount > 1) {
          const near = Number(value.toPrecision(digitCount - 1));
          expect(Math.fround(near)).not.toBe(value);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('[V2] f16 prints the shortest decimal: found by trying every length', () => {
    for (let pattern = 1; pattern < 0x7c00; pattern += 7) {
      const text = print('f16', BigInt(pattern));
      const value = f16Value(pattern);
      const [below, above] = [f16Value(pattern - 1), pattern + 1 < 0x7c00 ? f16Value(pattern + 1) : value + 32];
      // Inside the halves of both gaps; a tie reads back as the even pattern.
      const readsBack = (number: number) => {
        const [low, high] = [(value + below) / 2, (value + above) / 2];
        return pattern % 2 === 0 ? number >= low && number <= high : number > low && number < high;
      };
      expect(readsBack(Number(text)), text).toBe(true);
      const digits = text
        .replace(/e.*/, '')
        .replace('.', '')
        .replace(/^0+|0+$/g, '').length;
      const scale = 10 ** (Math.floor(Math.log10(value)) + 2 - digits);
      if (digits > 1) {
        const down = Math.floor(value / scale);
        for (const candidate of [down * scale, (down + 1) * scale]) expect(readsBack(candidate), text).toBe(false);
      }
    }
  });

  test.each(['bf16', 'f16'] as const)('[V2] every %s prints the nearest of the shortest decimals', (type) => {
    const digitsOf = (text: string): number =>
      /^-?([0-9.]+)/
        .exec(text)?.[1]
        ?.replace('.', '')
        .replace(/^0+|0+$/g, '').length ?? 0;
    for (let pattern = 1; pattern < 0x7c00; pattern += 1) {
      const bytes = Uint8Array.of(pattern & 0xff, pattern >> 8);
      const text = printElement(type, bytes, 0);
      const value = Number(bytes.length && type === 'bf16' ? f32Of(pattern << 16) : f16Of(pattern));
      // JavaScript rounds a double to so many digits correctly: no decimal of that length is nearer.
      const near = Number(value.toPrecision(Math.max(digitsOf(text), 1)));
      const reads = parseElement(type, String(near));
      if (!reads.ok || reads.value[0] !== bytes[0] || reads.value[1] !== bytes[1]) continue;
      // Halfway between two, both are as near.
      expect(Math.abs(Number(text) - value)).toBeLessThanOrEqual(Math.abs(near - value) * (1 + 1e-9));
    }
    expect(type === 'bf16' ? printElement(type, Uint8Array.of(1, 0), 0) : '9e-41').toBe('9e-41');
  });

  test('[V2] known values', () => {
    expect(print('f32', f32Bits(0.1))).toBe('0.1');
    expect(print('f32', 1n)).toBe('1e-45');
    expect(print('f32', 0x7f7fffffn)).toBe('3.4028235e+38');
    expect(print('f16', 0x3555n)).toBe('0.3333');
    expect(print('f16', 0x7bffn)).toBe('65500');
    expect(print('bf16', 0x3f80n)).toBe('1');
    expect(print('bf16', 0x3dcdn)).toBe('0.1');
    expect(print('f80', 0x3fff8000000000000000n)).toBe('1');
    expect(print('f80', 0x4000c90fdaa22168c235n)).toBe('3.1415926535897932385');
    expect(print('f80', 0x7ffeffffffffffffffffn)).toBe('1.189731495357231765e+4932');
    expect(print('f80', 1n)).toBe('4e-4951');
    expect(print('f80', 0x00008000000000000001n)).toBe('pseudo-denormal(0x00008000000000000001)');
    expect(print('f80', 0x3fff0000000000000001n)).toBe('unnormal(0x3fff0000000000000001)');
    expect(print('f80', 0x7fff0000000000000000n)).toBe('pseudo-Inf(0x7fff0000000000000000)');
    expect(print('f80', 0xffff4000000000000000n)).toBe('pseudo-NaN(0xffff4000000000000000)');
    expect(print('f80', 0xffffc000000000000000n)).toBe('-NaN');
  });

  test('[V3] NaN keeps sign and payload, infinity and zero keep their sign', () => {
    expect(print('f32', 0x7fc00000n)).toBe('NaN');
    expect(print('f32', 0xffc00000n)).toBe('-NaN');
    expect(print('f32', 0x7f800001n)).toBe('NaN(0x1)');
    expect(print('f64', 0xfff8000000000001n)).toBe('-NaN(0x8000000000001)');
    expect(print('bf16', 0xff80n)).toBe('-Inf');
    expect(print('f16', 0x8000n)).toBe('-0');
    expect(bits('f16', '−0')).toBe(0x8000n);
    expect(bits('f32', 'nan(0x1)')).toBe(0x7f800001n);
    expect(problem('f32', 'nan(0x0)')).toBe('"nan(0x0)": the fraction of a NaN in f32 is 0x1 … 0x7fffff');
    expect(problem('f32', 'nan(0x800000)')).toContain('0x7fffff');
  });
});

describe('parsing floats', () => {
  test('[V4] f64 from any decimal equals what ECMAScript reads', () => {
    const decimal = fc
      .tuple(fc.bigInt(0n, 10n ** 40n), fc.integer({ min: -370, max: 280 }))
      .map(([digits, exponent]) => `${digits}e${exponent}`);
    fc.assert(
      fc.property(decimal, (text) => {
        const value = Number(text);
        if (Number.isFinite(value)) expect(bits('f64', text)).toBe(f64Bits(value));
        else expect(problem('f64', text)).toContain('does not fit f64');
      }),
      { numRuns: 2000 },
    );
  });

  test('[V4] f32 from any double equals what DataView stores', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e39, max: 1e39 }), (value) => {
        const text = Object.is(value, -0) ? '-0' : `${value}`;
        if (Number.isFinite(Math.fround(value))) expect(bits('f32', text)).toBe(f32Bits(value));
        else expect(problem('f32', text)).toContain('does not fit f32');
      }),
      { numRuns: 2000 },
    );
  });

  test('[V4] ties go to even, and a digit far behind decides', () => {
    expect(bits('f16', '2049')).toBe(bits('f16', '2048'));
    expect(bits('f16', '2051')).toBe(bits('f16', '2052'));
    expect(bits('f16', `2049.${'0'.repeat(300)}1`)).toBe(bits('f16', '2050'));
    expect(bits('f16', '65519.99')).toBe(0x7bffn);
    expect(problem('f16', '65520')).toBe('"65520": does not fit f16: −65504 … 65504, or inf');
    expect(problem('bf16', '-1e39')).toContain('does not fit bf16');
    expect(problem('f80', '1e4933')).toContain('does not fit f80');
    expect(problem('f64', '1e999999999999')).toContain('does not fit f64');
  });

  test('[V4] small values become denormals and zero', () => {
    expect(bits('f32', '1.4e-45')).toBe(1n);
    expect(bits('f32', '7.1e-46')).toBe(1n);
    expect(bits('f32', '7e-46')).toBe(0n);
    expect(bits('f32', '-1e-999999999')).toBe(0x80000000n);
    expect(bits('f64', '2.2250738585072011e-308')).toBe(0xfffffffffffffn);
    expect(bits('f80', '2e-4951')).toBe(1n);
  });

  test('[V5] hexadecimal floats, infinities and bit patterns', () => {
    expect(bits('f32', '0x1.8p3')).toBe(f32Bits(12));
    expect(bits('f64', '-0x.1p-1022')).toBe(f64Bits(-(2 ** -1026)));
    expect(bits('f16', '0x1p-25')).toBe(0n);
    expect(bits('f16', '0x1.001p-25')).toBe(1n);
    expect(bits('f32', '-inf')).toBe(0xff800000n);
    expect(bits('f80', 'Infinity')).toBe(0x7fff8000000000000000n);
    expect(bits('f32', '0x7f800001')).toBe(0x7f800001n);
    expect(bits('f32', '0x1.8')).toBe(f32Bits(1.5));
    expect(bits('f64', '-0x.8')).toBe(f64Bits(-0.5));
    expect(bits('f32', '1_000.5')).toBe(f32Bits(1000.5));
    expect(bits('f32', '0x7f80_0001')).toBe(0x7f800001n);
    expect(problem('f32', '0x7f8')).toContain('has 8 hex digits');
    expect(problem('f80', 'unnormal(0x3fff8000000000000000)')).toContain('not of the kind named');
  });

  test('[V6] no text makes parsing throw, and no text of one type is read as less than the whole', () => {
    for (const text of [
      '',
      '.',
      '-',
      'e5',
      '1e',
      '1..2',
      '0x',
      '0xp1',
      '1 2',
      'nan(',
      '--1',
      '1,5',
      '0x1.p',
      '0x.',
      '1_',
      '_1',
      '1__0',
      '0x_1',
      'x'.repeat(30_000),
    ]) {
      for (const { name } of ELEMENT_TYPES) expect(parseElement(name, text).ok, `${name} ${text}`).toBe(false);
    }
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abcdefxpnNi.+-−()e ') }), (text) => {
        for (const { name } of ELEMENT_TYPES) parseElement(name, text);
      }),
    );
  });
});

describe('integers', () => {
  test('[V7] decimal, hex and binary; a hex or binary text writes bits', () => {
    expect(bits('i8', '-128')).toBe(0x80n);
    expect(bits('i8', '0xff')).toBe(0xffn);
    expect(print('i8', bits('i8', '0xff'))).toBe('-1');
    expect(bits('i16', '-0x10')).toBe(0xfff0n);
    expect(bits('u8', '0b1010')).toBe(10n);
    expect(bits('u8', '0b1010_1010')).toBe(0xaan);
    expect(bits('i32', '−1_000')).toBe(0xfffffc18n);
    expect(bits('u64', '18446744073709551615')).toBe(0xffffffffffffffffn);
  });

  test('[V7] what does not fit is refused with the range', () => {
    expect(problem('i8', '128')).toBe('"128": does not fit i8: −128 … 127');
    expect(problem('u16', '-1')).toBe('"-1": does not fit u16: 0 … 65535');
    expect(problem('i8', '0x100')).toContain('does not fit i8');
    expect(problem('u32', '1.5')).toContain('expected an integer for u32');
  });
});

describe('JSON', () => {
  test('[V8] a number where JSON holds it without loss, else the text', () => {
    expect(json('f32', f32Bits(0.1))).toBe(0.1);
    expect(json('bf16', 0x3dcdn)).toBe(0.1);
    expect(json('i64', (1n << 53n) - 1n)).toBe(9007199254740991);
    expect(json('i64', 1n << 53n)).toBe('9007199254740992');
    expect(json('i64', (1n << 53n) + 1n)).toBe('9007199254740993');
    expect(json('u64', (1n << 64n) - 1n)).toBe('18446744073709551615');
    expect(json('i64', (1n << 64n) - 1n)).toBe(-1);
    expect(json('i32', 0n)).toBe(0);
    expect(json('f32', 0x80000000n)).toBe('-0');
    expect(json('f32', 0x7fc00000n)).toBe('NaN');
    expect(json('f64', f64Bits(Number.NEGATIVE_INFINITY))).toBe('-Inf');
    expect(json('f80', 0x3fff8000000000000000n)).toBe('1');
  });

  test('[V8] what JSON carries reads back as the same bits', () => {
    for (const type of ['f16', 'bf16', 'f32', 'f64', 'i64', 'f80'] as const) {
      fc.assert(
        fc.property(everyBits(type), (pattern) => {
          expect(bits(type, `${JSON.parse(JSON.stringify(json(type, pattern)))}`)).toBe(pattern);
        }),
      );
    }
  });
});

test('[V1] an element is read at its offset and nowhere else', () => {
  const bytes = Uint8Array.from([0xff, 0x01, 0x02, 0xff]);
  expect(printElement('u16', bytes, 1)).toBe('513');
  expect(equalBytes(bytes, Uint8Array.from([0xff, 0x01, 0x02, 0xff]))).toBe(true);
});
