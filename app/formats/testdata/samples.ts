import { assert } from '../../bits/decoded.ts';
import { utf8FromText } from '../../bits/text.ts';
import { KVM_TILES_XSAVE } from '../../fixtures/kvm-tiles-xsave.ts';
import { makeCapture, makeImage, presetLayout } from '../../fixtures/preset-captures.ts';
import { captureText } from '../../session/document.ts';
import { sessionText } from '../../session/session-document.ts';
import { writeCore } from '../elf-write.ts';
import { cloudHypervisorFile } from './cloud-hypervisor-file.ts';
import { firecrackerFile, type VcpuSample } from './firecracker-file.ts';
import { vcpuStream } from './qemu-stream-file.ts';
import { imageFromBase64, zenVcpu } from './vcpus.ts';

/** One file of each kind that opens, small where it can be, to be spoilt. */
const tilesImage = (): Uint8Array => imageFromBase64(KVM_TILES_XSAVE);

export const smallVcpu = (): VcpuSample => ({ ...zenVcpu(), cpuid: zenVcpu().cpuid.slice(0, 8) });

export const core = (): Uint8Array => {
  const written = writeCore(
    makeCapture('zen5', makeImage(presetLayout('zen5'), new Map([[7, new Uint8Array(1024).fill(3)]]))),
  );
  assert(written.ok, 'a core is written');
  return written.value;
};

const capture = (): Uint8Array =>
  utf8FromText(
    captureText(makeCapture('zen5', makeImage(presetLayout('zen5'), new Map([[2, new Uint8Array(256).fill(7)]])))),
  );

/** Three stops, of two layouts. */
const session = (): Uint8Array => {
  const of = (preset: string, fill: number) =>
    makeCapture(preset, makeImage(presetLayout(preset), new Map([[2, new Uint8Array(256).fill(fill)]])));
  const captures = [of('zen5', 7), of('zen5', 8), of('granite-rapids', 7)];
  return utf8FromText(
    sessionText({
      ...{ product: 'Tilescope', savedAtMs: 1, pinned: 2 },
      stops: captures.map((one, at) => ({
        ...{ number: at + 1, cause: 'capture', label: null, capture: one },
        write: at === 0 ? null : { kind: 'undo', over: 0, writtenBytes: 1 },
      })),
    }),
  );
};

export const SAMPLES: readonly (readonly [string, () => Uint8Array])[] = [
  ['raw image', tilesImage],
  ['core', core],
  ['Firecracker', () => firecrackerFile('8.0.0', [smallVcpu()])],
  ['Firecracker with 4096 bytes', () => firecrackerFile('4.0.0', [smallVcpu()])],
  ['Cloud Hypervisor', () => cloudHypervisorFile([smallVcpu()])],
  [
    'QEMU stream',
    () =>
      vcpuStream([
        { xcr0: 0x602e7n, xstateBv: 0x602e7n },
        { instance: 1, xcr0: 7n, xstateBv: 7n },
      ]),
  ],
  ['capture', capture],
  ['session', session],
];
