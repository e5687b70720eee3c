import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeU32, writeU64 } from '../bits/bytes.ts';
import { describeProblem } from '../bits/decoded.ts';
import { hasBit } from '../bits/mask.ts';
import type { Capture, Facts } from '../capture/capture.ts';
import { makeCapture, makeImage, presetCpuid, presetLayout } from '../fixtures/preset-captures.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { openRaw } from '../formats/raw.ts';
import { convertImage } from '../xsave/convert.ts';
import { xstateBv } from '../xsave/header.ts';
import { compactedLayout, supervisorPlaces } from '../xsave/layout.ts';
import { firstRefusal } from '../xsave/preflight.ts';
import { findPreset, PRESETS } from '../xsave/presets.ts';
import { componentBytesOrInit, viewComponent } from '../xsave/view.ts';
import { checkRestore } from './check.ts';
import type { Destination } from './destination.ts';
import type { RestoreVerdict } from './verdict.ts';

const preset = (name: string): Destination => {
  const found = findPreset(name);
  if (found === undefined) throw new Error(`no preset ${name}`);
  return { kind: 'preset', preset: found };
};
const target = (facts: Facts): Destination => ({ kind: 'target', facts });

const check = (capture: Capture, destination: Destination): RestoreVerdict => {
  const verdict = checkRestore(capture, destination);
  if (!verdict.ok) throw new Error(describeProblem(verdict.problem));
  return verdict.value;
};

const withBytes = (capture: Capture, change: (bytes: Uint8Array) => void): Capture => {
  const bytes = capture.image.bytes.slice();
  change(bytes);
  return { ...capture, image: { ...capture.image, bytes } };
};

const zen = sampleCapture();
const amx = sampleAmxCapture();

