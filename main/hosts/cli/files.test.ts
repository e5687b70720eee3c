import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Capture } from '../../../app/capture/capture.ts';
import { type FakeTarget, fakeTarget } from '../../../app/debug/testing/fake-target.ts';
import { sampleAmxCapture, sampleCapture } from '../../../app/fixtures/samples.ts';
import { writeCore } from '../../../app/formats/elf-write.ts';
import { cloudHypervisorFile } from '../../../app/formats/testdata/cloud-hypervisor-file.ts';
import { firecrackerFile } from '../../../app/formats/testdata/firecracker-file.ts';
import { amxVcpuWith, zenVcpu } from '../../../app/formats/testdata/vcpus.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import { captureText } from '../../../app/session/document.ts';
import type { Host } from '../../services/host.ts';
import { fakeHost, type Ran, runOn } from '../../testing/command-line.ts';
import { joinedCore, sure } from '../../testing/cores.ts';

let folder: string;
let target: FakeTarget;
let host: Host;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-files-'));
  target = fakeTarget(sampleCapture());
  host = fakeHost(folder, {
    hostFacts: async () =>
      answer({
        product: 'Tilescope',
        helper: { ok: true, version: 'protocol 1', problem: null },
        kernelRelease: '6.18.44',
        host: 'web',
        cpu: null,
        openAtStart: null,
        machine: { cpuid: sampleCapture().facts.hostCpuid, supportedXcr0: '0xe7' },
      }),
    openLive: async (pid) => (pid === 4242 ? answer(target) : refuse('no-such-process', 'there is no such process')),
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]): Promise<Ran> => runOn(host, args);

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const threadOf = (capture: Capture, tid: number): Uint8Array =>
  sure(writeCore({ ...capture, facts: { ...capture.facts, target: { ...capture.facts.target, pid: tid, tid } } }));
const twoThreads = (): string => {
  const second = sampleCapture();
  second.image.bytes.set([0, 0, 0x80, 0xbf], 160);
  return file('core.7', joinedCore([threadOf(sampleCapture(), 7), threadOf(second, 9)]));
};

