import { expect, test } from 'vitest';
import { failedMeans } from './failed.ts';

test.each<[string, number, RegExp | null]>([
  ['ARCH_GET_XCOMP_GUEST_PERM', 22, /older than 5\.17/],
  ['ARCH_GET_XCOMP_PERM', 22, /older than 5\.16/],
  ['ARCH_REQ_XCOMP_GUEST_PERM', 16, /before the first/],
  ['KVM_GET_XSAVE', 22, /larger than the 4096 bytes/],
  ['KVM_GET_XSAVE2', 25, /older than 5\.17/],
  ['KVM_GET_XSAVE2', 22, /protected/],
  ['KVM_GET_REGS', 22, /protected/],
  ['KVM_GET_MSRS', 1, /refused to this process/],
  ['KVM_GET_MSRS', 14, null],
  ['KVM_GET_MSRS_OF_ANOTHER', 22, null],
])('[X23] %s with errno %i', (call, errno, means) => {
  if (means === null) expect(failedMeans({ call, errno })).toBeNull();
  else expect(failedMeans({ call, errno })).toMatch(means);
});
