import { createHash } from 'node:crypto';
import { hexShort } from '../../app/bits/mask.ts';
import type { CaptureDocument } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import type { Image } from '../../app/capture/image.ts';
import { decodeCapture } from '../../app/session/document.ts';
import { xstateBv } from '../../app/xsave/header.ts';
import { mxcsr } from '../../app/xsave/legacy.ts';
import { componentBytesOrInit, INIT_MXCSR } from '../../app/xsave/view.ts';

/**
 * What an image or a vCPU holds, as text by name, so that two are compared with toEqual() and a difference is seen. Compared is
 * what counts (SPEC D6): a component in init has its initial values. XSTATE_BV is no fingerprint: the CPU itself takes a
 * component that holds its initial values out of it, or puts it in, whenever the thread is switched.
 */
export type Meaning = Readonly<Record<string, string>>;

export const captureOf = (document: CaptureDocument | unknown): Capture => {
  const capture = decodeCapture(document);
  if (!capture.ok) throw new Error(JSON.stringify(capture.problem));
  return capture.value;
};

/** Within x87's bytes, and not its own. */
const isMxcsr = (bit: number, at: number): boolean => bit === 0 && at >= 24 && at < 32;

const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

/** Zeros are said to be zeros, anything else by its digest. */
const words = (bytes: Uint8Array): string => (bytes.every((byte) => byte === 0) ? 'zero' : sha(bytes));

/** MXCSR as KVM keeps it: where neither SSE nor AVX is in use it has its initial value. */
export const keptMxcsr = (image: Image): number => ((xstateBv(image) & 6n) === 0n ? INIT_MXCSR : mxcsr(image));

/** Components by number, in init or not, and MXCSR, which is none's own. */
export const meaningOfParts = (parts: Iterable<readonly [bit: number, bytes: Uint8Array]>, kept: number): Meaning => ({
  ...Object.fromEntries(
    Array.from(parts, ([bit, bytes]) => [
      `component ${bit}`,
      words(bytes.map((byte, at) => (isMxcsr(bit, at) ? 0 : byte))),
    ]),
  ),
  mxcsr: hexShort(BigInt(kept)),
});

export const partsOfImage = (image: Image): [bit: number, bytes: Uint8Array][] =>
  image.layout.components.map(({ bit }) => [bit, componentBytesOrInit(image, bit)]);

export const meaningOfImage = (image: Image): Meaning => meaningOfParts(partsOfImage(image), keptMxcsr(image));

/** They move while a guest's loop runs: it counts, and each count sets flags. */
const OF_THE_RUN = ['rip', 'rflags'];

/** Everything that a write can change, but RIP and RFLAGS. */
export const meaningOf = ({ image, facts }: Capture): Meaning => ({
  ...meaningOfImage(image),
  xcr0: facts.xcr0 === null ? 'not known' : hexShort(facts.xcr0),
  ...Object.fromEntries(
    facts.msrs.map(({ index, value, errno }) => [
      `msr ${index.toString(16)}`,
      value === null ? `errno ${errno}` : hexShort(value),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(facts.general ?? {})
      .filter(([name]) => !OF_THE_RUN.includes(name))
      .map(([name, value]: [string, bigint]) => [name, hexShort(value)]),
  ),
});

export const sameMeaning = (a: Capture, b: Capture): boolean =>
  JSON.stringify(meaningOf(a)) === JSON.stringify(meaningOf(b));

const isZero = (value: unknown): boolean =>
  Array.isArray(value) ? value.every(isZero) : value === 0 || (typeof value === 'string' && /^(0x0+|0)$/.test(value));

const isInit = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && (value as { state?: unknown }).state === 'init';

/** What `show --json` printed, with "initial" for a register in init and for one that holds its initial value. */
export const meaningOfShown = (shown: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(shown).map(([path, value]) => {
      const isInitial = path === 'fcw' ? value === '0x037f' : isZero(value);
      return [path, isInit(value) || isInitial ? 'initial' : value];
    }),
  );
