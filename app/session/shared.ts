import type { Facts } from '../capture/capture.ts';
import type { Layout } from '../capture/image.ts';
import type { Cpuid } from '../cpu/cpuid.ts';
import { sameLayout } from '../xsave/layout.ts';

/** Things of equal value kept once, so that the same object twice means: equal. */

/** Of things with one hash; real ones never get near it, and made up ones do not make every search a long one. */
const MOST_ALIKE = 16;

/** Gives the equal one that was given before, or keeps this one. */
export const createPool = <T>(hashOf: (one: T) => number, isSame: (a: T, b: T) => boolean) => {
  const byHash = new Map<number, T[]>();
  return (one: T, keep: (one: T) => T): T => {
    const hash = hashOf(one);
    const alike = byHash.get(hash);
    const found = alike?.find((other) => isSame(one, other));
    if (found !== undefined) return found;
    const kept = keep(one);
    if (alike === undefined) byHash.set(hash, [kept]);
    else if (alike.length < MOST_ALIKE) alike.push(kept);
    return kept;
  };
};

const SEED = 0x811c9dc5;
/** One step of FNV-1a. It finds things again; equality is what decides. */
const mixed = (hash: number, value: number): number => Math.imul(hash ^ value, 0x01000193);

/** 32 bits for a table of what is kept; equal hashes are no proof of equal bytes. */
export const hashOfBytes = (bytes: Uint8Array): number => {
  let hash = SEED ^ bytes.length;
  for (let at = 0; at < bytes.length; at += 1) hash = mixed(hash, bytes[at] ?? 0);
  return hash;
};

/** 32 bits over every leaf. */
export const hashOfCpuid = (table: Cpuid): number =>
  table.reduce(
    (hash, { leaf, subleaf, eax, ebx, ecx, edx }) => [leaf, subleaf, eax, ebx, ecx, edx].reduce(mixed, hash),
    SEED ^ table.length,
  );

/** The same leaves with the same values, in the same order. */
export const sameCpuid = (a: Cpuid, b: Cpuid): boolean =>
  a === b ||
  (a.length === b.length &&
    a.every((one, at) => {
      const other = b[at];
      return (
        other !== undefined &&
        one.leaf === other.leaf &&
        one.subleaf === other.subleaf &&
        one.eax === other.eax &&
        one.ebx === other.ebx &&
        one.ecx === other.ecx &&
        one.edx === other.edx
      );
    }));

export const hashOfLayout = ({ components, totalBytes }: Layout): number =>
  components.reduce((hash, place) => mixed(mixed(hash, place.bit), place.offsetBytes), SEED ^ totalBytes);

/** Guesses are few and short; most layouts have none. */
const isSameDoubt = (a: Layout, b: Layout): boolean =>
  (a.guess === b.guess && a.lost === b.lost) || JSON.stringify([a.guess, a.lost]) === JSON.stringify([b.guess, b.lost]);

/** The words of a layout's source and the flags of its places count as well: they are shown. */
export const isSameLayout = (a: Layout, b: Layout): boolean =>
  a === b ||
  (sameLayout(a, b) &&
    a.source === b.source &&
    a.totalBytes === b.totalBytes &&
    isSameDoubt(a, b) &&
    a.components.every((place, at) => {
      const other = b.components[at];
      return (
        place.aligned64 === other?.aligned64 &&
        place.xfdCapable === other.xfdCapable &&
        place.supervisor === other.supervisor
      );
    }));

/** `previous` where all fields are equal, else a copy of `now` whose equal fields are those of `previous`. */
const sharedFields = <T extends object>(now: T, previous: T): T => {
  if (now === previous) return previous;
  const keys = Object.keys(now) as (keyof T)[];
  if (keys.every((key) => now[key] === previous[key])) return previous;
  const shared = { ...now };
  // Two bigints of equal value are two objects: the previous one is taken, so that the other can go.
  for (const key of keys) if (now[key] === previous[key]) shared[key] = previous[key];
  return shared;
};

const sharedOrNull = <T extends object>(now: T | null, previous: T | null): T | null =>
  now === null || previous === null || now === previous ? now : sharedFields(now, previous);

const sharedList = <T extends object>(now: readonly T[], previous: readonly T[]): readonly T[] => {
  if (now === previous) return previous;
  const shared = now.map((one, at) => {
    const other = previous[at];
    return other === undefined ? one : sharedFields(one, other);
  });
  return now.length === previous.length && shared.every((one, at) => one === previous[at]) ? previous : shared;
};

/**
 * The same facts, with every part that is equal in the previous ones being the same object.
 *
 * @param cpuid gives the table that is kept for an equal one, most often the previous
 */
export const sharedFacts = (
  facts: Facts,
  previous: Facts | undefined,
  cpuid: (table: Cpuid, previous: Cpuid | undefined) => Cpuid,
): Facts => {
  const tables = {
    guestCpuid: cpuid(facts.guestCpuid, previous?.guestCpuid),
    hostCpuid: cpuid(facts.hostCpuid, previous?.hostCpuid),
  };
  if (previous === undefined) return { ...facts, ...tables };
  return sharedFields(
    {
      ...facts,
      ...tables,
      target: sharedFields(facts.target, previous.target),
      msrs: sharedList(facts.msrs, previous.msrs),
      sizes: sharedFields(facts.sizes, previous.sizes),
      general: sharedOrNull(facts.general, previous.general),
      control: sharedOrNull(facts.control, previous.control),
      segments: sharedOrNull(facts.segments, previous.segments),
      descriptors: sharedOrNull(facts.descriptors, previous.descriptors),
      failed: sharedList(facts.failed, previous.failed),
    },
    previous,
  );
};
