import { type Decoded, decoded } from '../bits/decoded.ts';
import type { Facts } from '../capture/capture.ts';
import type { Cpuid } from '../cpu/cpuid.ts';
import { FACT_NAMES, FACTS_FIELDS, factDocument, hexFields } from './facts-document.ts';
import { hex64Text, integer, isObject, type Reader, unexpected } from './shape.ts';

/** The facts of a stop as what differs from the stop before, with CPUID tables by their number. */
export type FactsChange = Readonly<Record<string, unknown>>;

const CPUID_TABLES: readonly string[] = ['guestCpuid', 'hostCpuid'] satisfies (keyof Facts)[];
/** Registers that are named one by one. */
const REGISTERS = ['general', 'control', 'segments', 'descriptors'] as const satisfies (keyof Facts)[];
const isRegisters = (name: keyof Facts): name is (typeof REGISTERS)[number] =>
  (REGISTERS as readonly (keyof Facts)[]).includes(name);

type Registers = Readonly<Record<string, bigint>>;
const registersOf = (facts: Facts | null, name: string): Registers | null =>
  (facts?.[name as 'general' | 'control' | 'segments' | 'descriptors'] ?? null) as Registers | null;

/** @param cpuid the table's number where it stands in the document already, else the table */
export const encodeFacts = (facts: Facts, previous: Facts | null, cpuid: (table: Cpuid) => unknown): FactsChange => {
  const change: Record<string, unknown> = {};
  for (const name of FACT_NAMES) {
    if (previous !== null && facts[name] === previous[name]) continue;
    if (CPUID_TABLES.includes(name)) {
      change[name] = cpuid(facts[name] as Cpuid);
      continue;
    }
    change[name] = isRegisters(name) ? hexFields(facts[name], previous?.[name] ?? null) : factDocument(facts, name);
  }
  return change;
};

/** Registers of which those that are not named are as they were. */
const readRegisters = (value: unknown, path: string, previous: Registers): Decoded<Registers> => {
  if (!isObject(value)) return unexpected(path, 'has to be an object');
  const registers: Record<string, bigint> = { ...previous };
  for (const name of Object.keys(previous)) {
    if (!Object.hasOwn(value, name)) continue;
    const read = hex64Text(value[name], `${path}.${name}`);
    if (!read.ok) return read;
    registers[name] = read.value;
  }
  return decoded(registers);
};

/** @param tables the CPUID tables that the document has named so far, in order; new ones are added */
const cpuidReader =
  (tables: Cpuid[]): Reader<Cpuid> =>
  (value, path) => {
    if (typeof value !== 'number') {
      const read = FACTS_FIELDS.guestCpuid.read(value, path);
      if (read.ok) tables.push(read.value);
      return read;
    }
    const number = integer(0, tables.length - 1)(value, path);
    return number.ok ? decoded(tables[number.value] ?? []) : number;
  };

/** The first stop names every fact; a later one those that differ. */
export const readFacts = (value: unknown, path: string, previous: Facts | null, tables: Cpuid[]): Decoded<Facts> => {
  if (previous !== null && value === undefined) return decoded(previous);
  if (!isObject(value)) return unexpected(path, 'has to be an object');
  const facts: Record<string, unknown> = { ...previous };
  for (const name of FACT_NAMES) {
    if (previous !== null && !Object.hasOwn(value, name)) continue;
    const field = Object.hasOwn(value, name) ? value[name] : undefined;
    const place = `${path}.${name}`;
    const was = isRegisters(name) ? registersOf(previous, name) : null;
    const reader: Reader<unknown> = CPUID_TABLES.includes(name) ? cpuidReader(tables) : FACTS_FIELDS[name].read;
    const read = was !== null && field !== null ? readRegisters(field, place, was) : reader(field, place);
    if (!read.ok) return read;
    facts[name] = read.value;
  }
  return decoded(facts as unknown as Facts);
};
