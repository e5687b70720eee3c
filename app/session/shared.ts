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

export const hashOfBytes = (bytes: Uint8Array): number => {
  let hash = SEED ^ bytes.length;
  for (let at = 0; at < bytes.length; at += 1) hash = mixed(hash, bytes[at] ?? 0);
  return hash;
};

export const hashOfCpuid = (table: Cpuid): number =>
  table.reduce(
    (hash, { leaf, subleaf, eax, ebx, ecx, edx }) => [leaf, subleaf, eax, ebx, ecx, edx].reduce(mixed, hash),
    SEED ^ table.length,
  );

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

/** `former` where all fields are equal, else a copy of `now` whose equal fields are those of `former`. */
const sharedFields = <T extends object>(now: T, former: T): T => {
  if (now === former) return former;
  const keys = Object.keys(now) as (keyof T)[];
  if (keys.every((key) => now[key] === former[key])) return former;
  const shared = { ...now };
  // Two bigints of equal value are two objects: the former one is taken, so that the other can go.
  for (const key of keys) if (now[key] === former[key]) shared[key] = former[key];
  return shared;
};

const sharedOrNull = <T extends object>(now: T | null, former: T | null): T | null =>
  now === null || former === null || now === former ? now : sharedFields(now, former);

const sharedList = <T extends object>(now: readonly T[], former: readonly T[]): readonly T[] => {
  if (now === former) return former;
  const shared = now.map((one, at) => {
    const other = former[at];
    return other === undefined ? one : sharedFields(one, other);
  });
  return now.length === former.length && shared.every((one, at) => one === former[at]) ? former : shared;
};

/**
 * The same facts, with every part that is equal in the former ones being the same object.
 *
 * @param cpuid gives the table that is kept for an equal one, most often the former
 */
export const sharedFacts = (
  facts: Facts,
  former: Facts | undefined,
  cpuid: (table: Cpuid, former: Cpuid | undefined) => Cpuid,
): Facts => {
  const tables = {
    guestCpuid: cpuid(facts.guestCpuid, former?.guestCpuid),
    hostCpuid: cpuid(facts.hostCpuid, former?.hostCpuid),
  };
  if (former === undefined) return { ...facts, ...tables };
  return sharedFields(
    {
      ...facts,
      ...tables,
      target: sharedFields(facts.target, former.target),
      msrs: sharedList(facts.msrs, former.msrs),
      sizes: sharedFields(facts.sizes, former.sizes),
      general: sharedOrNull(facts.general, former.general),
      control: sharedOrNull(facts.control, former.control),
      segments: sharedOrNull(facts.segments, former.segments),
      descriptors: sharedOrNull(facts.descriptors, former.descriptors),
      failed: sharedList(facts.failed, former.failed),
    },
    former,
  );
};
