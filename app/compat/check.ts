import { type Decoded, decoded } from '../bits/decoded.ts';
import { bitsOf, hasBit, hexShort, maskOf } from '../bits/mask.ts';
import type { Capture, Facts } from '../capture/capture.ts';
import type { ComponentBit, Image, Layout } from '../capture/image.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import { bitMatrix, xcr0Refusal } from '../xsave/bitmatrix.ts';
import { componentLabel, componentName, componentRow } from '../xsave/components.ts';
import { convertImage, restrictLayout } from '../xsave/convert.ts';
import { DYNAMIC_MASK, LEAST_KVM_BYTES, neededBytes, xfdValue } from '../xsave/facts.ts';
import { XCOMP_BV_OFFSET_BYTES, xstateBv } from '../xsave/header.ts';
import { EXTENDED_OFFSET_BYTES, enumeratedUser, isByName, placeOf } from '../xsave/layout.ts';
import { firstRefusal, kernelPreflight, type PreflightStep, preflight } from '../xsave/preflight.ts';
import { cutComponents } from '../xsave/view.ts';
import { type Destination, type Place, placeOfDestination } from './destination.ts';
import { saySentences } from './sentences.ts';
import type { AsItIs, Extent, LayoutDifference, Lost, RestoreVerdict } from './verdict.ts';

// A VMM gives KVM a buffer of the size KVM reads; what the image does not fill of it is zero. What is cut stays cut.
const padded = (image: Image, toBytes: number): Uint8Array => {
  if (cutComponents(image).length > 0 || image.bytes.length >= toBytes) return image.bytes;
  const bytes = new Uint8Array(toBytes);
  bytes.set(image.bytes);
  return bytes;
};

const samePlace = (a: Extent | undefined, b: Extent | undefined): boolean =>
  a?.offsetBytes === b?.offsetBytes && a?.sizeBytes === b?.sizeBytes;

const checkAsItIs = ({ image }: Capture, { layout, facts }: Place, readsBytes: number): AsItIs => {
  const bytes = padded(image, readsBytes);
  const isFilled = bytes.length > image.bytes.length;
  const short = isFilled ? ({ bytes: image.bytes.length, copies: readsBytes, errno: 'EFAULT' } as const) : null;
  const steps = kernelPreflight({ bytes, layout }, facts);
  const refusal = firstRefusal(steps);
  const misread = bitsOf(xstateBv(image)).filter((bit) => !samePlace(placeOf(image.layout, bit), placeOf(layout, bit)));
  const outcome = refusal !== null ? 'refused' : misread.length > 0 ? 'misread' : 'taken';
  return { outcome, steps, refusal, misread: outcome === 'misread' ? misread : [], short };
};

/** Why a component with a place there cannot be had by this guest all the same; null: it can. */
const notForThisGuest = (bit: ComponentBit, facts: Facts): string | null => {
  const name = componentLabel(bit);
  const offered = enumeratedUser(facts.guestCpuid);
  if (bit < 2) return null;
  if (facts.supportedXcr0 !== null && !hasBit(facts.supportedXcr0, bit)) return `KVM there does not support ${name}`;
  if (offered !== null && !hasBit(offered, bit)) return `the guest's CPUID there does not have ${name}`;
  const needsPermission = hasBit(DYNAMIC_MASK, bit) && facts.guestPermission !== null;
  if (needsPermission && !hasBit(facts.guestPermission ?? 0n, bit))
    return `the VMM there has no permission for ${name}`;
  return null;
};

const whyLost = (bit: ComponentBit, why: string, place: Place): string => {
  const row = componentRow(bit);
  if (row?.kind === 'supervisor') {
    return `${row.label} is a supervisor component, which KVM_SET_XSAVE never takes: it goes by ${row.where ?? 'MSRs'}`;
  }
  return (placeOf(place.layout, bit) === undefined ? null : notForThisGuest(bit, place.facts)) ?? why;
};

// The order of a restore is IA32_XFD first where it is to be disarmed, then the image: the capture's own value counts.
const factsAtRestore = (facts: Facts, capture: Capture): Facts => {
  const value = xfdValue(capture.facts);
  if (value === null) return facts;
  const others = facts.msrs.filter((msr) => msr.index !== MSR_INDEX.IA32_XFD);
  return { ...facts, msrs: [...others, { index: MSR_INDEX.IA32_XFD, value, errno: 0 }] };
};

