import { type Decoded, decoded } from '../bits/decoded.ts';
import type { Capture, FailedCall, TargetIdentity } from '../capture/capture.ts';
import { layoutFromCpuid } from '../xsave/layout.ts';
import { decodeImage } from '../xsave/view.ts';
import type { RawCapture } from './capture-reply.ts';
import type { AttachReply, HelloReply } from './messages.ts';

/** KVM_CHECK_EXTENSION: 0 means that the kernel does not know the capability, below 0 an errno. */
const capability = (answer: number): number | null => (answer > 0 ? answer : null);

const failedCapabilities = (attach: AttachReply): FailedCall[] =>
  [
    { call: 'KVM_CHECK_EXTENSION(KVM_CAP_XSAVE2) on the VM', answer: attach.capXsave2Vm },
    { call: 'KVM_CHECK_EXTENSION(KVM_CAP_XSAVE2) on /dev/kvm', answer: attach.capXsave2System },
  ]
    .filter(({ answer }) => answer < 0)
    .map(({ call, answer }) => ({ call, errno: -answer }));

/**
 * A capture from what the helper brought. The layout is the host's: KVM's buffers follow the CPUID leaf 0xD of the host,
 * whatever the guest is shown. (Linux, Documentation/virt/kvm/api.rst, KVM_GET_XSAVE2.)
 */
export const toCapture = (
  raw: RawCapture,
  attach: AttachReply,
  hello: HelloReply,
  identity: TargetIdentity,
): Decoded<Capture> => {
  const layout = layoutFromCpuid(hello.cpuid, 'host CPUID 0xD');
  if (!layout.ok) return layout;
  const image = decodeImage(raw.image, layout.value);
  if (!image.ok) return image;
  return decoded({
    image: image.value,
    facts: {
      target: identity,
      takenAtMs: Number(raw.takenRealtimeNs / 1_000_000n),
      pauseNs: raw.pauseNs,
      inKvmRun: raw.inKvmRun,
      frozen: raw.frozen,
      imageCall: raw.imageCall,
      kernelRelease: hello.kernelRelease === '' ? null : hello.kernelRelease,
      guestCpuid: raw.guestCpuid,
      hostCpuid: hello.cpuid,
      xcr0: raw.xcrs.find((xcr) => xcr.index === 0)?.value ?? null,
      msrs: raw.msrs,
      guestPermission: attach.guestPermission,
      hostPermission: attach.hostPermission,
      // The helper asks its own /dev/kvm the same; the answer is the host's, not the process's.
      supportedXcr0: attach.supportedXcr0 ?? (hello.hostXcr0Supported === 0n ? null : hello.hostXcr0Supported),
      sizes: {
        capXsave2Vm: capability(attach.capXsave2Vm),
        capXsave2System: capability(attach.capXsave2System),
        writtenBytes: raw.writtenBytes,
        legacyErrno: raw.legacyErrno,
      },
      general: raw.general,
      control: raw.control,
      segments: raw.segments,
      descriptors: raw.descriptors,
      failed: [...failedCapabilities(attach), ...raw.failed],
    },
  });
};
