import { readU32, readU64 } from '../bits/bytes.ts';
import { bitsOf, hasBit, hexShort, maskOf } from '../bits/mask.ts';
import type { ComponentPlace, Layout } from '../capture/image.ts';
import { BIT, COMPONENTS, componentLabel } from '../xsave/components.ts';
import { XSTATE_BV_OFFSET_BYTES } from '../xsave/header.ts';
import { compactedLayout, EXTENDED_OFFSET_BYTES, holesOf, placeOf } from '../xsave/layout.ts';
import { MXCSR_MASK_OFFSET_BYTES, SOFTWARE_OFFSET_BYTES } from '../xsave/legacy.ts';
import { MXCSR_MASKS, type Preset } from '../xsave/presets.ts';
import { brokenTileRules, TILECFG_BYTES } from '../xsave/tilecfg.ts';

/** What one thing in a file says about one CPU that may have written it. */
export interface Witness {
  /** Above 0: for it. Below 0: against it. */
  readonly weight: number;
  /** Against it and not to be explained away: the writer would have had to be at fault. */
  readonly strong: boolean;
  /** One phrase without a full stop. */
  readonly says: string;
}

/** What an image says of its writer, whoever that was. */
export interface Evidence {
  readonly bytes: Uint8Array;
  readonly bv: bigint;
  readonly vendor: Preset['vendor'] | null;
  /** The user components that the writer's system enables; null: it does not say. */
  readonly mask: bigint | null;
  /** Where the mask stands, for people. */
  readonly maskFrom: string;
  /** The length that the writer itself gives; null: it does not say. */
  readonly saidBytes: number | null;
  readonly isGdb: boolean;
  /** AT_MINSIGSTKSZ of the process, in bytes; null: it does not say. */
  readonly signalStackBytes: number | null;
}

/** What a file says of an image's writer outside the image. */
export interface WriterFacts {
  /** It names gdb as its writer. */
  readonly isGdb?: boolean;
  /** AT_MINSIGSTKSZ of its auxiliary vector, in bytes. */
  readonly signalStackBytes?: number | null;
}

const USER_MASK = maskOf(COMPONENTS.filter((row) => row.kind === 'user').map((row) => row.bit));

/**
 * The user feature mask that KVM and ptrace write at byte 464; null where the bytes cannot be one. A signal frame has
 * FP_XSTATE_MAGIC1 there, and hardware writes nothing.
 */
export const softwareMask = (bytes: Uint8Array): bigint | null => {
  const mask = readU64(bytes, SOFTWARE_OFFSET_BYTES);
  const bv = readU64(bytes, XSTATE_BV_OFFSET_BYTES);
  return (mask & 1n) === 1n && (mask & ~USER_MASK) === 0n && (bv & ~mask) === 0n ? mask : null;
};

/** Zero, and any other MXCSR_MASK, says nothing. */
export const VENDOR_MASKS: ReadonlyMap<number, Preset['vendor']> = new Map([
  [MXCSR_MASKS.Intel, 'Intel'],
  [MXCSR_MASKS.AMD, 'AMD'],
]);

const FP_XSTATE_MAGIC1 = 0x46505853;

/**
 * What a signal frame says of itself, in the 48 bytes at 464 (Linux uapi/asm/sigcontext.h): magic 0, extended_size 4,
 * xfeatures 8, xstate_size 16. Null: no signal frame's image.
 */
export const signalFrameBytes = (
  bytes: Uint8Array,
  at = 0,
): { readonly extendedBytes: number; readonly xfeatures: bigint; readonly xstateBytes: number } | null => {
  const start = at + SOFTWARE_OFFSET_BYTES;
  if (bytes.length < at + EXTENDED_OFFSET_BYTES || readU32(bytes, start) !== FP_XSTATE_MAGIC1) return null;
  return {
    extendedBytes: readU32(bytes, start + 4),
    xfeatures: readU64(bytes, start + 8),
    xstateBytes: readU32(bytes, start + 16),
  };
};

/** What the bytes themselves, and the file around them, say about where components lie. */
export const evidenceOf = (bytes: Uint8Array, { isGdb = false, signalStackBytes = null }: WriterFacts): Evidence => {
  const frame = signalFrameBytes(bytes);
  const bv = readU64(bytes, XSTATE_BV_OFFSET_BYTES) & ~(1n << 63n);
  const said = frame !== null && (frame.xfeatures & 1n) === 1n ? frame : null;
  return {
    bytes,
    bv,
    vendor: VENDOR_MASKS.get(readU32(bytes, MXCSR_MASK_OFFSET_BYTES)) ?? null,
    mask: said === null ? softwareMask(bytes) : said.xfeatures,
    maskFrom: said === null ? 'at byte 464' : 'of the signal frame',
    saidBytes: said?.xstateBytes ?? null,
    isGdb,
    signalStackBytes,
  };
};

