import { hexDump } from '../../../app/bits/bytes.ts';
import type { Answer } from '../../../app/bridge.ts';
import type { Session } from '../../../app/debug/session.ts';
import type { MemoryRead } from '../../../app/memory/guest-memory.ts';
import { EXIT } from '../../../app/refusals/codes.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import { type ElementType, elementBytes } from '../../../app/value/element-type.ts';
import { jsonElement, printElement } from '../../../app/value/print.ts';
import { writeBytes } from '../../io/captures.ts';
import type { MemCommand } from './mem-words.ts';
import { jsonText, type Output } from './output.ts';
import { stateNote } from './states.ts';

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
  const base = read.linear ?? read.physical;
  const head = `${hex(base)}${read.linear === null ? ' physical' : ` → physical ${hex(read.physical)}`}\n`;
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
    address: hex(read.linear ?? read.physical),
    physical: hex(read.physical),
    hex: Buffer.from(read.bytes).toString('hex'),
    ...(type === null ? {} : { type, values: elements(type, read, jsonElement) }),
  });

export const mem = (
  withSession: (work: (session: Session) => Promise<Answer<Output>>) => Promise<Answer<Output>>,
  { address, type, bytes, physical, out, json }: MemCommand,
): Promise<Answer<Output>> =>
  withSession(async (session) => {
    const read = await session.withMemory(async (memory, { general }) => {
      const base = address.register === null ? 0n : general?.[address.register];
      if (base === undefined) return refuse('memory-unknown', 'the general registers could not be read');
      const at = BigInt.asUintN(64, base + address.offset);
      return physical ? memory.readPhysical(at, bytes) : memory.readLinear(at, bytes);
    });
    if (!read.ok) return read;
    const note = stateNote(session.attached);
    if (out === null) {
      const text = json ? asJson(read.value, type) : asText(read.value, type);
      return answer({ text, code: EXIT.done, note });
    }
    const written = await writeBytes(out, read.value.bytes);
    if (!written.ok) return written;
    const text = json
      ? jsonText({
          out,
          address: hex(read.value.linear ?? read.value.physical),
          physical: hex(read.value.physical),
          bytes,
        })
      : `${out}: ${written.value} bytes\n`;
    return answer({ text, code: EXIT.done, note });
  });