const differences = (here: Layout, there: Layout): LayoutDifference[] => {
  const bits = new Set([...here.components, ...there.components].map((place) => place.bit));
  const extent = (layout: Layout, bit: ComponentBit): Extent | null => {
    const place = placeOf(layout, bit);
    return place === undefined ? null : { offsetBytes: place.offsetBytes, sizeBytes: place.sizeBytes };
  };
  return [...bits]
    .sort((a, b) => a - b)
    .map((bit) => ({ bit, name: componentLabel(bit), here: extent(here, bit), there: extent(there, bit) }))
    .filter((row) => !samePlace(row.here ?? undefined, row.there ?? undefined));
};

const badgeOf = (fits: RestoreVerdict['fits'], lost: readonly Lost[], refusal: PreflightStep | null): string => {
  if (fits === 'yes') return 'fits';
  if (fits === 'after-conversion') return 'fits after conversion';
  if (fits === 'no') return `does not fit: ${refusal?.errno ?? refusal?.label ?? 'refused'}`;
  if (lost.length === 0) return 'fits, but not XCR0';
  return lost.length === 1 ? `fits, loses ${lost[0]?.name}` : `fits, loses ${lost.length} components`;
};

/**
 * Can this image be restored there, what would be lost, and what does KVM_SET_XSAVE say to it as it is? Components are
 * moved to where the destination has them; header faults are kept, for they are the file's own. Needs 576 bytes, as every
 * opened image has; a problem where the destination's layout is not known.
 */
export const checkRestore = (capture: Capture, destination: Destination): Decoded<RestoreVerdict> => {
  const found = placeOfDestination(destination);
  if (!found.ok) return found;
  const place = found.value;
  const readsBytes = neededBytes(place.facts)?.bytes ?? Math.max(LEAST_KVM_BYTES, place.layout.totalBytes);
  const usable = place.layout.components.filter(({ bit }) => notForThisGuest(bit, place.facts) === null);
  const there = restrictLayout(place.layout, maskOf(usable.map(({ bit }) => bit)));
  const converted = convertImage(capture.image, there);
  if (!converted.ok) return converted;

  const bytes = new Uint8Array(Math.max(readsBytes, converted.value.image.bytes.length));
  bytes.set(converted.value.image.bytes);
  const isStandard = capture.image.layout.format === 'standard';
  const kept = isStandard ? XCOMP_BV_OFFSET_BYTES : XCOMP_BV_OFFSET_BYTES + 8;
  bytes.set(capture.image.bytes.subarray(kept, EXTENDED_OFFSET_BYTES), kept);
  const image: Image = { bytes, layout: there };

  const steps = preflight(image, factsAtRestore(place.facts, capture));
  const refused = firstRefusal(steps);
  // Registers kept by name are put wherever the destination has them, by whoever reads the file: there is no image as it is.
  const given = isByName(capture.image.layout) ? { ...capture, image } : capture;
  const asItIs = checkAsItIs(given, place, readsBytes);
  const lost = converted.value.lost.map(({ bit, why }) => ({
    bit,
    name: componentLabel(bit),
    // The name on screen: TILEDATA for XTILEDATA.
    why: whyLost(bit, why.replace(componentName(bit), componentLabel(bit)), place),
  }));
  const { xcr0 } = capture.facts;
  const xcr0Why = xcr0 === null ? null : xcr0Refusal(xcr0, { image, facts: place.facts });
  const whole = asItIs.outcome === 'taken' ? 'yes' : 'after-conversion';
  const fits = refused !== null ? 'no' : lost.length > 0 || xcr0Why !== null ? 'with-losses' : whole;
  const first = asItIs.refusal ?? refused;
  const verdict = {
    fits,
    badge: badgeOf(fits, lost, refused),
    destination: place.name,
    there: place.layout,
    image,
    steps,
    asItIs,
    firstRefusal: first,
    errno: first?.errno ?? null,
    lost,
    layoutDiffers: isByName(capture.image.layout) ? [] : differences(capture.image.layout, place.layout),
    warnings: bitMatrix(capture).contradictions,
    xcr0Refusal: xcr0Why === null || xcr0 === null ? null : `XCR0 ${hexShort(xcr0)}: ${xcr0Why}`,
  } as const;
  return decoded({ ...verdict, sentences: saySentences(capture, destination, verdict) });
};