/**
 * What a kernel adds to the size of its user components for AT_MINSIGSTKSZ, before rounding up to 16: with
 * CONFIG_IA32_EMULATION and without. (Linux arch/x86/kernel/signal.c, init_sigframe_size, since 5.14: the frame, its
 * padding of 15, 63 for XSAVE's, 4 for FP_XSTATE_MAGIC2, and the 112 of an FSAVE header.)
 */
const SIGNAL_STACK_OVERHEADS = [930, 522];

/** Whether a kernel that has these components, or those up to one of them, gives AT_MINSIGSTKSZ this value. */
export const givesSignalStack = (layout: Layout, signalStackBytes: number): boolean =>
  [EXTENDED_OFFSET_BYTES, ...layout.components.map(({ offsetBytes, sizeBytes }) => offsetBytes + sizeBytes)].some(
    (end) => SIGNAL_STACK_OVERHEADS.some((overhead) => Math.ceil((end + overhead) / 16) * 16 === signalStackBytes),
  );

/** The kernel counts all components that it has, whatever the process may use: whole is the CPU's layout with all of them. */
const signalStackSays = ({ signalStackBytes }: Evidence, whole: Layout): Witness[] => {
  if (signalStackBytes === null) return [];
  return givesSignalStack(whole, signalStackBytes)
    ? [weak(6, `AT_MINSIGSTKSZ ${signalStackBytes} is that of a kernel on such a CPU`)]
    : [against(20, `AT_MINSIGSTKSZ ${signalStackBytes} is that of a kernel on a CPU with other offsets`)];
};

/** The bytes of a component, as far as they are there; none where it has no place. */
const bytesAt = (bytes: Uint8Array, place: ComponentPlace | undefined): Uint8Array =>
  place === undefined ? new Uint8Array(0) : bytes.subarray(place.offsetBytes, place.offsetBytes + place.sizeBytes);

const isBlank = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

const names = (mask: bigint): string => bitsOf(mask).map(componentLabel).join(', ');

/** Sizes of buffers that say nothing about the components in them. */
const isBuffer = (sizeBytes: number): boolean => sizeBytes % 4096 === 0;

/** A size alone can be chance; the kernel's notes, with the mask in them, have exactly the size of what it names. */
export const EXACT_SIZE_WEIGHT = { alone: 6, withMask: 18 } as const;

const weak = (weight: number, says: string): Witness => ({ weight, strong: false, says });
const against = (weight: number, says: string): Witness => ({ weight: -weight, strong: true, says });

const vendorSays = ({ vendor, bytes }: Evidence, preset: Preset): Witness[] => {
  if (vendor === null) return [];
  const says = `MXCSR_MASK ${hexShort(BigInt(readU32(bytes, MXCSR_MASK_OFFSET_BYTES)))} is that of ${vendor}'s CPUs`;
  return [vendor === preset.vendor ? weak(12, says) : against(12, says)];
};

const componentsSay = ({ bv, mask, maskFrom }: Evidence, layout: Layout): Witness[] => {
  const has = maskOf(layout.components.map((place) => place.bit));
  const found: Witness[] = [];
  if ((bv & ~has) !== 0n) found.push(against(30, `it has no place for ${names(bv & ~has)}, which XSTATE_BV has`));
  if (mask === null) return found;
  const missing = mask & ~has & ~bv;
  if (missing !== 0n) found.push(against(20, `it does not have ${names(missing)}, which the mask ${maskFrom} has`));
  return found;
};

/** Ends of components in use beyond the end of the file. */
const cutOf = (bytes: Uint8Array, bv: bigint, layout: Layout): readonly ComponentPlace[] =>
  layout.components.filter(
    (place) => place.bit >= 2 && hasBit(bv, place.bit) && place.offsetBytes + place.sizeBytes > bytes.length,
  );

