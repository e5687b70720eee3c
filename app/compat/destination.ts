import { type Decoded, undecodable } from '../bits/decoded.ts';
import { maskOf } from '../bits/mask.ts';
import { type Facts, factsOf, targetOf } from '../capture/capture.ts';
import type { Layout } from '../capture/image.ts';
import type { Cpuid, CpuidEntry } from '../cpu/cpuid.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import { KVM_SUPPORTED_XCR0 } from '../xsave/components.ts';
import { restrictLayout } from '../xsave/convert.ts';
import { LEAST_KVM_BYTES } from '../xsave/facts.ts';
import { enumeratedUser, layoutFromCpuid } from '../xsave/layout.ts';
import type { Preset } from '../xsave/presets.ts';

/** Where an image might be restored: on a CPU by name, or into a vCPU whose facts were read. */
export type Destination =
  | { readonly kind: 'preset'; readonly preset: Preset }
  | { readonly kind: 'target'; readonly facts: Facts };

/** A destination as pre-flight needs it: KVM's layout there, and the facts. */
export interface Place {
  /** For people: "Zen 5 (Turin)", "debian-12 (QEMU, pid 4242), vCPU 0". */
  readonly name: string;
  readonly layout: Layout;
  readonly facts: Facts;
}

const VENDOR_WORDS: Readonly<Record<Preset['vendor'], Pick<CpuidEntry, 'ebx' | 'ecx' | 'edx'>>> = {
  Intel: { ebx: 0x756e6547, edx: 0x49656e69, ecx: 0x6c65746e },
  AMD: { ebx: 0x68747541, edx: 0x69746e65, ecx: 0x444d4163 },
};

// CPUID 1.ECX[26] and [27]: XSAVE, OSXSAVE. Every preset has leaf 0xD, so it has both.
const cpuidOf = (preset: Preset): Cpuid => [
  { leaf: 0, subleaf: 0, eax: 0xd, ...VENDOR_WORDS[preset.vendor] },
  { leaf: 1, subleaf: 0, eax: 0, ebx: 0, ecx: 3 << 26, edx: 0 },
  ...preset.cpuid,
];

/** Linux 7.1 on that CPU, a guest that has all of it enabled and permitted, and IA32_XFD clear. */
const presetPlace = (preset: Preset): Decoded<Place> => {
  const layout = layoutFromCpuid(preset.cpuid, preset.label);
  if (!layout.ok) return layout;
  const cpuid = cpuidOf(preset);
  const supported = (enumeratedUser(preset.cpuid) ?? 0n) & KVM_SUPPORTED_XCR0 & ~maskOf(preset.leftOut);
  const bytes = Math.max(LEAST_KVM_BYTES, restrictLayout(layout.value, supported).totalBytes);
  const facts = factsOf(targetOf('model', 'preset', preset.label), 'KVM_GET_XSAVE2', {
    guestCpuid: cpuid,
    hostCpuid: cpuid,
    xcr0: supported,
    msrs: [{ index: MSR_INDEX.IA32_XFD, value: 0n, errno: 0 }],
    guestPermission: supported,
    supportedXcr0: supported,
    sizes: { capXsave2Vm: bytes, capXsave2System: bytes, writtenBytes: null, legacyErrno: null },
  });
  return { ok: true, value: { name: preset.label, layout: layout.value, facts } };
};

const targetName = ({ target }: Facts): string => {
  // This machine's KVM, before there is a process: see thisMachine().
  if (target.kind === 'live' && target.pid === null) return target.name;
  const who = target.pid === null ? target.vmm : `${target.vmm}, pid ${target.pid}`;
  return `${target.name} (${who}), vCPU ${target.vcpu}`;
};

/** KVM reads an image with the host's layout whatever the guest is shown; the guest's stands in where the host's was not read. */
const targetPlace = (facts: Facts): Decoded<Place> => {
  const name = targetName(facts);
  const whose = facts.hostCpuid.length > 0 ? 'host' : 'guest';
  const cpuid = whose === 'host' ? facts.hostCpuid : facts.guestCpuid;
  if (cpuid.length === 0) {
    const why = 'neither the CPUID of its host nor of its guest was read: name a preset';
    return undecodable({ kind: 'not-allowed', what: name, why });
  }
  const layout = layoutFromCpuid(cpuid, `${whose} CPUID 0xD of ${name}`);
  return layout.ok ? { ok: true, value: { name, layout: layout.value, facts } } : layout;
};

export const placeOfDestination = (destination: Destination): Decoded<Place> =>
  destination.kind === 'preset' ? presetPlace(destination.preset) : targetPlace(destination.facts);
