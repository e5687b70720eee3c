import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readU64 } from '../../../app/bits/bytes.ts';
import { fakeTarget } from '../../../app/debug/testing/fake-target.ts';
import { sampleCapture } from '../../../app/fixtures/samples.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { mxcsrToKeep } from '../../../app/xsave/legacy.ts';
import { findPreset } from '../../../app/xsave/presets.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { fakeHost, type Ran, runOn } from '../../testing/command-line.ts';

/** Files that people have asked about in public, and what a command line has to say of each. */
const of = (name: string): string =>
  fileURLToPath(new URL(`../../../app/formats/testdata/cases/${name}`, import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-cases-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]): Promise<Ran> => runOn(fakeHost(folder, {}), args);

describe('[C31] a layout in doubt', () => {
  const IN_DOUBT = 'gdb13-gcore-on-amd.core';

  test('each row of show has a word, and standard error names the candidates', async () => {
    const shown = await run('show', of(IN_DOUBT), 'xmm3', 'zmm17:u32', 'k1');
    expect(shown.code).toBe(0);
    const rows = shown.out.trimEnd().split('\n');
    expect(rows.map((row) => row.split(/\s+/)[1])).toEqual(['certain', 'doubtful', 'doubtful']);
    expect(rows[1]).toContain('2684358912');
    expect(rows[2]).toContain('lost: gdb up to 13');
    expect(shown.err).toMatch(/in doubt.*possible too: .*--from CPU/);
    const all = await run('show', of(IN_DOUBT));
    expect(all.out).toMatch(/taken --from zen5/);
    expect(all.out).toMatch(/or --from granite-rapids/);
    expect(all.out).toMatch(/zmm17 +doubtful/);
  });

  test('[R12] of a register that is lost in part what is known is shown, lane by lane', async () => {
    const { out } = await run('show', of(IN_DOUBT), 'zmm5', 'zmm5:u32', 'zmm5:u32[1]', 'zmm5:u32[9]');
    const rows = out.trimEnd().split('\n');
    expect(rows[0]).toMatch(/ 0x(\?\?){32}a0000507a00005.*a0000500 \(\?\? lost: gdb up to 13/);
    expect(rows[1]).toMatch(/2684355847(, lost){8}$/);
    expect(rows[2]).toMatch(/certain +2684355841$/);
    expect(rows[3]).toMatch(/doubtful +not known: lost: gdb up to 13/);
    const json = JSON.parse((await run('show', of(IN_DOUBT), 'zmm5:u32', 'zmm5:u32[1]', 'zmm5:u32[9]', '--json')).out);
    expect(json['zmm5:u32'].slice(7, 9)).toEqual([2684355847, { state: 'not-known', why: expect.any(String) }]);
    expect(json).toMatchObject({ 'zmm5:u32[1]': 2684355841, 'zmm5:u32[9]': { state: 'not-known' } });
  });

  test('JSON has it as a field', async () => {
    const { out } = await run('show', of(IN_DOUBT), 'xmm3', 'k1', '--json');
    expect(JSON.parse(out)).toMatchObject({
      k1: { state: 'not-known' },
      '#layout': {
        guessed: true,
        doubt: true,
        doubtful: ['k1'],
        candidates: [{ cpu: 'zen5' }, { cpu: 'granite-rapids' }],
      },
    });
    const all = JSON.parse((await run('show', of(IN_DOUBT), '--json')).out);
    expect(all).toMatchObject({ layout: { doubt: true, doubtful: ['opmask', 'ZMM_Hi256', 'Hi16_ZMM'] } });
  });

  test('--strict refuses it with an exit code of its own, whichever verb; naming the CPU ends it', async () => {
    for (const words of [['show'], ['layout'], ['check'], ['convert', '--to', 'raw', '--out', join(folder, 'x')]]) {
      const [verb = '', ...options] = words;
      const refused = await run(verb, of(IN_DOUBT), '--strict', ...options);
      expect(refused).toMatchObject({ code: 6, out: '' });
      expect(refused.err).toContain('--from zen5 or --from granite-rapids');
    }
    expect(await run('show', of(IN_DOUBT), '--strict', '--from', 'zen4', 'zmm9')).toMatchObject({ code: 0 });
    expect(await run('show', of('rr3573-zen4.bin'), '--strict', 'zmm9')).toMatchObject({ code: 0 });
  });

  test('size and MXCSR_MASK disagree: both are said', async () => {
    const { out } = await run('show', of('asterinas3920-intel-cut2440.bin'));
    expect(out).toContain("for: MXCSR_MASK 0xffff is that of Intel's CPUs");
    expect(out).toContain("for: its components end at the image's 2440 bytes");
    expect(out).toMatch(/9 +PKRU +cut .*in use, ends at 2696, the file at 2440/);
  });
});

test('[D9] a component that was cut off keeps its row', async () => {
  const { out } = await run('show', of('ch7534-truncated.json'));
  expect(out).toMatch(/18 +XTILEDATA +cut +2816 +8192 +cut off: in use, ends at 11008, the file at 4096/);
});

describe('[C32] what check says of files that people have asked about', () => {
  const check = (name: string, cpu: string): Promise<Ran> => run('check', of(name), '--preset', cpu);

  test('an image of a Zen 4 on a Skylake fits after conversion alone: not "fits", and an exit code of its own', async () => {
    const { code, out } = await check('rr3573-zen4.bin', 'skylake-sp');
    expect(code).toBe(7);
    expect(out).toContain('fits after conversion');
    expect(out).toContain('reads opmask, ZMM_Hi256, Hi16_ZMM, PKRU from the wrong place');
    expect((await check('rr3573-zen4.bin', 'zen4')).code).toBe(0);
    expect(
      JSON.parse((await run('check', of('rr3573-zen4.bin'), '--preset', 'skylake-sp', '--json')).out),
    ).toMatchObject({
      fits: 'after-conversion',
    });
  });

  test.each([
    ['gem5-296-bv0.bin', 'skylake-sp', 'under a clear XSTATE_BV bit: they are stale and will not be loaded'],
    ['gem5-296-bv0.bin', 'skylake-sp', 'after the restore KVM_GET_XSAVE has XSTATE_BV 0x0, SSE in init'],
    ['fc5972-noxss.fc', 'zen4', 'can be restored; but there is an error in the state itself'],
    ['fc5972-noxss.fc', 'zen4', 'offers 0x1800 (CET_U, CET_S) and MSR 0xda0 (IA32_XSS) is not among the MSRs'],
    ['pkru-leak-broadwell-guest.json', 'skylake-sp', 'convert --without pkru drops it'],
    ['pkru-leak-broadwell-guest.json', 'skylake-sp', 'ad856280ddea and without 8647c52e9504'],
    ['tc-colsb62.bin', 'sapphire-rapids', 'colsb[0] is 62, not a multiple of 4'],
    ['wtf140-mxcsr.bin', 'skylake-sp', 'MXCSR 0xbfa1 has bits outside the stored MXCSR_MASK 0x1fa1'],
    ['wtf140-mxcsr.bin', 'skylake-sp', 'no CPU has MXCSR_MASK 0x1fa1'],
    ['fc5438-kernel515.json', 'ice-lake-sp', 'the kernel is older than 5.17'],
    ['rr2643-skx-203.bin', 'broadwell', 'loses PKRU'],
    ['rr2643-skx-203.bin', 'broadwell', 'EINVAL'],
    ['rr2655-zen2-pkru.bin', 'zen2', 'EINVAL'],
    ['rr2655-zen2-pkru.bin', 'zen2', 'KVM supports 0x7'],
    ['rr2655-zen2-pkru.bin', 'zen2-linux', 'KVM supports 0x7'],
  ] as const)('%s on %s: %s', async (name, cpu, words) => {
    const { out } = await check(name, cpu);
    expect(out).toContain(words);
  });

  test('[K11] short files: EFAULT of the bytes alone comes first, and the exact EINVAL behind it', async () => {
    const words = ['check', of('dr3814-hdr-garbage.bin'), '--from', 'skylake-sp', '--preset', 'skylake-sp'];
    const { code, out, err } = await run(...words);
    expect([code, err]).toEqual([1, '']);
    expect(out).toMatch(/the image has 832: alone it is EFAULT.*\n.*: EINVAL, reserved header byte 528 is not zero\n/);
    const json = JSON.parse((await run(...words, '--json')).out);
    expect(json).toMatchObject({
      fits: 'no',
      errno: 'EINVAL',
      firstRefusal: { id: 'reserved', sentence: 'reserved header byte 528 is not zero' },
      asItIs: { outcome: 'refused', short: { bytes: 832, copies: 4096, errno: 'EFAULT' } },
    });
    const lost = await check('rr2643-skx-203.bin', 'broadwell');
    expect(lost.code).toBe(1);
    expect(lost.out).toMatch(
      /has 2696: alone it is EFAULT.*\n.*: EINVAL, bit 9 \(PKRU\) of XSTATE_BV: KVM supports 0x7\n/,
    );
  });

  test.each([
    ['tc-colsb62.bin', 'colsb[0] is 62, not a multiple of 4'],
    ['llama26954-garbage.bin', 'TILECFG is one that LDTILECFG refuses'],
    ['wtf140-mxcsr.bin', 'has bits outside the stored MXCSR_MASK'],
    ['igvm60b.json', 'snp_cpuid_calc_xsave_size() returns 0, and an SEV-SNP guest ends'],
    ['igvm60b.json', 'announces 11 (CET_U), 12 (CET_S) and has no sub-leaf for it'],
    ['openvmm708.json', 'EBX says 10704 bytes, and XCR0 with IA32_XSS take 10752 in the compacted format'],
    ['fc5438-kernel515.json', 'ARCH_GET_XCOMP_GUEST_PERM: errno 22: the kernel is older than 5.17'],
    ['fc5972-noxss.fc', 'is not among the MSRs'],
    ['pkru-leak-broadwell-guest.json', 'the host has leaked it into the image'],
  ] as const)('layout of %s: %s', async (name, words) => {
    expect((await run('layout', of(name))).out).toContain(words);
  });

  test.each([
    ['tc-colsb62.bin', 'warning: colsb[0] is 62, not a multiple of 4'],
    ['llama26954-garbage.bin', 'error: TILECFG is one that LDTILECFG refuses'],
    ['wtf140-mxcsr.bin', 'has bits outside the stored MXCSR_MASK'],
    ['dr3814-hdr-garbage.bin', 'error: reserved header bytes 528 to 539'],
  ] as const)('[C34] [X22] show of %s ends with what is odd: %s', async (name, words) => {
    expect((await run('show', of(name))).out).toMatch(/^odd in this state$/m);
    expect((await run('show', of(name))).out).toContain(words);
    expect((await run('show', of('zen3-2440.bin'))).out).not.toContain('odd in this state');
  });

  test('rows for what a table announces without a sub-leaf', async () => {
    const { out } = await run('layout', of('igvm60b.json'));
    expect(out).toMatch(/^11 +CET_U/m);
    expect(out).toMatch(/^12 +CET_S/m);
  });
});

describe('[F1] the same note, in a core and alone', () => {
  test('has the same registers', async () => {
    const [core, alone] = await Promise.all(
      ['freebsd-zen3.core', 'zen3-2440.bin'].map(async (name) =>
        JSON.parse((await run('show', of(name), 'xmm*', 'ymm*', 'pkru', 'mxcsr', '--json')).out),
      ),
    );
    expect(core).toEqual(alone);
    expect(core).toMatchObject({ pkru: '0x55555554' });
  });

  test('[F2] an image of a Zen 2 with PKRU: its own offsets, in 896 bytes', async () => {
    const shown = await run('show', of('rr2655-zen2-pkru.bin'), 'pkru', '--strict');
    expect(shown).toMatchObject({ code: 0, out: expect.stringContaining('0x55555554') });
    expect(shown.err).toContain('offsets of Zen 2 (Rome)');
    expect((await run('layout', of('rr2655-zen2-pkru.bin'))).out).toMatch(/^9 +PKRU +user .*832 \+ 64/m);
  });
});

describe('[F16] a state that was cleared by memset', () => {
  test('restored, it leaves MXCSR at 1F80 and FCW at 37F', async () => {
    const target = fakeTarget(sampleCapture());
    const host = fakeHost(folder, { openLive: async () => answer(target) });
    const words = ['restore', '--pid', '4242', '--force', of('zeroed-4096.bin'), '--from', 'zen5'];
    const done = await runOn(host, words);
    expect(done.code, done.err).toBe(0);
    expect(mxcsrToKeep(target.state.image)).toBe(0x1f80);
    expect(viewComponent(target.state.image, BIT.x87)).toEqual({ state: 'init' });
    expect(readU64(target.state.image.bytes, 512) & 7n).toBe(0n);
  });

  test('goes to KVM as KVM takes it: MXCSR stays 1F80, whatever layout it is converted to', async () => {
    const out = join(folder, 'converted');
    const done = await run(
      'convert',
      of('zeroed-4096.bin'),
      '--from',
      'zen4',
      '--to',
      'raw',
      '--preset',
      'zen4',
      '--out',
      out,
    );
    expect(done.code).toBe(0);
    const shown = JSON.parse((await run('show', out, '--from', 'zen4', 'mxcsr', 'xstate_bv', 'fcw', '--json')).out);
    expect(shown).toEqual({ mxcsr: '0x00001f80', xstate_bv: '0x0000000000000000', fcw: { state: 'init' } });
  });
});

test('[C33] convert --without puts components to init', async () => {
  const out = join(folder, 'dropped');
  const done = await run(
    'convert',
    of('pkru-leak-broadwell-guest.json'),
    '--without',
    'pkru',
    '--to',
    'capture',
    '--out',
    out,
  );
  expect(done.code).toBe(0);
  expect(JSON.parse((await run('show', out, 'xstate_bv', 'pkru', '--json')).out)).toMatchObject({
    pkru: { state: 'init' },
  });
  expect((await run('convert', of('zen3-2440.bin'), '--without', 'sse', '--to', 'raw', '--out', out)).code).toBe(2);
});

test('[X20] supervisor registers of an XSAVES image are read from it by path', async () => {
  const paths = ['u_cet', 'pl3_ssp', 'pl0_ssp', 'pl1_ssp', 'pl2_ssp', 'uintr_handler', 'lbr_depth', 'ia32_lbr_ctl'];
  const shown = JSON.parse((await run('show', of('uintr-lbr-cet.bin'), ...paths, '--json')).out);
  const value = (path: string): bigint => BigInt(shown[path]);
  expect(['u_cet', 'pl3_ssp', 'pl0_ssp', 'pl1_ssp', 'pl2_ssp'].map(value)).toEqual([3n, 0x7ffff000n, 1n, 2n, 3n]);
  for (const path of ['uintr_handler', 'lbr_depth', 'ia32_lbr_ctl']) expect(shown[path]).toMatch(/^0x[0-9a-f]{16}$/);
  expect(
    (await run('show', of('uintr-lbr-cet.bin'), 'uintr_misc.UINV', 'lbr_0_info.MISPRED', 'u_cet.SH_STK_EN')).code,
  ).toBe(0);
});

describe('[F1] files that were refused though they are what they are', () => {
  test('a 32-bit signal frame, by sw_reserved', async () => {
    const shown = await run('show', of('dr5079-sig32.bin'), 'zmm7:u32[0]', 'xcr0', '--json');
    expect(JSON.parse(shown.out)).toMatchObject({ 'zmm7:u32[0]': 0xa0000700, xcr0: '0x00000000000000ff' });
    const all = await run('show', of('dr5079-sig32.bin'));
    expect(all.out).toContain(
      '2688 bytes by 32-bit signal frame (extended_size 2804, xfeatures 0xff, xstate_size 2688)',
    );
    expect(all.err).toContain('the size 2688 of the signal frame');
  });

  test('an i386 core, laid out by its own note', async () => {
    const shown = JSON.parse(
      (await run('show', of('i386-real.core'), 'zmm0:u32[0]', 'zmm3:u32[15]', 'rip', '--json')).out,
    );
    expect(shown).toMatchObject({ 'zmm0:u32[0]': 0xa0000000, 'zmm3:u32[15]': 0xa000030f });
    expect((await run('show', of('i386-real.core'))).out).toContain('ELF core, i386');
  });

  test('a core of FreeBSD', async () => {
    const shown = JSON.parse((await run('show', of('freebsd-zen3.core'), 'ymm3:u32[0]', 'pkru', '--json')).out);
    expect(shown).toEqual({ 'ymm3:u32[0]': 0xa0000300, pkru: '0x55555554' });
    expect((await run('show', of('freebsd-zen3.core'), '--thread', '1234')).code).toBe(0);
  });

  test('a migration stream of QEMU is named, with what to do', async () => {
    const { code, err } = await run('show', of('qemu-migration-head.bin'));
    expect(code).toBe(3);
    expect(err).toContain('a QEMU migration stream (QEVM), not read here');
    expect(err).toContain('capture the guest while it runs');
  });

  test('a bit without a place is named alone, with what to do', async () => {
    const { code, err } = await run('show', of('bv-extra-62.bin'));
    expect(code).toBe(3);
    expect(err).toContain('mask 0x4000000000000000;');
    expect(err).toContain('--from CPU');
    expect((await run('show', of('bv-extra-62.bin'), '--from', 'skylake-sp', 'k1')).code).toBe(0);
  });

  test('[F21] [K10] a dirty header opens, what is wrong where is said, and KVM answers EINVAL', async () => {
    const shown = await run('show', of('dr3814-hdr-garbage.bin'), 'xmm0');
    expect(shown.code).toBe(0);
    expect((await run('layout', of('dr3814-hdr-garbage.bin'))).out).toContain('reserved header bytes 528 to');
    const checked = await run('check', of('dr3814-hdr-garbage.bin'), '--preset', 'skylake-sp');
    expect(checked.code).toBe(1);
    expect(checked.out).toContain('EINVAL, reserved header byte 528 is not zero');
    expect(shown.err).toContain('--from CPU');
  });
});

describe('[F16] what is converted for a CPU is read back as that CPU’s, without a doubt', () => {
  test.each([
    ['rr3573-zen4.bin', 'zen4', 'skylake-sp'],
    ['rr3573-zen4.bin', 'zen4', 'granite-rapids'],
    ['rr3573-zen4.bin', 'zen4', 'ice-lake-sp', '--bytes', '4096'],
    ['rr2643-skx-203.bin', 'skylake-sp', 'zen3'],
  ])('%s of a %s for a %s', async (name, from, to, ...more) => {
    const out = join(folder, 'converted');
    const known = findPreset(from) === undefined ? [] : ['--from', from];
    const done = await run('convert', of(name), ...known, '--to', 'raw', '--preset', to, ...more, '--out', out);
    expect(done.code, done.err).toBe(0);
    const paths = ['ymm*', 'k*', 'zmm17', 'pkru', 'mxcsr', '--json'];
    const shown = await run('show', out, '--strict', ...paths);
    expect(shown.code, shown.err).toBe(0);
    expect(JSON.parse(shown.out)).toEqual(JSON.parse((await run('show', out, '--from', to, ...paths)).out));
    const mask = findPreset(to)?.vendor === 'AMD' ? '0x0002ffff' : '0x0000ffff';
    expect(JSON.parse((await run('show', out, 'mxcsr_mask', '--json')).out)).toEqual({ mxcsr_mask: mask });
  });
});

describe('[F21] a header that is nothing but dirt', () => {
  test.each([0xff, 0xcc, 0xde])('all bytes %i: with its CPU named it opens, and every fault is said', async (byte) => {
    const bytes = new Uint8Array(readFileSync(of('rr2643-skx-203.bin')));
    bytes.fill(byte, 512, 576);
    const file = join(folder, 'dirt');
    writeFileSync(file, bytes);
    expect((await run('show', file)).err).toContain('--from CPU opens it all the same');
    const shown = await run('show', file, '--from', 'skylake-sp');
    expect(shown.code).toBe(0);
    for (const words of [
      'has bit 63 and components without',
      'XSTATE_BV bit 63 is set',
      'reserved header bytes 528 to',
    ])
      expect(shown.out).toContain(words);
    const checked = await run('check', file, '--from', 'skylake-sp', '--preset', 'skylake-sp');
    expect(checked.code).toBe(1);
    expect(checked.out).toMatch(/KVM_SET_XSAVE of the image as it is: EINVAL, .*XSTATE_BV: KVM supports/);
  });
});

describe('[C31] [F19] any CPU from what cpuid -r printed there', () => {
  const hex = (value: number, digits = 8): string => `0x${(value >>> 0).toString(16).padStart(digits, '0')}`;
  const dump = (name: string): string => {
    const preset = findPreset(name);
    if (preset === undefined) throw new Error(name);
    const lines = preset.cpuid.map(
      ({ leaf, subleaf, eax, ebx, ecx, edx }) =>
        `   ${hex(leaf)} ${hex(subleaf, 2)}: eax=${hex(eax)} ebx=${hex(ebx)} ecx=${hex(ecx)} edx=${hex(edx)}`,
    );
    const path = join(folder, `${name}.txt`);
    writeFileSync(
      path,
      `CPU 0:\n   0x00000000 0x00: eax=0x0000000d ebx=0x68747541 ecx=0x444d4163 edx=0x69746e65\n${lines.join('\n')}\n`,
    );
    return path;
  };

  test('as the layout of a file, and as the place to go', async () => {
    const from = await run('show', of('gdb13-gcore-on-amd.core'), '--from', dump('zen4'), 'zmm17:u32[0]', '--json');
    expect(JSON.parse(from.out)).toEqual({ 'zmm17:u32[0]': 2684358912 });
    const there = await run('check', of('rr3573-zen4.bin'), '--preset', dump('skylake-sp'));
    expect(there.code).toBe(7);
    const out = join(folder, 'moved');
    expect(
      (await run('convert', of('rr3573-zen4.bin'), '--preset', dump('skylake-sp'), '--to', 'raw', '--out', out)).code,
    ).toBe(0);
    expect((await run('show', out, 'k1')).out).toContain('0x00000000c0de0001');
  });

  test('what is neither a preset nor such a file is refused, and what there is is named', async () => {
    expect((await run('check', of('rr3573-zen4.bin'), '--preset', 'pentium')).err).toContain('cpuid -r');
    const path = join(folder, 'nothing.txt');
    writeFileSync(path, 'not CPUID');
    expect(await run('check', of('rr3573-zen4.bin'), '--preset', path)).toMatchObject({ code: 3, out: '' });
  });
});
