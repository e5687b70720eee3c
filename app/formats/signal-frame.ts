import { readU32, readU64 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { hexShort } from '../bits/mask.ts';
import { factsOf } from '../capture/capture.ts';
import { layoutFor, MOST_IMAGE_BYTES } from './guess.ts';
import { fileTarget, type OpenedFile, type OpenOptions, stateOf } from './opened.ts';
import { signalFrameBytes } from './witness.ts';

/*
 * The floating-point part of a signal frame as Linux puts it on the stack (uapi/asm/sigcontext.h, fpu/signal.c). In the 48
 * bytes at 464 of the XSAVE image stands what it is: FP_XSTATE_MAGIC1, extended_size, xfeatures, xstate_size; behind the
 * image FP_XSTATE_MAGIC2. A 64-bit frame begins with the image; a 32-bit one with struct fregs_state, 112 bytes.
 */
const STARTS = [
  { at: 0, label: '64-bit signal frame' },
  { at: 112, label: '32-bit signal frame' },
] as const;
const FP_XSTATE_MAGIC2 = 0x46505845;
const LEAST_BYTES = 576;

const startOf = (bytes: Uint8Array) => STARTS.find(({ at }) => signalFrameBytes(bytes, at) !== null);

export const isSignalFrame = (bytes: Uint8Array): boolean => startOf(bytes) !== undefined;

/** An XSAVE image as the kernel lays it on the stack of a signal handler. A problem where FP_XSTATE_MAGIC1 is not in it. */
export const openSignalFrame = (name: string, bytes: Uint8Array, options: OpenOptions): Decoded<OpenedFile> => {
  const start = startOf(bytes);
  const said = start === undefined ? null : signalFrameBytes(bytes, start.at);
  if (start === undefined || said === null) {
    return undecodable({ kind: 'not-allowed', what: name, why: 'no FP_XSTATE_MAGIC1 in it' });
  }
  const { xstateBytes, xfeatures } = said;
  if (xstateBytes < LEAST_BYTES || xstateBytes > MOST_IMAGE_BYTES) {
    const why = `${start.label} whose xstate_size is ${xstateBytes}`;
    return undecodable({ kind: 'not-allowed', what: name, why });
  }
  const end = start.at + xstateBytes;
  // A frame that was cut opens as far as it goes, as a raw image does.
  const image = bytes.slice(start.at, end);
  const isWhole = bytes.length >= end + 4 && readU32(bytes, end) === FP_XSTATE_MAGIC2;
  const layout = layoutFor(image, options.preset);
  if (!layout.ok) return layout;
  const { extendedBytes } = said;
  const expected = start.at + xstateBytes + 4;
  const words = [
    `${start.label} (extended_size ${extendedBytes}, xfeatures ${hexShort(xfeatures)}, xstate_size ${xstateBytes})`,
    ...(extendedBytes === expected ? [] : [`whose extended_size is not the ${expected} that these make`]),
    ...(isWhole ? [] : ['without FP_XSTATE_MAGIC2 behind it']),
  ];
  const imageCall = words.join(', ');
  const facts = factsOf(fileTarget(name, 'signal frame'), imageCall, {
    xcr0: (readU64(image, 512) & ~xfeatures) === 0n ? xfeatures : null,
  });
  return decoded({ kind: 'signal-frame', states: [stateOf('image', { bytes: image, layout: layout.value }, facts)] });
};
