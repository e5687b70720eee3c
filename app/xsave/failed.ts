import type { FailedCall } from '../capture/capture.ts';

/** What a failed call means, where the errno alone does not tell; the first row that fits counts. */
const MEANINGS: readonly { readonly call: RegExp; readonly errno: number | null; readonly means: string }[] = [
  {
    call: /^ARCH_(GET|REQ)_XCOMP_GUEST_PERM$/,
    errno: 22,
    means: 'the kernel is older than 5.17, which brought permissions of guests: no guest there can have TILEDATA',
  },
  {
    call: /^ARCH_(GET|REQ)_XCOMP_(PERM|SUPP)$/,
    errno: 22,
    means: 'the kernel is older than 5.16, which brought permissions: no process there can have TILEDATA',
  },
  { call: /^ARCH_REQ_XCOMP_/, errno: 95, means: 'the CPU or the kernel does not have TILEDATA' },
  {
    call: /^ARCH_REQ_XCOMP_GUEST_PERM$/,
    errno: 16,
    means: 'the VMM has a vCPU already: permission comes before the first',
  },
  {
    call: /^KVM_GET_XSAVE$/,
    errno: 22,
    means: 'the state is larger than the 4096 bytes of this call: KVM_GET_XSAVE2 gives it (Linux 5.17)',
  },
  {
    call: /^KVM_GET_XSAVE2$/,
    errno: 25,
    means: 'the kernel is older than 5.17, which brought this call',
  },
  {
    call: /^KVM_(GET|SET)_(REGS|SREGS2?|XSAVE2?|XCRS|FPU)$/,
    errno: 22,
    means: 'the guest is protected (SEV-ES, SEV-SNP or TDX): the host cannot read its state',
  },
  { call: /^KVM_/, errno: 1, means: 'it was refused to this process' },
];

/** One phrase without a full stop; null: the errno says it all. */
export const failedMeans = ({ call, errno }: FailedCall): string | null =>
  MEANINGS.find((row) => row.call.test(call) && (row.errno === null || row.errno === errno))?.means ?? null;
