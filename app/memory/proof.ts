import { type PagingContext, pagingMode, type Walk, walkLater } from './paging.ts';
import { type Candidate, hostAddress, type Region } from './regions.ts';
import { spread, usedAddresses } from './table-search.ts';

/**
 * Whether a candidate is the guest's memory. The guest's page tables are walked through it, and every translation has to be
 * the one that KVM gives, which walks the same tables through its own memory slots. What is not proved is not known, and no
 * byte of it is shown.
 */

/** KVM_TRANSLATE's answer. */
export interface KvmTranslation {
  readonly valid: boolean;
  readonly physical: bigint;
}

export interface ProofPort {
  /** Bytes of the VMM; null where they cannot be read. */
  readHost(address: bigint, bytes: number): Promise<Uint8Array | null>;
  /** KVM_TRANSLATE for each; null where the call is refused. */
  translate(linear: readonly bigint[]): Promise<readonly KvmTranslation[] | null>;
}

/** A region with what proved it: entries of page tables read there that led to KVM's own translations. */
export interface ProvenRegion extends Region {
  readonly witnesses: number;
  /** Physical address of the last of those entries. */
  readonly lastWitness: bigint;
}

export interface Proof {
  readonly candidate: string;
  /** Regions with at least one witness, minus what another candidate that holds as well sees elsewhere. */
  readonly regions: readonly ProvenRegion[];
  /** Translations that agreed with KVM's. */
  readonly translations: number;
}

/** What proving came to: where memory lies, or why that is not known, with what the user can do about it where there is something. */
export type Proved =
  | { readonly ok: true; readonly proof: Proof }
  | { readonly ok: false; readonly why: string; readonly remedy?: string };

/** What is said of a guest whose CR0.PG is clear, wherever memory has to be proved by its page tables. */
export const NO_PAGING = {
  why: 'the guest has no paging on, so no page table can prove where its memory lies',
  remedy:
    'A dump says where each byte lies: dump-guest-memory FILE in QEMU’s monitor, and then tilescope mem FILE ADDR',
} as const;

const PAGE = 4096;
/** Leaves of the tables that are looked at, spread over what is mapped. */
const MOST_SAMPLES = 48;
const CHILDREN_AT_A_TIME = 6;

/**
 * KVM_TRANSLATE sets the Accessed flag of entries on its way, as a CPU's own speculative walk may (SDM vol. 3, 5.8). So it is
 * asked for addresses alone that the candidate's tables say a CPU has used: then there is nothing to set. The first
 * addresses are the vCPU's own, which it uses as it runs.
 */
const isAskedFor = (found: Walk): boolean => found.ok && found.accessed && found.steps.length > 0;

type Reader = (physical: bigint, bytes: number) => Promise<Uint8Array | null>;

/** Pages of the VMM that were read, by their address in it. */
type Pages = Map<bigint, Promise<Uint8Array | null>>;

/** Reads through a candidate, a page at a time, each once. */
const readerOf = (port: ProofPort, regions: readonly Region[], pages: Pages = new Map()): Reader => {
  return async (physical, bytes) => {
    const base = physical - (physical % BigInt(PAGE));
    const host = hostAddress(regions, base, PAGE);
    if (host === null) return null;
    const page = pages.get(host) ?? port.readHost(host, PAGE);
    pages.set(host, page);
    const whole = await page;
    const at = Number(physical - base);
    return whole === null ? null : whole.subarray(at, at + bytes);
  };
};

interface Held {
  readonly candidate: Candidate;
  readonly translations: number;
  /** Physical addresses of the entries that led to translations, each once. */
  readonly entries: ReadonlySet<bigint>;
}

/** What KVM said of an address, whichever candidate's tables named it. */
type Answers = Map<bigint, KvmTranslation>;

