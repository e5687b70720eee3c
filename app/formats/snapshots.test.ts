import { expect, test } from 'vitest';
import { utf8FromText } from '../bits/text.ts';
import type { Capture } from '../capture/capture.ts';
import { KVM_TILES_XSAVE } from '../fixtures/kvm-tiles-xsave.ts';
import { viewComponent } from '../xsave/view.ts';
import { crc64 } from './crc64.ts';
import { openBytes } from './detect.ts';
import { isObject, member, parseJson } from './json.ts';
import { cloudHypervisorFile, type StateForm } from './testdata/cloud-hypervisor-file.ts';
import { firecrackerFile, type VcpuSample, withChecksum } from './testdata/firecracker-file.ts';
import { amxVcpuWith, imageFromBase64, zenVcpu } from './testdata/vcpus.ts';

const tilesImage = (): Uint8Array => imageFromBase64(KVM_TILES_XSAVE);
const amxVcpu = (): VcpuSample => amxVcpuWith(tilesImage());

const open = (bytes: Uint8Array, thread?: number) => {
  const opened = openBytes('vmstate', bytes, thread === undefined ? {} : { thread });
  if (!opened.ok) throw new Error(JSON.stringify(opened.problem));
  return opened.value;
};

const refusal = (bytes: Uint8Array): string => {
  const opened = openBytes('vmstate', bytes);
  return opened.ok ? 'opened' : JSON.stringify(opened.problem);
};

const expectVcpu = (capture: Capture | undefined, sample: VcpuSample): void => {
  expect(capture?.image.bytes).toEqual(sample.image);
  expect(capture?.facts.guestCpuid).toEqual(sample.cpuid);
  expect(capture?.facts.msrs).toEqual(sample.msrs.map((msr) => ({ ...msr, errno: 0 })));
  expect(capture?.facts.xcr0).toBe(sample.xcr0);
  expect(capture?.facts.general).toMatchObject({
    rax: 0x1000n,
    rsp: 0x1006n,
    r15: 0x100fn,
    rip: 0x1010n,
    rflags: 0x1011n,
  });
  expect(capture?.facts.control).toEqual({ cr0: 0x80050033n, cr2: 2n, cr3: 0x3000n, cr4: 4n, cr8: 8n, efer: 0xd01n });
  expect(capture?.image.layout.source).toBe('guest CPUID 0xD in the snapshot');
};

test('[F8] CRC-64 is that of Jones', () => {
  expect(crc64(utf8FromText('123456789'))).toBe(0xe9c6d914c4b8d9can);
});

// Formats 4 and 5 keep 4096 bytes only, as Firecracker did: the tiles are not in them.
const legacy = (): VcpuSample => ({ ...amxVcpu(), image: amxVcpu().image.slice(0, 4096) });

test.each(['6.0.0', '7.0.0', '8.0.0'])('[F8] Firecracker format %s: every vCPU with image and facts', (version) => {
  const file = open(firecrackerFile(version, [amxVcpu(), zenVcpu()]));
  expect(file.kind).toBe('firecracker');
  expect(file.states.map((state) => state.label)).toEqual(['vCPU 0', 'vCPU 1']);
  expectVcpu(file.states[0]?.capture, amxVcpu());
  expectVcpu(file.states[1]?.capture, zenVcpu());
  expect(file.states[0]?.capture.facts.imageCall).toBe(`Firecracker snapshot ${version}`);
});

test.each(['4.0.0', '5.0.0'])(
  '[F8] Firecracker format %s holds 4096 bytes: tiles in use are beyond its end',
  (version) => {
    const file = open(firecrackerFile(version, [legacy()]));
    expectVcpu(file.states[0]?.capture, legacy());
    const image = file.states[0]?.capture.image;
    expect(image && viewComponent(image, 18)).toEqual({ state: 'absent' });
  },
);

