import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { enumeratedUser } from '../../app/xsave/layout.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { fitting, HAVING, havingOf, WIDE } from '../models/having.ts';
import { captureOf, meaningOf, meaningOfShown } from '../models/meaning.ts';
import { tilescope, tilescopeJson } from '../models/tilescope.ts';

interface Listed {
  readonly pid: number;
  readonly vmm: string;
  readonly name: string;
  readonly vcpus: readonly { readonly index: number; readonly tid: number; readonly fd: number }[];
  readonly attachable: boolean;
  readonly reason: string | null;
}

/** A zmm value whose every byte differs, highest byte first. */
const ZMM5 = `0x${Array.from({ length: 64 }, (_, index) => (0xc0 ^ index).toString(16).padStart(2, '0')).join('')}`;
const XMM1 = '0x0123456789abcdeffedcba9876543210';
const EDITS = fitting([`zmm5=${ZMM5}`, 'k3=0x00000000deadbeef', `xmm1=${XMM1}`, 'mxcsr=0x9fc0']);
const PATHS = fitting(['zmm5', 'k3', 'xmm1', 'mxcsr']);

test.describe('a real QEMU guest, from the command line', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  let folder: string;
  test.beforeAll(async () => {
    guest = await Guest.start({ name: 'lab', vcpus: 2 });
    folder = mkdtempSync(join(tmpdir(), 'tilescope-live-'));
  });
  test.afterAll(async () => {
    await guest?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const pid = (): string[] => ['--pid', String(guest.pid)];

  test('list names the VMM, the guest, its vCPUs and their threads as QEMU names them', async () => {
    const listed = (await tilescopeJson<Listed[]>('list')).find((target) => target.pid === guest.pid);
    const threads = await guest.vcpuThreads();
    expect(listed).toMatchObject({ pid: guest.pid, vmm: 'QEMU', name: 'lab', attachable: true, reason: null });
    expect(listed?.vcpus.map(({ index, tid }) => ({ index, tid }))).toEqual(
      threads.map((tid, index) => ({ index, tid })),
    );
    expect(Object.keys(listed ?? {}).sort()).toEqual(['attachable', 'name', 'pid', 'reason', 'remedy', 'vcpus', 'vmm']);
    for (const vcpu of listed?.vcpus ?? [])
      expect(Object.keys(vcpu).sort()).toEqual(['fd', 'index', 'tid', 'vmmNumber']);
  });

  test('[Q4] a capture says which version of QEMU runs, as its monitor does', async () => {
    const out = join(folder, 'version.json');
    expect((await tilescope('capture', ...pid(), '--vcpu', '0', '--out', out)).code).toBe(0);
    const { facts } = JSON.parse(readFileSync(out, 'utf8')) as { facts: { target: { vmmVersion?: string } } };
    expect(facts.target.vmmVersion).toMatch(/^\d+\.\d+\.\d+$/);
    expect(await guest.monitor('info version')).toContain(facts.target.vmmVersion);
  });

  test('what show prints is what the monitor prints', async () => {
    const monitor = await guest.registers();
    const paths = fitting(['mxcsr', 'fcw', 'fsw', 'xmm0', 'k0', 'st0', 'rbx', 'xcr0']);
    const shown = await tilescopeJson<Record<string, unknown>>('show', ...pid(), ...paths);
    expect(shown.mxcsr).toBe(`0x${monitor.mxcsr}`);
    expect(meaningOfShown(shown)).toMatchObject({
      ...{ fcw: 'initial', xmm0: 'initial', st0: 'initial' },
      ...(HAVING.masks ? { k0: 'initial' } : {}),
    });
    expect(shown.rbx).toBe('0x1111222233334444');
    // All of it that its leaf 0xD offers, which some KVM gives a guest whatever `-cpu` says.
    const file = join(folder, 'offered.json');
    expect((await tilescope('capture', ...pid(), '--out', file)).code).toBe(0);
    const capture = captureOf(JSON.parse(readFileSync(file, 'utf8')));
    const offered = enumeratedUser(capture.facts.guestCpuid) ?? 0n;
    expect(BigInt(String(shown.xcr0))).toBe(offered & 0xe7n);
    // What all live tests write and expect is drawn from `-cpu` before there is a guest: its own CPUID says the same.
    expect(HAVING).toEqual(havingOf(capture));
  });

  test('zmm5, k3, xmm1 and mxcsr are written, read by the monitor and by a fresh attach, and given back', async () => {
    const file = join(folder, 'before.json');
    expect((await tilescope('capture', ...pid(), '--vcpu', '0', '--out', file)).code).toBe(0);
    const footprint = guest.footprint();

    const set = await tilescope('set', ...pid(), ...EDITS);
    expect(set.err).toBe('');
    expect(set.code).toBe(0);
    // A fresh attach first: QEMU 7.2 keeps no AVX-512 state of its own and drops it when a monitor command makes it write back.
    const shown = await tilescopeJson<Record<string, unknown>>('show', ...pid(), ...PATHS, 'xmm1:u32', 'mxcsr.RC');
    expect(shown[`${WIDE}5`]).toBe(`0x${ZMM5.slice(-HAVING.wideBytes * 2)}`);
    expect(shown.xmm1).toBe(XMM1);
    if (HAVING.masks) expect(shown.k3).toBe('0x00000000deadbeef');
    expect(shown.mxcsr).toBe('0x00009fc0');
    expect(shown['xmm1:u32']).toEqual([0x76543210, 0xfedcba98, 0x89abcdef, 0x01234567]);

    const monitor = await guest.registers();
    expect(monitor.zmm[5]?.slice(-32)).toBe(ZMM5.slice(-32));
    expect(monitor.zmm[1]?.slice(-32)).toBe(XMM1.slice(2));
    expect(monitor.mxcsr).toBe('00009fc0');

    const restored = await tilescope('restore', ...pid(), file);
    expect(restored.err).toBe('');
    expect(restored.code).toBe(0);
    const after = join(folder, 'after.json');
    await tilescope('capture', ...pid(), '--vcpu', '0', '--out', after);
    const meaning = (path: string): unknown => meaningOf(captureOf(JSON.parse(readFileSync(path, 'utf8'))));
    expect(meaning(after)).toEqual(meaning(file));
    expect((await guest.registers()).zmm[5]).toMatch(/^0+$/);
    await guest.progress();
    expect(guest.footprint()).toEqual(footprint);
  });

  test('x87 registers written here stand in the monitor at the same place', async () => {
    const set = await tilescope('set', ...pid(), 'st0:f80=-2.5', 'fsw.TOP=5', 'ftw=0x20', 'fcw=0x027f');
    expect(set.err).toBe('');
    expect(set.code).toBe(0);
    const monitor = await guest.registers();
    expect(monitor.fcw).toBe('027f');
    expect(Number.parseInt(monitor.fsw, 16) & 0x3800).toBe(5 << 11);
    expect(monitor.fpr[0]).toBe('c000a000000000000000');
    const shown = await tilescopeJson<Record<string, unknown>>('show', ...pid(), 'st0:f80', 'fsw.TOP', 'fcw');
    expect(shown).toEqual({ 'st0:f80': ['-2.5'], 'fsw.TOP': 5, fcw: '0x027f' });
    expect((await tilescope('restore', ...pid(), join(folder, 'before.json'))).code).toBe(0);
  });

  test('a write that the kernel would refuse is refused before, by name, and changes nothing', async () => {
    const before = await guest.registers();
    const refused = await tilescope('set', ...pid(), 'xmm1:u32[0]=7', 'mxcsr=0xffffffff');
    expect(refused.code).not.toBe(0);
    expect(refused.err).toMatch(/MXCSR/i);
    const unknown = await tilescope('set', ...pid(), 'xmm99=0');
    expect(unknown.code).toBe(2);
    expect(unknown.err).toMatch(/xmm99/);
    expect(await guest.registers()).toEqual(before);
  });

  test('a pid that is no VMM, a pid that is gone, a broken file: each is said and not more', async () => {
    const self = await tilescope('show', '--pid', String(process.pid), 'xmm0');
    expect(self.code).not.toBe(0);
    expect(self.err).toMatch(/vCPU/i);
    const gone = await tilescope('show', '--pid', '4194303', 'xmm0');
    expect(gone.code).not.toBe(0);
    expect(gone.err).toContain('4194303');
    const file = join(folder, 'broken.json');
    writeFileSync(file, '{"format":"tilescope-capture","version":1,"image":{"base64":"AAAA"');
    const broken = await tilescope('show', file, 'xmm0');
    expect(broken.code).not.toBe(0);
    expect(broken.err).toContain('broken.json');
    expect(broken.out).toBe('');
  });

  test('a guest without named threads is found as well', async () => {
    const plain = await Guest.start({ name: 'plain', debugThreads: false });
    try {
      const [thread] = await plain.vcpuThreads();
      const shown = await tilescopeJson<Record<string, unknown>>('show', '--pid', String(plain.pid), 'rbx');
      expect(shown).toEqual({ rbx: '0x1111222233334444' });
      const listed = (await tilescopeJson<Listed[]>('list')).find((target) => target.pid === plain.pid);
      expect(listed?.vcpus).toMatchObject([{ index: 0, tid: thread }]);
    } finally {
      await plain.stop();
    }
  });
});