describe('[K1] the verdict', () => {
  test('a capture fits where it came from, as it is', () => {
    for (const capture of [zen, amx]) {
      const verdict = check(capture, target(capture.facts));
      expect(verdict).toMatchObject({ fits: 'yes', badge: 'fits', firstRefusal: null, errno: null, lost: [] });
      expect(verdict.asItIs.outcome).toBe('taken');
      expect(verdict.layoutDiffers).toEqual([]);
      expect(verdict.sentences[1]).toBe('KVM_SET_XSAVE takes the image as it is');
    }
  });

  test('AMX state on a Zen 5: tiles are lost, KVM_SET_XSAVE refuses bit 17 with EINVAL, and so is XCR0', () => {
    const verdict = check(amx, preset('zen5'));
    expect(verdict.fits).toBe('with-losses');
    expect(verdict.lost.map(({ bit, name }) => [bit, name])).toEqual([
      [17, 'TILECFG'],
      [18, 'TILEDATA'],
    ]);
    expect([verdict.firstRefusal?.id, verdict.errno]).toEqual(['supported', 'EINVAL']);
    expect(verdict.firstRefusal?.sentence).toContain('17 (TILECFG), 18 (TILEDATA)');
    expect(verdict.xcr0Refusal).toContain('bit 17 (TILECFG), bit 18 (TILEDATA)');
    expect(firstRefusal(verdict.steps)).toBeNull();
    expect(hasBit(xstateBv(verdict.image), 18)).toBe(false);
    expect(verdict.badge).toBe('fits, loses 2 components');
  });

  test('[K2] Zen 5 on Sapphire Rapids: nothing is refused and opmask would be read from the wrong place', () => {
    const verdict = check(zen, preset('sapphire-rapids'));
    expect(verdict.fits).toBe('after-conversion');
    expect(verdict.firstRefusal).toBeNull();
    expect(verdict.asItIs).toMatchObject({ outcome: 'misread', misread: [5, 6, 7] });
    expect(verdict.sentences.slice(1, 3).join()).toContain('reads opmask, ZMM_Hi256, Hi16_ZMM from the wrong place');
    expect(verdict.layoutDiffers.find((row) => row.bit === 5)).toEqual({
      bit: 5,
      name: 'opmask',
      here: { offsetBytes: 832, sizeBytes: 64 },
      there: { offsetBytes: 1088, sizeBytes: 64 },
    });
    for (const bit of [0, 1, 2, 5, 6, 7]) {
      expect(componentBytesOrInit(verdict.image, bit)).toEqual(componentBytesOrInit(zen.image, bit));
    }
  });

  test('[K3] a legacy image of 4096 bytes has lost its tiles wherever it goes', () => {
    const opened = openRaw('legacy.bin', amx.image.bytes.slice(0, 4096), { preset: 'sapphire-rapids' });
    const capture = opened.ok ? opened.value.states[0]?.capture : undefined;
    if (capture === undefined) throw new Error('not opened');
    const verdict = check(capture, preset('granite-rapids'));
    expect(verdict.fits).toBe('with-losses');
    expect(verdict.lost).toEqual([{ bit: 18, name: 'TILEDATA', why: 'TILEDATA ends at 11008 and the source at 4096' }]);
    expect([verdict.firstRefusal?.id, verdict.errno]).toEqual(['size', 'EFAULT']);
    expect(viewComponent(verdict.image, 17).state).toBe('inUse');
    expect(verdict.badge).toBe('fits, loses TILEDATA');
  });

  test.each([576, 832, 2440, 2696, 4095])('[K11] a whole image of %i bytes: EFAULT comes before all else', (length) => {
    const whole = check({ ...zen, image: makeImage(zen.image.layout, new Map()) }, preset('zen5'));
    const image = { ...makeImage(zen.image.layout, new Map()) };
    const cut = { ...image, bytes: image.bytes.slice(0, length) };
    const dirty = withBytes({ ...zen, image: cut }, (bytes) => bytes.fill(1, 540, 541));
    const [good, bad] = [check({ ...zen, image: cut }, preset('zen5')), check(dirty, preset('zen5'))];
    expect(whole.asItIs.short).toBeNull();
    expect(whole.sentences.join()).not.toContain('EFAULT');
    for (const verdict of [good, bad]) {
      expect(verdict.asItIs.short).toEqual({ bytes: length, copies: 4096, errno: 'EFAULT' });
      expect(verdict.sentences[1]).toContain(`copies 4096 bytes and the image has ${length}: alone it is EFAULT`);
    }
    expect([good.fits, good.errno]).toEqual(['yes', null]);
    expect([bad.fits, bad.errno]).toEqual(['no', 'EINVAL']);
    expect(bad.sentences[2]).toContain('EINVAL, reserved header byte 540 is not zero');
  });

  test('MXCSR with the misaligned mode of AMD does not fit an Intel CPU', () => {
    const odd = withBytes(zen, (bytes) => writeU32(bytes, 24, 0x21fa0));
    const verdict = check(odd, preset('ice-lake-sp'));
    expect(verdict).toMatchObject({ fits: 'no', errno: 'EINVAL', badge: 'does not fit: EINVAL' });
    expect(verdict.sentences[0]).toContain('MXCSR at offset 24 has reserved bit 17 set');
    expect(check(odd, preset('zen4')).fits).toBe('yes');
  });

  test('[K4] a fault of the header is the file’s own and is not repaired', () => {
    const reserved = check(
      withBytes(zen, (bytes) => bytes.fill(1, 540, 541)),
      target(zen.facts),
    );
    expect([reserved.fits, reserved.firstRefusal?.id, reserved.errno]).toEqual(['no', 'reserved', 'EINVAL']);
    const xcomp = check(
      withBytes(zen, (bytes) => writeU64(bytes, 520, 7n)),
      target(zen.facts),
    );
    expect([xcomp.fits, xcomp.firstRefusal?.id, xcomp.errno]).toEqual(['no', 'xcomp-bv', 'EINVAL']);
  });

  test('[K4] a TILECFG that LDTILECFG would refuse does not fit, though KVM would take it', () => {
    const bad = withBytes(amx, (bytes) => bytes.fill(17, 2752 + 48, 2752 + 49));
    const verdict = check(bad, preset('sapphire-rapids'));
    expect([verdict.fits, verdict.firstRefusal?.id, verdict.errno]).toEqual(['no', 'tilecfg', null]);
    expect(verdict.asItIs.outcome).toBe('taken');
  });

  test('[K5] a compacted image is refused as it is and fits once converted; supervisor components go by MSRs', () => {
    const packed = compactedLayout(
      presetLayout('sapphire-rapids'),
      (1n << 63n) | 0x60ae7n,
      supervisorPlaces(presetCpuid('sapphire-rapids')),
    );
    if (!packed.ok) throw new Error('no layout');
    const converted = convertImage(amx.image, packed.value);
    if (!converted.ok) throw new Error('not converted');
    const image = converted.value.image;
    writeU64(image.bytes, 512, xstateBv(image) | (1n << 11n));
    const verdict = check({ ...amx, image }, preset('sapphire-rapids'));
    expect([verdict.firstRefusal?.id, verdict.errno]).toEqual(['supported', 'EINVAL']);
    expect(verdict.lost.map(({ bit }) => bit)).toEqual([11]);
    expect(verdict.lost[0]?.why).toContain('it goes by IA32_U_CET');
    writeU64(image.bytes, 512, xstateBv(image) & ~(1n << 11n));
    const user = check({ ...amx, image }, preset('sapphire-rapids'));
    expect([user.fits, user.firstRefusal?.id, user.errno]).toEqual(['after-conversion', 'xcomp-bv', 'EINVAL']);
    for (const bit of [17, 18]) expect(viewComponent(user.image, bit)).toEqual(viewComponent(amx.image, bit));
  });

  test('APX: lost where the CPU has none, and where KVM does not support it', () => {
    const apx = makeCapture('apx', makeImage(presetLayout('apx'), new Map([[19, new Uint8Array(128).fill(7)]])));
    expect(check(apx, preset('granite-rapids')).lost[0]?.why).toContain('has no place');
    expect(check(apx, preset('apx')).lost[0]?.why).toBe('KVM there does not support APX');
  });
});

