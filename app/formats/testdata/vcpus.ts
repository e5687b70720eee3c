import { fromBase64 } from '../../bits/base64.ts';
import { writeU32, writeU64 } from '../../bits/bytes.ts';
import { assert } from '../../bits/decoded.ts';
import type { Cpuid } from '../../cpu/cpuid.ts';
import { findPreset } from '../../xsave/presets.ts';
import type { VcpuSample } from './firecracker-file.ts';

const cpuidOf = (name: string): Cpuid => {
  const preset = findPreset(name);
  assert(preset !== undefined, `no preset ${name}`);
  return preset.cpuid;
};

/** The recorded 11008 bytes of a guest with tiles, from the base64 text that they are kept as. */
export const imageFromBase64 = (text: string): Uint8Array => {
  const bytes = fromBase64(text);
  assert(bytes.ok && bytes.value.length === 11008, 'the recorded image decodes');
  return bytes.value;
};

/** A Sapphire Rapids guest whose image this is. */
export const amxVcpuWith = (image: Uint8Array): VcpuSample => ({
  cpuid: cpuidOf('sapphire-rapids'),
  msrs: [
    { index: 0x1c4, value: 0n },
    { index: 0x174, value: 0x10n },
    { index: 0xc0000102, value: 0xffff_8880_0000_0001n },
  ],
  xcr0: 0x602e7n,
  image,
});

/** A Zen 5 guest with ZMM16-31 in use: on AMD component 7 lies at 1408. */
export const zenVcpu = (): VcpuSample => {
  const image = new Uint8Array(4096);
  writeU32(image, 24, 0x1f80);
  writeU32(image, 28, 0x2ffff);
  writeU64(image, 512, 1n << 7n);
  for (let at = 0; at < 1024; at += 1) image[1408 + at] = at & 0xff;
  return { cpuid: cpuidOf('zen5'), msrs: [{ index: 0xda0, value: 0x1800n }], xcr0: 0xe7n, image };
};