/** How a candidate's tables stand to what KVM said: a table of which it has no memory says nothing against it. */
const standing = (found: Walk, answer: KvmTranslation): 'same' | 'silent' | 'other' => {
  if (found.ok) return answer.valid && answer.physical === found.physical ? 'same' : 'other';
  return answer.valid && found.fault !== 'no-memory' ? 'other' : 'silent';
};

/**
 * How much of all that KVM said a candidate's tables say too, also of addresses that only another candidate's tables map; null: they say
 * something else of one. A layout that is wrong above 4 GiB may hold for all that it sees below, and see nothing above. The guest's
 * other CPUs run, so what differs is read and asked once more. KVM has been asked for those addresses before.
 */
const explained = async (
  context: PagingContext,
  port: ProofPort,
  { candidate }: Held,
  answers: Answers,
  pages: Pages,
): Promise<number | null> => {
  const compared = async (read: Reader, said: Answers) => {
    const found = await Promise.all([...said.keys()].map((linear) => walkLater(context, linear, read)));
    const stands = [...said].map(([linear, answer], at) => {
      const one = found[at];
      return { linear, how: one === undefined ? 'silent' : standing(one, answer) };
    });
    return {
      same: stands.filter(({ how }) => how === 'same').length,
      others: stands.filter(({ how }) => how === 'other').map(({ linear }) => linear),
    };
  };
  const { same, others } = await compared(readerOf(port, candidate.regions, pages), answers);
  if (others.length === 0) return same;
  const again = await port.translate(others);
  if (again?.length !== others.length) return null;
  const said: Answers = new Map(others.flatMap((linear, at) => (again[at] === undefined ? [] : [[linear, again[at]]])));
  const second = await compared(readerOf(port, candidate.regions), said);
  return second.others.length === 0 ? same + second.same : null;
};

/**
 * Those that hold for everything that KVM said, as far as any does: one that has no memory where the guest has tables, and another
 * has it, is not where the guest's memory lies.
 */
const best = async (
  context: PagingContext,
  port: ProofPort,
  judged: readonly Held[],
  answers: Answers,
): Promise<readonly Held[]> => {
  const pages: Pages = new Map();
  const counted: { readonly one: Held; readonly same: number }[] = [];
  for (const one of judged) {
    const same = await explained(context, port, one, answers, pages);
    if (same !== null) counted.push({ one, same });
  }
  const most = Math.max(...counted.map(({ same }) => same));
  return counted.filter(({ same }) => same === most).map(({ one }) => one);
};

/** What KVM said of these, without asking for those again of which it said the same as the candidate does; null: it does not answer. */
const saidOf = async (
  port: ProofPort,
  asked: readonly { readonly linear: bigint; readonly found: Walk }[],
  said: Answers,
): Promise<Answers | null> => {
  const anew = asked.filter(({ linear, found }) => {
    const answer = said.get(linear);
    return answer === undefined || standing(found, answer) !== 'same';
  });
  if (anew.length === 0) return said;
  const answers = await port.translate(anew.map(({ linear }) => linear));
  if (answers?.length !== anew.length) return null;
  for (const [at, { linear }] of anew.entries()) if (answers[at] !== undefined) said.set(linear, answers[at]);
  return said;
};

/**
 * Null: the candidate does not hold.
 * @param pages of the VMM that were read while others were tried: most candidates share theirs
 */
