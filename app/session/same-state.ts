import { equalBytes } from '../bits/bytes.ts';
import type { Capture, Facts } from '../capture/capture.ts';
import { xstateBv } from '../xsave/header.ts';
import { flippedBits } from '../xsave/view.ts';
import { changedComponents } from './provenance.ts';
import { isSameLayout } from './shared.ts';

const sameFields = <T extends object>(a: T | null, b: T | null): boolean =>
  a === b || (a !== null && b !== null && (Object.keys(a) as (keyof T)[]).every((key) => a[key] === b[key]));

const sameFacts = (a: Facts, b: Facts): boolean =>
  a.xcr0 === b.xcr0 &&
  a.inKvmRun === b.inKvmRun &&
  a.guestPermission === b.guestPermission &&
  a.imageCall === b.imageCall &&
  sameFields(a.general, b.general) &&
  sameFields(a.control, b.control) &&
  sameFields(a.segments, b.segments) &&
  sameFields(a.descriptors, b.descriptors) &&
  a.msrs.length === b.msrs.length &&
  a.msrs.every(({ index, value }, at) => index === b.msrs[at]?.index && value === b.msrs[at]?.value) &&
  a.failed.length === b.failed.length &&
  a.failed.every(({ call, errno }, at) => call === b.failed[at]?.call && errno === b.failed[at]?.errno);

/** The header of the image is XSTATE_BV, which says what is in use, XCOMP_BV, and zeros. (SDM vol. 1, 13.4.2) */
const sameHeader = ({ image: a }: Capture, { image: b }: Capture): boolean =>
  (xstateBv(a) ^ xstateBv(b)) === flippedBits(a, b) &&
  equalBytes(a.bytes.subarray(520, 576), b.bytes.subarray(520, 576));

/**
 * Whether two captures of one vCPU show the same: every component by its values, what is in use, XCR0, MSRs, general, control and
 * segment registers, and whether the thread was inside KVM_RUN. Stale bytes, the time and the pause do not count.
 */
export const sameState = (a: Capture, b: Capture): boolean =>
  sameFacts(a.facts, b.facts) &&
  isSameLayout(a.image.layout, b.image.layout) &&
  (equalBytes(a.image.bytes, b.image.bytes) ||
    (a.image.bytes.length === b.image.bytes.length && sameHeader(a, b) && changedComponents(a, b).length === 0));
