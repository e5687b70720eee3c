import { hexDump } from '../../../app/bits/bytes.ts';
import type { Answer } from '../../../app/bridge.ts';
import { valueOfAddress } from '../../../app/debug/address.ts';
import { placeSymbols, type SymbolFile } from '../../../app/debug/place-symbols.ts';
import type { Session } from '../../../app/debug/session.ts';
import type { MemoryRead } from '../../../app/memory/walked-memory.ts';
import { EXIT } from '../../../app/refusals/exit.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { type ElementType, elementBytes } from '../../../app/value/element-type.ts';
import { jsonElement, printElement } from '../../../app/value/print.ts';
import { checkWritable, writeBytes } from '../../io/captures.ts';
import { readFromFile } from './mem-file.ts';
import type { MemCommand } from './mem-words.ts';
import { jsonText, type Output } from './output.ts';
import { stateNote } from './states.ts';
import { readSymbols } from './symbols.ts';

/** `tilescope mem`: guest memory, where its place in the VMM is proved. */

const hex = (value: bigint): string => `0x${value.toString(16)}`;

const elements = <T>(
  type: ElementType,
  { bytes }: MemoryRead,
  print: (type: ElementType, bytes: Uint8Array, at: number) => T,
) => {
  const size = elementBytes(type);
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, at) => print(type, bytes, at * size));
};

const asText = (read: MemoryRead, type: ElementType | null): string => {
  const base = read.linear ?? read.physical ?? 0n;
  const head = `${hex(base)}${read.linear === null ? ' physical' : read.physical === null ? '' : ` → physical ${hex(read.physical)}`}\n`;
  if (type !== null) {
    const size = BigInt(elementBytes(type));
    return (
      head +
      elements(type, read, printElement)
        .map((text, at) => `${hex(base + BigInt(at) * size)}  ${text}\n`)
        .join('')
    );
  }
  const lines: string[] = [];
  for (let at = 0; at < read.bytes.length; at += 16) {
    const line = hexDump(read.bytes.subarray(at, at + 16)).slice(8);
    lines.push(
      `${BigInt.asUintN(64, base + BigInt(at))
        .toString(16)
        .padStart(16, '0')}${line}\n`,
    );
  }
  return head + lines.join('');
};

const asJson = (read: MemoryRead, type: ElementType | null): string =>
  jsonText({
    address: hex(read.linear ?? read.physical ?? 0n),
    physical: read.physical === null ? null : hex(read.physical),
    hex: Buffer.from(read.bytes).toString('hex'),
    ...(type === null ? {} : { type, values: elements(type, read, jsonElement) }),
  });

const told = async (
  read: MemoryRead,
  { type, bytes, out, json }: MemCommand,
  note: string,
): Promise<Answer<Output>> => {
  if (out === null) return answer({ text: json ? asJson(read, type) : asText(read, type), code: EXIT.done, note });
  const written = await writeBytes(out, read.bytes);
  if (!written.ok) return written;
  const { physical } = read;
  const address = hex(read.linear ?? physical ?? 0n);
  const text = json
    ? jsonText({ out, address, physical: physical === null ? null : hex(physical), bytes })
    : `${out}: ${written.value} bytes\n`;
  return answer({ text, code: EXIT.done, note });
};

const digits = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const write = async (session: Session, command: MemCommand, file: SymbolFile | null): Promise<Answer<Output>> => {
  const { address: asked, physical: isPhysical, write: bytes, symbols, type, json } = command;
  if (bytes === null) throw new Error('Tilescope fault: nothing to write');
  let address = 0n;
  const written = await session.writeMemory(async (memory, { facts }) => {
    const load = symbols?.loadAddress ?? null;
    const placed = file === null ? answer(null) : await placeSymbols(file, load, memory, facts);
    if (!placed.ok) return placed;
    const at = valueOfAddress(asked, facts.general, placed.value);
    address = at.ok ? at.value : 0n;
    return at.ok ? answer([{ address, isPhysical, bytes }]) : at;
  });
  if (!written.ok) return written;
  const { physical, before } = written.value.before[0] ?? { physical: 0n, before: new Uint8Array() };
  const shown = (some: Uint8Array): string =>
    type === null ? digits(some) : elements(type, { linear: address, physical, bytes: some }, printElement).join(',');
  const text = json
    ? jsonText({
        ...{ address: hex(address), physical: hex(physical), writtenBytes: bytes.length },
        ...{ before: digits(before), hex: digits(bytes) },
      })
    : `${hex(address)}${isPhysical ? ' physical' : ` → physical ${hex(physical)}`}: ${bytes.length} bytes written and read back\nbefore ${shown(before)}\nnow    ${shown(bytes)}\n`;
  return answer({ text, code: EXIT.done, note: stateNote(session.attached) });
};

/** `mem --pid`: reads guest memory, or writes it and reads it back. */
export const mem = async (
  withSession: (work: (session: Session) => Promise<Answer<Output>>) => Promise<Answer<Output>>,
  command: MemCommand,
): Promise<Answer<Output>> => {
  const { from, address, bytes, physical, symbols } = command;
  if (from.kind === 'file') {
    const read = await readFromFile(from.path, from.cpu, command);
    return read.ok ? told(read.value, command, '') : read;
  }
  // Before a target is attached to, and the vCPU stands still for it.
  const place = command.out === null ? null : await checkWritable(command.out);
  if (place?.ok === false) return place;
  const file = symbols === null ? null : readSymbols(symbols.path);
  if (file !== null && !file.ok) return file;
  if (command.write !== null) return withSession((session) => write(session, command, file?.value ?? null));
  return withSession(async (session) => {
    const read = await session.withMemory(async (memory, { facts }) => {
      const placed =
        file === null || symbols === null ? null : await placeSymbols(file.value, symbols.loadAddress, memory, facts);
      if (placed !== null && !placed.ok) return placed;
      const at = valueOfAddress(address, facts.general, placed?.value ?? null);
      if (!at.ok) return at;
      return physical ? memory.readPhysical(at.value, bytes) : memory.readLinear(at.value, bytes);
    });
    return read.ok ? told(read.value, command, stateNote(session.attached)) : read;
  });
};