test('[F8] a Firecracker snapshot of another version is refused by its version', () => {
  expect(refusal(firecrackerFile('3.0.0', [amxVcpu()]))).toContain('3.0.0');
  expect(refusal(firecrackerFile('9.0.0', [amxVcpu()]))).toContain('9.0.0');
  const versionized = firecrackerFile('8.0.0', [zenVcpu()]);
  versionized[0] = 7;
  expect(refusal(versionized)).toContain('versionize');
});

test('[F22] a file without magic whose checksum closes is named as the bitcode format', () => {
  const columns = withChecksum(Uint8Array.from({ length: 5000 }, (_, at) => (at * 37) & 0xff));
  expect(refusal(columns)).toContain('bitcode');
});

test('[F8] a Firecracker snapshot with a changed byte is refused by its checksum', () => {
  const file = firecrackerFile('8.0.0', [zenVcpu()]);
  file[2000] = (file[2000] ?? 0) ^ 1;
  expect(refusal(file)).toContain('CRC-64');
});

test('[F8] one vCPU by its index', () => {
  expect(open(firecrackerFile('8.0.0', [amxVcpu(), zenVcpu()]), 1).states.map((state) => state.label)).toEqual([
    'vCPU 1',
  ]);
  expect(openBytes('vmstate', firecrackerFile('8.0.0', [zenVcpu()]), { thread: 4 }).ok).toBe(false);
});

test.each<StateForm>(['text', 'bytes', 'sections'])('[F9] Cloud Hypervisor state.json, state as %s', (form) => {
  const file = open(cloudHypervisorFile([amxVcpu(), zenVcpu()], form));
  expect(file.kind).toBe('cloud-hypervisor');
  expect(file.states.map((state) => state.label)).toEqual(['vCPU 0', 'vCPU 1']);
  expectVcpu(file.states[0]?.capture, amxVcpu());
  expectVcpu(file.states[1]?.capture, zenVcpu());
});

test('[F9] a Cloud Hypervisor snapshot cut at 4096 bytes says that the tiles are beyond its end', () => {
  const image = open(cloudHypervisorFile([legacy()])).states[0]?.capture.image;
  expect(image && viewComponent(image, 18)).toEqual({ state: 'absent' });
  expect(image && viewComponent(image, 17).state).toBe('inUse');
});

test('[F9] a snapshot without vCPUs, or with a region of another size, is refused', () => {
  expect(refusal(utf8FromText('{"snapshots":{},"snapshot_data":null}'))).toContain('cpu-manager');
  const vcpu = '{"snapshots":{},"snapshot_data":{"state":"{\\"Kvm\\":{\\"xsave\\":{\\"region\\":[1,2]}}}"}}';
  const tree = `{"snapshots":{"cpu-manager":{"snapshots":{"0":${vcpu}},"snapshot_data":null}},"snapshot_data":null}`;
  expect(refusal(utf8FromText(tree))).toContain('1024 words');
});

test('[F9] whole numbers of 64 bits stay exact', () => {
  const parsed = parseJson(
    'numbers',
    '{"a": 18446744073709551615, "b": [9007199254740993, -1, 0.5], "c": "\\u00e9\\n"}',
  );
  expect(parsed.ok && member(parsed.value, 'a')).toBe(18446744073709551615n);
  expect(parsed.ok && member(parsed.value, 'b')).toEqual([9007199254740993n, -1, 0.5]);
  expect(parsed.ok && member(parsed.value, 'c')).toBe('é\n');
  expect(parsed.ok && isObject(parsed.value)).toBe(true);
});

test.each(['', '{', '[1,]', '{"a":1,}', '01', '1.', 'nul', '"a', '"\\x"', '[1] 2', `${'['.repeat(100)}`])(
  '[F9] text that is not JSON is refused with its place: %s',
  (text) => {
    expect(parseJson('text', text)).toMatchObject({ ok: false, problem: { kind: 'syntax' } });
  },
);
