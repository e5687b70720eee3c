import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { concat } from '../bits/bytes.ts';
import { describeProblem } from '../bits/decoded.ts';
import { utf8FromText } from '../bits/text.ts';
import type { Capture } from '../capture/capture.ts';
import { checkRestore } from '../compat/check.ts';
import { parsePath } from '../register/path.ts';
import { showJson } from '../register/read.ts';
import { findPreset } from '../xsave/presets.ts';
import { openBytes } from './detect.ts';
import { KVM_CLOCK, qemuStreamFile, vcpuSection, vcpuStream } from './testdata/qemu-stream-file.ts';

/** Written by QEMU 7.2 of a KVM guest of two vCPUs; what its monitor said of the same pause stands below. */
const REAL = new Uint8Array(gunzipSync(readFileSync(new URL('testdata/qemu-7.2-migration.gz', import.meta.url))));

const open = (bytes: Uint8Array, options: Parameters<typeof openBytes>[2] = {}): readonly Capture[] => {
  const opened = openBytes('stream', bytes, options);
  if (!opened.ok) throw new Error(describeProblem(opened.problem));
  expect(opened.value.kind).toBe('qemu');
  return opened.value.states.map(({ capture }) => capture);
};
const why = (bytes: Uint8Array, options: Parameters<typeof openBytes>[2] = {}): string => {
  const opened = openBytes('stream', bytes, options);
  return opened.ok ? 'it opens' : describeProblem(opened.problem);
};
const value = (capture: Capture | undefined, path: string): unknown => {
  const parsed = parsePath(path);
  if (!parsed.ok || capture === undefined) throw new Error(path);
  return showJson(capture, parsed.value);
};