describe('[C31] files of every kind', () => {
  test('a raw image shows its registers, and its guessed layout is told on standard error', async () => {
    const raw = file('vcpu0.xsave', sampleAmxCapture().image.bytes);
    const shown = await run('show', raw, 'tilecfg', '--json');
    expect(shown.code).toBe(0);
    expect(JSON.parse(shown.out)).toMatchObject({ tilecfg: { palette_id: 1 } });
    expect(shown.err).toContain('the layout is guessed from');
    const named = await run('show', raw, '--preset', 'sapphire-rapids', '--json');
    expect(named.err).toBe('');
    expect(JSON.parse(named.out)).toMatchObject({ layout: { guessed: false, totalBytes: 11008 } });
  });

  test('a capture says its own layout', async () => {
    const saved = file('zen.json', captureText(sampleCapture()));
    expect(await run('show', saved, '--from', 'spr')).toMatchObject({ code: 2, out: '' });
  });

  test('show of a core shows the thread that took the signal and names the others; --thread names one', async () => {
    const core = twoThreads();
    const first = await run('show', core, 'xmm0:f32[0]', '--json');
    expect(first).toMatchObject({ code: 0 });
    expect(JSON.parse(first.out)).toEqual({ 'xmm0:f32[0]': 1 });
    expect(first.err).toContain('thread 7, the first, which took the signal; --thread N names another: thread 9');
    // What writes, or compares, is told which one is meant.
    for (const verb of [['check'], ['convert', '--to', 'raw', '--out', join(folder, 'x')]]) {
      const refused = await run(verb[0] ?? '', core, ...verb.slice(1));
      expect(refused).toMatchObject({ code: 2, out: '' });
      expect(refused.err).toContain('thread 7, thread 9');
    }
    for (const [thread, value] of [
      ['7', 1],
      ['9', -1],
    ] as const) {
      const shown = await run('show', core, '--thread', thread, 'xmm0:f32[0]', '--json');
      expect(JSON.parse(shown.out)).toEqual({ 'xmm0:f32[0]': value });
    }
    expect(await run('show', core, '--thread', '8')).toMatchObject({ code: 3 });
  });

  test('restore takes a core as it takes a capture', async () => {
    const core = twoThreads();
    expect((await run('restore', '--pid', '4242', core, '--thread', '9')).code).toBe(1);
    const done = await run('restore', '--pid', '4242', '--force', core, '--thread', '9', '--json');
    expect(done.code, done.err).toBe(0);
    expect(target.state.image.bytes.slice(160, 164)).toEqual(new Uint8Array([0, 0, 0x80, 0xbf]));
  });

  test.each([
    ['Firecracker', () => firecrackerFile('8.0.0', [amxVcpuWith(sampleAmxCapture().image.bytes), zenVcpu()])],
    ['Cloud Hypervisor', () => cloudHypervisorFile([amxVcpuWith(sampleAmxCapture().image.bytes), zenVcpu()])],
  ])('the state of a %s snapshot, a vCPU at a time', async (_vmm, make) => {
    const state = file('state', make());
    expect((await run('show', state)).err).toContain('vCPU 0, the first; --thread N names another: vCPU 1');
    expect((await run('layout', state)).err).toContain('vCPU 0, vCPU 1');
    const first = JSON.parse((await run('show', state, '--vcpu', '0', 'tilecfg.rows[0]', 'xcr0', '--json')).out);
    expect(first).toMatchObject({ xcr0: '0x00000000000602e7' });
    const second = JSON.parse((await run('show', state, '--thread', '1', 'zmm16:u8[3]', '--json')).out);
    expect(second).toEqual({ 'zmm16:u8[3]': 3 });
    expect((await run('check', state, '--vcpu', '1', '--preset', 'zen4')).code).toBe(0);
  });

  test('what cannot be read is refused: a folder, an empty file, text', async () => {
    for (const path of [folder, file('empty', ''), file('a.txt', 'hello')]) {
      const refused = await run('show', path);
      expect(refused).toMatchObject({ code: 3, out: '' });
    }
  });
});

describe('[C32] check', () => {
  test('exit 0 and "yes" where it fits, against a vCPU, a preset and this host', async () => {
    const saved = file('zen.json', captureText(sampleCapture()));
    for (const where of [[], ['--pid', '4242'], ['--preset', 'zen5']]) {
      const checked = await run('check', saved, ...where, '--json');
      expect(checked.code, checked.out).toBe(0);
      expect(JSON.parse(checked.out)).toMatchObject({ fits: 'yes', lost: [], errno: null });
    }
    expect((await run('check', saved)).out).toMatch(/^this host: fits\n/);
  });

  test('exit 1 with what is lost and what KVM_SET_XSAVE says', async () => {
    const saved = file('amx.json', captureText(sampleAmxCapture()));
    const checked = await run('check', saved, '--preset', 'zen5', '--json');
    expect(checked.code).toBe(1);
    expect(JSON.parse(checked.out)).toMatchObject({
      fits: 'with-losses',
      errno: 'EINVAL',
      lost: [{ name: 'TILECFG' }, { name: 'TILEDATA' }],
    });
    expect((await run('check', saved)).code).toBe(1);
  });

  test('a snapshot truncated at 4096 loses TILEDATA everywhere', async () => {
    const cut = file('cut.xsave', sampleAmxCapture().image.bytes.subarray(0, 4096));
    const checked = await run('check', cut, '--from', 'spr', '--preset', 'granite-rapids', '--json');
    expect(checked.code).toBe(1);
    expect(JSON.parse(checked.out)).toMatchObject({ lost: [{ bit: 18 }] });
  });

  test.each([
    [['check']],
    [['check', 'a', 'b']],
    [['check', 'a', '--preset', 'pentium']],
    [['check', 'a', '--preset', 'zen5', '--pid', '1']],
    [['show', 'a', '--from', 'spr', '--preset', 'spr']],
    [['show', '--pid', '4242', '--preset', 'spr']],
    [['layout', 'a', 'b']],
    [['convert', 'a', '--to', 'raw']],
    [['convert', 'a', '--to', 'jpeg', '--out', 'b']],
    [['convert', 'a', '--to', 'numpy', '--out', 'b']],
    [['presets', 'more']],
  ])('%j is wrong usage', async (args) => {
    expect(await run(...args)).toMatchObject({ code: 2, out: '' });
  });
});

