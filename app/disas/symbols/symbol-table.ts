/** Names of addresses, from a file of symbols. */

export interface CodeSymbol {
  readonly name: string;
  readonly address: bigint;
  /** 0: not known. */
  readonly bytes: bigint;
  /** Of several at one address the lowest rank is shown. */
  readonly rank: number;
}

/** An address as a symbol and how far behind it. */
export interface Named {
  readonly name: string;
  readonly offset: bigint;
}

export interface SymbolTable {
  /** How many addresses have a name. */
  readonly count: number;
  /** Null: no symbol reaches as far. */
  at(address: bigint): Named | null;
  /** Null: there is no such symbol. */
  addressOf(name: string): bigint | null;
  /** Of a kernel: where a variable lies behind the base of each CPU's own memory, as the file says. Null: there is none. */
  perCpuOffset(name: string): bigint | null;
  /** The same names with this much added to each address: KASLR, or where a program was loaded. Costs nothing. */
  moved(shift: bigint): SymbolTable;
}

/** Where kernels live; beside addresses from there on small ones are offsets into the memory of each CPU, and no addresses. */
const KERNEL = 1n << 63n;

/** How far a symbol of unknown size reaches, where no other follows. */
const MOST_REACH = 1n << 20n;

const byPlace = (a: CodeSymbol, b: CodeSymbol): number =>
  a.address < b.address ? -1 : a.address > b.address ? 1 : a.rank - b.rank;

/** Finds symbols by address and by name. What lies below a kernel's half of the address space is an offset into a CPU's own area. */
export const symbolTable = (all: readonly CodeSymbol[]): SymbolTable => {
  const isKernel = all.some(({ address }) => address >= KERNEL);
  const symbols = isKernel ? all.filter(({ address }) => address >= KERNEL) : all;
  const offsets = new Map<string, bigint>();
  for (const { name, address } of all)
    if (isKernel && address < KERNEL && !offsets.has(name)) offsets.set(name, address);
  const sorted = [...symbols].sort(byPlace).filter((one, at, all) => all[at - 1]?.address !== one.address);
  const byName = new Map<string, bigint>();
  for (const { name, address } of symbols) if (!byName.has(name)) byName.set(name, address);
  /** The last one at or below the address; -1: there is none. */
  const below = (address: bigint): number => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle]?.address ?? 0n) <= address) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  };
  const table = (shift: bigint): SymbolTable => ({
    count: sorted.length,
    perCpuOffset: (name) => offsets.get(name) ?? null,
    moved: (more) => table(BigInt.asUintN(64, shift + more)),
    at: (shifted) => {
      const address = BigInt.asUintN(64, shifted - shift);
      const found = sorted[below(address)];
      if (found === undefined) return null;
      const offset = address - found.address;
      const reach = found.bytes > 0n ? found.bytes : MOST_REACH;
      return offset < reach ? { name: found.name, offset } : null;
    },
    addressOf: (name) => {
      const address = byName.get(name);
      return address === undefined ? null : BigInt.asUintN(64, address + shift);
    },
  });
  return table(0n);
};

/** "schedule+0x10" */
export const namedText = ({ name, offset }: Named): string =>
  offset === 0n ? name : `${name}+0x${offset.toString(16)}`;