const sizeSays = (evidence: Evidence, layout: Layout): Witness[] => {
  const { bytes, bv, mask, saidBytes } = evidence;
  const found: Witness[] = [];
  const size = saidBytes ?? bytes.length;
  const said = saidBytes === null ? `the image's ${size} bytes` : `the ${size} bytes that the signal frame names`;
  if (size === layout.totalBytes) {
    found.push(
      weak(
        EXACT_SIZE_WEIGHT[saidBytes === null && mask === null ? 'alone' : 'withMask'],
        `its components end at ${said}`,
      ),
    );
  } else if (saidBytes !== null) found.push(against(15, `its components end at ${layout.totalBytes}, not at ${said}`));
  else if (size > layout.totalBytes && !isBuffer(size)) {
    found.push(weak(-2, `${size - layout.totalBytes} bytes are left behind its last component`));
  }
  const cut = cutOf(bytes, bv, layout);
  const first = cut[0];
  if (first !== undefined) {
    const end = first.offsetBytes + first.sizeBytes;
    found.push(against(8, `${componentLabel(first.bit)} would end at ${end}, and the file ends at ${bytes.length}`));
    const packed = compactedLayout(layout, bv | (1n << 63n));
    if (packed.ok && packed.value.totalBytes === bytes.length) {
      found.push(weak(2, `${bytes.length} is the size of the same components in the compacted format: cut to it`));
    }
  }
  return found;
};

/** Bytes where the layout has none: KVM and ptrace leave them zero, and XSAVE does not write them. */
const paddingSays = ({ bytes, bv }: Evidence, layout: Layout): Witness[] => {
  const found: Witness[] = [];
  if (!isBlank(bytes.subarray(layout.totalBytes))) {
    found.push(against(8, `bytes behind ${layout.totalBytes}, where its last component ends, are not zero`));
  }
  const hole = holesOf(layout).find(
    ({ offsetBytes, sizeBytes }) => !isBlank(bytes.subarray(offsetBytes, offsetBytes + sizeBytes)),
  );
  if (hole !== undefined)
    found.push(weak(-4, `its hole of ${hole.sizeBytes} bytes at ${hole.offsetBytes} is not zero`));
  const stale = layout.components.filter(
    (place) => place.bit >= 2 && !hasBit(bv, place.bit) && !isBlank(bytesAt(bytes, place)),
  );
  if (stale.length > 0) {
    found.push(weak(-2, `${names(maskOf(stale.map(({ bit }) => bit)))} would have bytes and is in init`));
  }
  return found;
};

/** Linux gives its tasks this PKRU: key 0 alone is allowed. (arch/x86/mm/pkeys.c, init_pkru_value.) */
const LINUX_PKRU = 0x55555554;

/** What lies at the places of the components in use, and whether it can be what the components hold. */
const contentsSay = ({ bytes, bv }: Evidence, layout: Layout): Witness[] => {
  const found: Witness[] = [];
  const inUse = (bit: number): Uint8Array =>
    hasBit(bv, bit) ? bytesAt(bytes, placeOf(layout, bit)) : new Uint8Array(0);
  const pkru = inUse(BIT.PKRU);
  if (pkru.length >= 8) {
    const value = readU32(pkru, 0);
    if (!isBlank(pkru.subarray(4))) found.push(weak(-5, 'the upper half of what would be PKRU is not zero'));
    else if (value === LINUX_PKRU) found.push(weak(4, `PKRU would be ${hexShort(BigInt(value))}, Linux's own`));
    else if (value === 0) found.push(weak(-1, 'PKRU would be 0'));
  }
  const opmask = inUse(BIT.opmask);
  if (opmask.length >= 64) {
    const high = Array.from({ length: 8 }, (_, index) => readU32(opmask, 8 * index + 4));
    if (high.every((word) => word !== 0)) found.push(weak(-3, 'k0 to k7 would all have bits above bit 31'));
  }
  const wide = inUse(BIT.Hi16_ZMM);
  // Registers of an AVX-512 program are mostly filled from the lowest, so four blank ones at the end say little.
  if (wide.length === 1024 && !isBlank(wide) && isBlank(wide.subarray(768))) {
    found.push(weak(-1, 'zmm28 to zmm31 would be zero'));
  }
  const config = inUse(BIT.XTILECFG);
  if (config.length === TILECFG_BYTES && brokenTileRules(config).length > 0) {
    found.push(weak(-3, 'TILECFG would be one that LDTILECFG refuses'));
  }
  return found;
};

/** All that speaks for and against an image having this layout on this CPU, which has the components of `whole`. */
export const witnessesOf = (evidence: Evidence, preset: Preset, layout: Layout, whole: Layout): readonly Witness[] => [
  ...signalStackSays(evidence, whole),
  ...vendorSays(evidence, preset),
  ...componentsSay(evidence, layout),
  ...sizeSays(evidence, layout),
  ...paddingSays(evidence, layout),
  ...contentsSay(evidence, layout),
];