describe('[C33] convert, layout, presets', () => {
  const out = (): string => join(folder, 'out');

  test('a fixed size is written, or refused where it would cut a component in use', async () => {
    const saved = file('amx.json', captureText(sampleAmxCapture()));
    const written = await run('convert', saved, '--to', 'raw', '--bytes', '12288', '--out', out());
    expect(written.code, written.err).toBe(0);
    const bytes = readFileSync(out());
    expect(bytes.length).toBe(12288);
    expect(bytes.subarray(0, 11008)).toEqual(Buffer.from(sampleAmxCapture().image.bytes));
    const refused = await run('convert', saved, '--to', 'raw', '--bytes', '4096', '--out', out());
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('TILEDATA would be cut off');
  });

  test('another layout refuses what does not fit, by name, and --force leaves it out', async () => {
    const saved = file('amx.json', captureText(sampleAmxCapture()));
    const words = ['convert', saved, '--to', 'capture', '--preset', 'zen5', '--out', out()];
    const refused = await run(...words);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('XTILEDATA has no place');
    expect((await run(...words, '--force')).code).toBe(0);
    const shown = await run('show', out(), 'xstate_bv', 'tmm0', '--json');
    expect(JSON.parse(shown.out)).toEqual({ xstate_bv: '0x0000000000000200', tmm0: { state: 'absent' } });
  });

  test('there and back by the compacted format and another CPU keeps every register', async () => {
    const saved = file('zen.json', captureText(sampleCapture()));
    const packed = join(folder, 'packed');
    await run('convert', saved, '--to', 'capture', '--preset', 'skylake-sp', '--compacted', '--out', packed);
    const compacted = await run('layout', packed, '--json');
    expect(JSON.parse(compacted.out).columns.at(-1)).toMatchObject({ id: 'file', format: 'compacted' });
    const paths = ['zmm0', 'zmm17', 'k3', 'st0', 'mxcsr'];
    expect((await run('show', packed, ...paths)).out).toBe((await run('show', saved, ...paths)).out);
  });

  test('one register as values', async () => {
    const saved = file('zen.json', captureText(sampleCapture()));
    const done = await run('convert', saved, '--to', 'csv', '--path', 'xmm2:i32', '--out', out());
    expect(done.code, done.err).toBe(0);
    expect(readFileSync(out(), 'utf8')).toContain('1,-2,2147483647,-2147483648');
  });

  test('layout: columns, sizes, bits and contradictions of a vCPU', async () => {
    const shown = await run('layout', '--pid', '4242', '--json');
    expect(JSON.parse(shown.out)).toMatchObject({
      columns: [{ id: 'guest' }, { id: 'host' }, { id: 'file', totalBytes: 2432 }],
      contradictions: [],
    });
    expect((await run('layout', '--pid', '4242')).out).toMatch(/Hi16_ZMM +user +1408 \+ 1024 +1408 \+ 1024/);
  });

  test('presets', async () => {
    const listed = JSON.parse((await run('presets', '--json')).out);
    expect(listed.map(({ name }: { name: string }) => name)).toContain('sapphire-rapids');
  });
});

test('[C51] layout without a file shows this host', async () => {
  const { code, out } = await run('layout');
  expect(code).toBe(0);
  expect(out).toMatch(/KVM supports +0xe7/);
  expect(out).toMatch(/5 +opmask +user +832 +64/);
  expect(JSON.parse((await run('layout', '--json')).out)).toMatchObject({
    kvmSupports: '0xe7',
    components: expect.any(Array),
  });
});
