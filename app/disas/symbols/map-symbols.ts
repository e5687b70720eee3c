import { type Decoded, decoded, undecodable } from '../../bits/decoded.ts';
import type { CodeSymbol } from './symbol-table.ts';

/** System.map, and a copy of /proc/kallsyms: "ffffffff81000000 T _text", behind it a module's name. (nm(1), proc(5)) */

const LINE = /^([0-9a-f]{8,16}) ([a-zA-Z?]) (\S+)(?:[ \t]+\[(\S+)\])?$/;
const MOST_SYMBOLS = 4_000_000;
const MOST_NAME = 4096;
/** Where kernels live. */
const KERNEL = 1n << 63n;

const what = 'symbols';
const wrong = (why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what, why });

/** Functions before data, global before local. */
const rankOf = (type: string): number => {
  const isText = /[tw]/i.test(type);
  return (isText ? 0 : 2) + (type === type.toUpperCase() ? 0 : 1);
};

/**
 * The symbols of a System.map or /proc/kallsyms. A problem where a line is none, or every address is zero, as kallsyms
 * shows them to a user.
 */
export const mapSymbols = (text: string): Decoded<readonly CodeSymbol[]> => {
  const symbols: CodeSymbol[] = [];
  const absolute = new Set<number>();
  let [start, lines] = [0, 0];
  let isAnyNotZero = false;
  while (start < text.length) {
    const end = text.indexOf('\n', start);
    const line = text.slice(start, end < 0 ? text.length : end).trimEnd();
    start = end < 0 ? text.length : end + 1;
    lines += 1;
    if (line === '') continue;
    const [, digits, type, name, module] = line.length > MOST_NAME ? [] : (LINE.exec(line) ?? []);
    if (digits === undefined || type === undefined || name === undefined) {
      return wrong(`line ${lines} is no "ADDRESS TYPE NAME" as of System.map or /proc/kallsyms`);
    }
    const address = BigInt(`0x${digits}`);
    isAnyNotZero ||= address !== 0n;
    // U has no place. Absolute ones are numbers, but for the offsets of a kernel into the memory of each CPU.
    if (type === 'U') continue;
    const isAbsolute = /a/i.test(type);
    if (isAbsolute && address >= KERNEL) continue;
    if (isAbsolute) absolute.add(symbols.length);
    if (symbols.length === MOST_SYMBOLS) return wrong(`more than ${MOST_SYMBOLS} symbols`);
    symbols.push({
      name: module === undefined ? name : `${module}.${name}`,
      address,
      bytes: 0n,
      rank: rankOf(type),
    });
  }
  if (symbols.length === 0) return wrong('there are none in it');
  if (!isAnyNotZero) return wrong('every address is 0: read /proc/kallsyms as root (kernel.kptr_restrict hides them)');
  const isKernel = symbols.some(({ address }) => address >= KERNEL);
  const kept = isKernel ? symbols : symbols.filter((_, at) => !absolute.has(at));
  return kept.length === 0 ? wrong('there are none in it') : decoded(kept);
};
