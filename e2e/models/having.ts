import { existsSync, readFileSync } from 'node:fs';
import type { Assignment } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { enumeratedUser } from '../../app/xsave/layout.ts';

/** Which registers a live guest has here, as its own CPUID says: what a test writes and expects is drawn from it. */
export interface Having {
  /** The widest vector registers. */
  readonly wide: 'zmm' | 'ymm' | 'xmm';
  readonly wideBytes: 64 | 32 | 16;
  /** AVX-512: k0 to k7, and registers 16 to 31. */
  readonly masks: boolean;
  readonly pkru: boolean;
}

const AVX = 1n << 2n;
const AVX512 = 0xe0n;
const PKRU = 1n << 9n;

export const havingOf = ({ image, facts }: Capture): Having => {
  const places = image.layout.components.reduce((mask, { bit }) => mask | (1n << BigInt(bit)), 0n);
  const user = (enumeratedUser(facts.guestCpuid) ?? 3n) & places;
  const masks = (user & AVX512) === AVX512;
  const wide = masks ? 'zmm' : (user & AVX) !== 0n ? 'ymm' : 'xmm';
  return { wide, wideBytes: wide === 'zmm' ? 64 : wide === 'ymm' ? 32 : 16, masks, pkru: (user & PKRU) !== 0n };
};

const flags = (): readonly string[] => {
  const text = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  return /^flags\s*: (.*)$/m.exec(text)?.[1]?.split(' ') ?? [];
};

/** What a guest of this machine has, as /proc/cpuinfo and the `-cpu` of the guests say, before there is one. */
const ofThisMachine = (): Having => {
  const lacking = (process.env.TILESCOPE_GUEST_CPU ?? '')
    .split(',')
    .flatMap((word) => /^-(\w+)$/.exec(word)?.[1] ?? []);
  const has = (flag: string): boolean => flags().includes(flag) && !lacking.includes(flag);
  const masks = has('avx512f');
  const wide = masks ? 'zmm' : has('avx') ? 'ymm' : 'xmm';
  return { wide, wideBytes: wide === 'zmm' ? 64 : wide === 'ymm' ? 32 : 16, masks, pkru: has('pku') };
};

export const HAVING: Having = ofThisMachine();
/** The prefix of the widest vector registers, as in `${WIDE}3:f32[1]`. */
export const WIDE = HAVING.wide;

/** Why live guests cannot be those of the pictures, which have AVX and nothing beyond it; null: they can. */
export const UNLIKE_PICTURED: string | null =
  process.env.TILESCOPE_TEST_HOST !== undefined
    ? `this run is on the described host ${process.env.TILESCOPE_TEST_HOST}`
    : process.env.TILESCOPE_GUEST_CPU !== undefined
      ? 'TILESCOPE_GUEST_CPU gives the guests a CPU'
      : HAVING.wide === 'xmm'
        ? 'this CPU has no AVX, which the pictured guests have'
        : null;

/** The same of guests of which pictures are compared. */
export const PICTURED_HAVING: Having =
  UNLIKE_PICTURED === null ? { wide: 'ymm', wideBytes: 32, masks: false, pkru: false } : HAVING;

/** A value of so many bytes for each of the widest registers, of which a narrower one takes the low part. */
const cut = (value: string, { wideBytes }: Having): string => {
  if (/^0x/.test(value)) return `0x${value.slice(2).slice(-wideBytes * 2)}`;
  const elements = value.split(',');
  return elements.slice(0, Math.max(1, (elements.length * wideBytes) / 64)).join(',');
};

/** Paths, and assignments as `set` takes them, written for AVX-512: without what a guest here does not have. */
export const fitting = (words: readonly string[], having: Having = HAVING): string[] =>
  words.flatMap((word) => {
    const [path = '', value] = word.split('=');
    if (having.masks) return [word];
    const index = /^zmm(\d+)/.exec(path)?.[1];
    if (/^k\d/.test(path) || Number(index ?? 0) > 15) return [];
    const fits = path.replace(/^zmm/, having.wide);
    return [value === undefined ? fits : `${fits}=${index === undefined ? value : cut(value, having)}`];
  });

/** The same for assignments of the bridge. */
export const fittingEdits = (edits: readonly Assignment[]): Assignment[] =>
  fitting(edits.map(({ path, value }) => `${path}=${value}`)).map((word) => {
    const [path = '', value = ''] = word.split('=');
    return { path, value };
  });