const judge = async (
  context: PagingContext,
  port: ProofPort,
  candidate: Candidate,
  own: readonly bigint[],
  said: Answers,
  pages: Pages,
): Promise<Held | null> => {
  const read = readerOf(port, candidate.regions, pages);
  const entries = new Set<bigint>();
  let translations = 0;
  const holds = async (addresses: readonly bigint[]): Promise<boolean> => {
    const walks = await Promise.all(addresses.map((linear) => walkLater(context, linear, read)));
    const asked = addresses.flatMap((linear, at) => {
      const found = walks[at];
      return found !== undefined && isAskedFor(found) ? [{ linear, found }] : [];
    });
    if (asked.length === 0) return false;
    const answers = await saidOf(port, asked, said);
    if (answers === null) return false;
    for (const { linear, found } of asked) {
      const answer = answers.get(linear);
      if (!found.ok || answer === undefined || standing(found, answer) !== 'same') return false;
      for (const { address } of found.steps) entries.add(address);
      translations += 1;
    }
    return true;
  };
  // The vCPU's own addresses first: they throw out nearly everything that is not the memory.
  if (!(await holds(own))) return null;
  const used = await usedAddresses(context, read, { mostTables: MOST_SAMPLES, ofTable: CHILDREN_AT_A_TIME });
  const more = spread(used, MOST_SAMPLES);
  if (more.length > 0 && !(await holds(more))) return null;
  return { candidate, translations, entries };
};

/**
 * What is left of a region once every part is gone of which another candidate that holds as well says something else: that
 * its bytes stand at another physical address, or that other bytes stand at its.
 */
const uncontested = (region: Region, others: readonly Held[]): readonly Region[] => {
  let parts: readonly Region[] = [region];
  const shift = region.host - region.physical;
  for (const other of others.flatMap(({ candidate }) => candidate.regions)) {
    if (other.host - other.physical === shift) continue;
    parts = parts.flatMap((part) => cut(cutOne(part, other.physical, other.bytes), other.host - shift, other.bytes));
  }
  return parts;
};

/** A region without the physical addresses from `physical` on, `bytes` of them. */
const cutOne = (part: Region, physical: bigint, bytes: bigint): readonly Region[] => {
  const [end, cutEnd] = [part.physical + part.bytes, physical + bytes];
  if (cutEnd <= part.physical || physical >= end) return [part];
  const below = physical > part.physical ? [{ ...part, bytes: physical - part.physical }] : [];
  const skipped = cutEnd - part.physical;
  const above = cutEnd < end ? [{ physical: cutEnd, bytes: end - cutEnd, host: part.host + skipped }] : [];
  return [...below, ...above];
};

const cut = (parts: readonly Region[], physical: bigint, bytes: bigint): readonly Region[] =>
  parts.flatMap((part) => cutOne(part, physical, bytes));

/**
 * Tries the candidates and gives what holds.
 * @param own linear addresses that the vCPU uses now: RIP, RSP and the like
 */
export const prove = async (
  context: PagingContext,
  port: ProofPort,
  candidates: readonly Candidate[],
  own: readonly bigint[],
): Promise<Proved> => {
  if (pagingMode(context) === 'none') {
    return { ok: false, ...NO_PAGING };
  }
  const judged: Held[] = [];
  const answers: Answers = new Map();
  const pages: Pages = new Map();
  for (const candidate of candidates) {
    const one = await judge(context, port, candidate, own, answers, pages);
    if (one !== null) judged.push(one);
  }
  const held = await best(context, port, judged, answers);
  const chosen = held.reduce<Held | null>((a, b) => (a === null || b.entries.size > a.entries.size ? b : a), null);
  if (chosen === null) {
    return { ok: false, why: "none of the VMM's mappings holds page tables that translate as KVM does" };
  }
  const regions = chosen.candidate.regions
    .flatMap((region) => uncontested(region, held))
    .flatMap((region) => {
      const inside = (address: bigint) => address >= region.physical && address < region.physical + region.bytes;
      const witnesses = [...chosen.entries].filter(inside).sort((a, b) => (a < b ? -1 : 1));
      const lastWitness = witnesses.at(-1);
      return lastWitness === undefined ? [] : [{ ...region, witnesses: witnesses.length, lastWitness }];
    });
  if (regions.length === 0) {
    return {
      ok: false,
      why: 'more than one place in the VMM translates as KVM does, and nothing says which the guest reads',
    };
  }
  return { ok: true, proof: { candidate: chosen.candidate.name, regions, translations: chosen.translations } };
};
