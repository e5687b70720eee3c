import { equalBytes, readU64 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { bitsOf, hasBit } from '../bits/mask.ts';
import { mmPart } from '../register/read.ts';
import type { FragmentPlace, RegisterRow } from '../register/registers.ts';
import { BIT, componentLabel, keepsWhenClear } from '../xsave/components.ts';
import { XSTATE_BV_OFFSET_BYTES, xstateBv } from '../xsave/header.ts';
import { MXCSR_MASK_OFFSET_BYTES, MXCSR_OFFSET_BYTES } from '../xsave/legacy.ts';
import { INIT_MXCSR, initBytes, roomFor } from '../xsave/view.ts';
import { broughtToUse, type Draft, u32Bytes, withBytes } from './patch.ts';

const refuse = (what: string, why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what, why });

/**
 * One fragment. A fragment that keeps its bytes is not touched: one lane of a zmm register is an edit of one component. A
 * fragment in init that is given its initial value stays in init, except where KVM takes a clear bit as "leave it as it is".
 */
const writeFragment = (draft: Draft, part: FragmentPlace, bytes: Uint8Array): Decoded<Draft> => {
  const place = roomFor(draft.image, part.bit);
  if (place === undefined) return refuse(componentLabel(part.bit), 'this image has no room for it');
  const from = place.offsetBytes + part.offsetBytes;
  const present = hasBit(xstateBv(draft.image), part.bit)
    ? draft.image.bytes.subarray(from, from + part.sizeBytes)
    : initBytes(part.bit, place.sizeBytes).subarray(part.offsetBytes, part.offsetBytes + part.sizeBytes);
  const stays = !keepsWhenClear(part.bit) || hasBit(xstateBv(draft.image), part.bit);
  if (stays && equalBytes(present, bytes)) return decoded(draft);
  return decoded(withBytes(broughtToUse(draft, part.bit), from, bytes));
};

const writeParts = (draft: Draft, parts: readonly FragmentPlace[], bytes: Uint8Array): Decoded<Draft> => {
  let now = draft;
  let from = 0;
  for (const part of parts) {
    const written = writeFragment(now, part, bytes.subarray(from, from + part.sizeBytes));
    if (!written.ok) return written;
    now = written.value;
    from += part.sizeBytes;
  }
  // Tiles mean nothing without their configuration's bit: both components are in use together.
  const tiles = parts.some((part) => part.bit === BIT.XTILEDATA) && hasBit(xstateBv(now.image), BIT.XTILEDATA);
  return decoded(tiles ? broughtToUse(now, BIT.XTILECFG) : now);
};

// With XSTATE_BV[1] set no reader of the image drops MXCSR; KVM does, where x87 alone is in use.
const writeMxcsr = (draft: Draft, bytes: Uint8Array): Draft => {
  const present = draft.image.bytes.subarray(MXCSR_OFFSET_BYTES, MXCSR_OFFSET_BYTES + 4);
  const init = u32Bytes(INIT_MXCSR);
  const stays = !hasBit(xstateBv(draft.image), BIT.SSE) && equalBytes(bytes, init) && equalBytes(present, init);
  return stays ? draft : withBytes(broughtToUse(draft, BIT.SSE), MXCSR_OFFSET_BYTES, bytes);
};

// A bit set by hand brings a component to use like any other write: its initial values first, or stale bytes come alive.
const writeHeader = (draft: Draft, offsetBytes: number, bytes: Uint8Array): Draft => {
  if (offsetBytes !== XSTATE_BV_OFFSET_BYTES) return withBytes(draft, offsetBytes, bytes);
  const filled = bitsOf(readU64(bytes, 0)).reduce(
    (now, bit) => (roomFor(now.image, bit) === undefined ? now : broughtToUse(now, bit)),
    draft,
  );
  return withBytes(filled, offsetBytes, bytes);
};

/** Writes a whole register of the image. Registers outside it (XCR0, MSRs, general) are not for this function. */
export const writeRegister = (draft: Draft, row: RegisterRow, bytes: Uint8Array): Decoded<Draft> => {
  const { source } = row;
  switch (source.kind) {
    case 'fragments':
      return writeParts(draft, source.parts, bytes);
    case 'supervisor':
      return writeParts(draft, [source.part], bytes);
    case 'mm':
      return writeParts(draft, [mmPart(draft.image, source.index)], bytes);
    case 'mxcsr':
      return decoded(writeMxcsr(draft, bytes));
    case 'mxcsr-mask':
      return decoded(withBytes(draft, MXCSR_MASK_OFFSET_BYTES, bytes));
    case 'header':
      return decoded(writeHeader(draft, source.offsetBytes, bytes));
    case 'xcr0':
    case 'msr':
    case 'general':
    case 'control':
    case 'segment':
      return refuse(row.name, 'it lies outside the image');
    case 'derived':
      return refuse(row.name, `it is put together of others: ${source.remedy}`);
  }
};