describe('[K6] a target', () => {
  test('without guest permission, without the component in its CPUID, with IA32_XFD armed', () => {
    const unpermitted = check(amx, target({ ...amx.facts, guestPermission: 0x202e7n }));
    expect(unpermitted.lost.map(({ why }) => why)).toEqual(['the VMM there has no permission for TILEDATA']);
    expect([unpermitted.firstRefusal?.id, unpermitted.errno]).toEqual(['permitted', 'EINVAL']);
    const guest = check(amx, target({ ...amx.facts, guestCpuid: presetCpuid('ice-lake-sp') }));
    expect(guest.lost.map(({ why }) => why)).toEqual([
      "the guest's CPUID there does not have TILECFG",
      "the guest's CPUID there does not have TILEDATA",
    ]);
    const armed = { ...amx.facts, msrs: [{ index: 0x1c4, value: 1n << 18n, errno: 0 }] };
    const disarmed = check(amx, target(armed));
    expect(disarmed.fits).toBe('yes');
    expect(disarmed.sentences.at(-1)).toBe(
      'IA32_XFD is 0x40000 there and 0 in the capture: a restore disarms it first',
    );
    const unknown = check({ ...amx, facts: { ...amx.facts, msrs: [] } }, target(armed));
    expect([unknown.fits, unknown.firstRefusal?.id]).toEqual(['no', 'xfd']);
  });

  test('whose CPUID was not read is no destination', () => {
    const blind = checkRestore(zen, target({ ...zen.facts, hostCpuid: [], guestCpuid: [] }));
    expect(blind.ok ? '' : describeProblem(blind.problem)).toContain('name a preset');
  });

  test('a guessed layout is said to be guessed', () => {
    const opened = openRaw('image.bin', zen.image.bytes, {});
    const capture = opened.ok ? opened.value.states[0]?.capture : undefined;
    if (capture === undefined) throw new Error('not opened');
    expect(check(capture, preset('zen5')).sentences.some((words) => words.includes('is guessed from'))).toBe(true);
  });
});

test('[K7] from any CPU to any other: the verdict is at one with its image, its losses and its steps', () => {
  const names = PRESETS.map(({ name }) => name);
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.constantFrom(...names), fc.bigInt(0n, 0xfffffn), (from, to, mask) => {
      const layout = presetLayout(from);
      const bits = layout.components.map(({ bit }) => bit).filter((bit) => hasBit(mask, bit) && bit !== 17);
      const sizeOf = (bit: number): number => layout.components.find((place) => place.bit === bit)?.sizeBytes ?? 0;
      const image = makeImage(
        layout,
        new Map(bits.map((bit) => [bit, new Uint8Array(sizeOf(bit)).map((_, at) => at + bit)])),
      );
      const verdict = check(makeCapture(from, image), preset(to));
      expect(firstRefusal(verdict.steps)).toBeNull();
      const whole = verdict.asItIs.outcome === 'taken' ? 'yes' : 'after-conversion';
      expect(verdict.fits).toBe(verdict.lost.length > 0 || verdict.xcr0Refusal !== null ? 'with-losses' : whole);
      const lost = verdict.lost.map(({ bit }) => bit);
      for (const bit of bits.filter((one) => one > 1)) {
        const there = viewComponent(verdict.image, bit);
        if (lost.includes(bit)) expect(there.state).not.toBe('inUse');
        else expect(there).toEqual(viewComponent(image, bit));
      }
      expect(lost.every((bit) => bits.includes(bit))).toBe(true);
      expect(verdict.sentences.every((words) => words !== '' && !words.endsWith('.'))).toBe(true);
    }),
    { numRuns: 150, seed: 4096 },
  );
});

test('[K7] every image cut at every length, and with any header, gets a verdict', () => {
  for (let length = 576; length < amx.image.bytes.length; length += 61) {
    const cut: Capture = { ...amx, image: { ...amx.image, bytes: amx.image.bytes.slice(0, length) } };
    expect(check(cut, preset('sapphire-rapids')).lost.some(({ bit }) => bit === 18)).toBe(true);
  }
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), fc.constantFrom('zen5', 'apx'), (header, to) => {
      check(
        withBytes(zen, (bytes) => bytes.set(header, 512)),
        preset(to),
      );
    }),
    { numRuns: 100 },
  );
});