describe('[F25] a migration stream of QEMU', () => {
  test('has the registers that QEMU’s monitor shows', () => {
    const [first, second] = open(REAL);
    const of = (capture: Capture | undefined, ...paths: string[]): unknown[] =>
      paths.map((path) => value(capture, path));
    expect(of(first, 'xmm3', 'xmm15', 'mxcsr', 'r9', 'rbx', 'rip', 'rflags', 'efer', 'cr0', 'cr4', 'cs', 'ss')).toEqual(
      [
        '0x0000000000000000deadbeef00000000',
        '0x0123456789abcdef0000000000000000',
        '0x00009fc0',
        ...['0x0000000000001234', '0x1111222233334444', '0x00000000000f0103', '0x0000000000000002'],
        ...['0x0000000000000500', '0x00000000e0000013', '0x0000000000040620', '0x0008', '0x0010'],
      ],
    );
    expect(value(first, 'st0')).toEqual({ state: 'init' });
    expect(of(second, 'xmm0', 'fcw', 'fsw', 'ftw', 'st0', 'st1', 'r15', 'rflags')).toEqual([
      '0xcafe0001000000000000000000000000',
      ...['0x027f', '0x3000', '0xc0', '0x4000c90fdaa22168c235', '0xbffe8000000000000000'],
      ...['0xfedcba9876543210', '0x0000000000000006'],
    ]);
    expect(first?.facts).toMatchObject({ xcr0: 0xe7n, control: { cr8: 0n } });
    expect(open(REAL, { thread: 1 })[0]?.facts.target.vcpu).toBe(1);
    expect(why(REAL, { thread: 7 })).toContain('no vCPU 7 among 0, 1');
  });

  test('AVX-512, PKRU, tiles and APX stand in subsections; every register is where it belongs', () => {
    const mask = 0xe02e7n;
    const [capture] = open(vcpuStream([{ xcr0: mask, xstateBv: mask }]));
    expect(value(capture, 'zmm1:u64')).toEqual([0x1010, 0x1011, 0x2010, 0x2011, 0x3010, 0x3011, 0x3012, 0x3013]);
    expect(value(capture, 'zmm31:u64[7]')).toBe(0x4000 + 16 * 15 + 7);
    expect(value(capture, 'k3')).toBe('0x00000000c0de0003');
    expect(value(capture, 'pkru')).toBe('0x55555554');
    expect(value(capture, 'tmm0:u8[1][2]')).toBe(66);
    expect(value(capture, 'r17')).toBe('0x000000000000e001');
    expect(value(capture, 'rax')).toBe('0x000000000000a000');
    expect(value(capture, 'cr8')).toBe('0x0000000000000007');
    expect(value(capture, 'xfd')).toBe('0x0000000000000000');
    expect(value(capture, 'xss')).toMatchObject({ state: 'not-known' });
  });

  test('what is left out of it because it is zero is zero, in use where XSTATE_BV says so', () => {
    const device = vcpuSection({ xcr0: 0xe7n, xstateBv: 0xe7n });
    const [capture] = open(qemuStreamFile([{ ...device, subsections: [] }, KVM_CLOCK]));
    expect(value(capture, 'k1')).toBe('0x0000000000000000');
    expect(value(capture, 'zmm20:u64[0]')).toBe(0);
    expect(value(capture, 'ymm1:u64[2]')).toBe(0x2010);
  });

  test('x87: slots with KVM, physical registers of QEMU’s own CPU, which keeps no XSTATE_BV', () => {
    const fsw = 6n << 11n;
    const [kvm] = open(vcpuStream([{ xcr0: 7n, xstateBv: 7n, fsw }]));
    expect(value(kvm, 'st0')).toBe('0x3fff8000000000000000');
    const [tcg] = open(qemuStreamFile([vcpuSection({ xcr0: 7n, xstateBv: 0n, fsw })]));
    expect(value(tcg, 'st0')).toBe('0x40058000000000000006');
    expect(value(tcg, 'xstate_bv')).toBe('0x0000000000000007');
    const [init] = open(vcpuStream([{ xcr0: 7n, xstateBv: 0n }]));
    expect(value(init, 'st0')).toEqual({ state: 'init' });
  });

  test('no offset is the file’s: it fits every CPU that has the registers, as it is', () => {
    const [capture] = open(vcpuStream([{ xcr0: 0x2e7n, xstateBv: 0x2e7n }]));
    for (const cpu of ['zen4', 'skylake-sp', 'granite-rapids']) {
      const preset = findPreset(cpu);
      if (capture === undefined || preset === undefined) throw new Error(cpu);
      const verdict = checkRestore(capture, { kind: 'preset', preset });
      expect(verdict).toMatchObject({ ok: true, value: { fits: 'yes', layoutDiffers: [], lost: [], warnings: [] } });
    }
    const [there] = open(vcpuStream([{ xcr0: 0x2e7n, xstateBv: 0x2e7n }]), { preset: 'zen4' });
    expect(value(there, 'k3')).toBe('0x00000000c0de0003');
    expect(there?.image.layout.components.find(({ bit }) => bit === 5)?.offsetBytes).toBe(832);
    expect(why(vcpuStream([{ xcr0: 0x2e7n, xstateBv: 0x2e7n }]), { preset: 'haswell' })).toContain('mask 0x2e0');
  });

  test('a guest’s memory that looks like a section is not one, and older streams have no footers', () => {
    const decoy = qemuStreamFile([vcpuSection({ xcr0: 7n, xstateBv: 7n })]);
    const bytes = vcpuStream([{ xcr0: 0xe7n, xstateBv: 0xe7n }], { memory: decoy });
    expect(open(bytes).map(({ facts }) => facts.xcr0)).toEqual([0xe7n]);
    const older = vcpuStream([{ xcr0: 0xe7n, xstateBv: 0xe7n }], { hasFooters: false });
    expect(value(open(older)[0], 'k3')).toBe('0x00000000c0de0003');
  });

  test('virsh save holds one behind its header; packed or cut, it is named', () => {
    const header = (format: number): Uint8Array => {
      const bytes = new Uint8Array(92 + 64);
      bytes.set(utf8FromText('LibvirtQemudSave'));
      bytes.set([2, 0, 0, 0, 64, 0, 0, 0, 1, 0, 0, 0, format], 16);
      return bytes;
    };
    expect(value(open(concat([header(0), REAL]))[1], 'st0')).toBe('0x4000c90fdaa22168c235');
    expect(why(concat([header(1), REAL]))).toContain('the stream in it is gzip');
    expect(why(concat([header(5), REAL]))).toContain('the stream in it is zstd');
    expect(why(REAL.subarray(0, 60000))).toMatch(
      /QEVM\), not read here: its description \(vmdesc\) is not at its end.*capture/,
    );
  });

  test('fields of any length cost no more than they are long', () => {
    const cpu = vcpuSection({ xcr0: 7n, xstateBv: 7n });
    const grown = (name: string, sizeBytes: number, bytes: number): Uint8Array =>
      qemuStreamFile([
        {
          ...cpu,
          fields: cpu.fields.map((field) =>
            field.name === name
              ? { ...field, sizeBytes, values: Array(bytes / sizeBytes).fill(new Uint8Array(sizeBytes).fill(0xff)) }
              : field,
          ),
        },
      ]);
    for (const name of ['env.regs', 'env.mxcsr', 'env.fpregs', 'env.xmm_regs[1]']) {
      expect(open(grown(name, 1, 1 << 18))).toHaveLength(1);
      expect(open(grown(name, 1 << 22, 1 << 22))).toHaveLength(1);
    }
    expect(value(open(grown('env.regs', 1, 1 << 20))[0], 'rax')).toMatchObject({ state: 'not-known' });
    expect(why(grown('env.xcr0', 1 << 22, 1 << 22))).toContain('no extended state');
  });

  test('a description that does not agree with the sections is not followed', () => {
    const text = new TextDecoder('latin1').decode(vcpuStream([{ xcr0: 7n, xstateBv: 7n }]));
    const latin1 = (changed: string): Uint8Array<ArrayBuffer> =>
      Uint8Array.from(changed, (letter) => letter.charCodeAt(0));
    expect(
      why(
        latin1(text.replace('"name":"env.eip","type":"uint64","size":8', '"name":"env.eip","type":"uint64","size":9')),
      ),
    ).toContain('no section "cpu"');
    // The last "size":16 is that of a field of the vCPU; the JSON keeps its length.
    const at = text.lastIndexOf('"size":16');
    expect(why(latin1(`${text.slice(0, at)}"size":-6${text.slice(at + 9)}`))).toContain('no section "cpu"');
    expect(why(latin1(text.replace('"devices":[{', '"devices":[[')))).toContain('no JSON');
  });
});
