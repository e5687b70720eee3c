import { hexDump } from '../../app/bits/bytes.ts';
import type { Answer } from '../../app/bridge.ts';
import type { Session } from '../../app/debug/session.ts';
import { type MemoryRead, MOST_BYTES } from '../../app/memory/guest-memory.ts';
import { EXIT } from '../../app/refusals/codes.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';
import { type GeneralName, registerRow } from '../../app/register/registers.ts';
import { type ElementType, elementBytes, isElementType } from '../../app/value/element-type.ts';
import { parseCount, parseNumber } from '../../app/value/number.ts';
import { jsonElement, printElement } from '../../app/value/print.ts';
import { writeBytes } from '../captures.ts';
import type { VcpuChoice } from './cli-arguments.ts';
import { jsonText, type Output } from './cli-output.ts';
import { outsideNote } from './cli-states.ts';

/** `tilescope mem`: guest memory, where its place in the VMM is proved. */

export interface MemCommand {
  readonly verb: 'mem';
  readonly vcpu: VcpuChoice;
  readonly address: MemoryAddress;
  readonly type: ElementType | null;
  readonly bytes: number;
  readonly physical: boolean;
  readonly out: string | null;
  readonly json: boolean;
}

/** A number, or a general register with a number added. */
export interface MemoryAddress {
  readonly register: GeneralName | null;
  /** Modulo 2^64. */
  readonly offset: bigint;
}

const LINES = 4;
const DEFAULT_BYTES = 16 * LINES;

const isGeneral = (name: string): name is GeneralName => registerRow(name)?.source.kind === 'general';

const addressOf = (text: string): MemoryAddress | null => {
  const number = parseNumber(text);
  if (number !== null) {
    const isAddress = number.value >= 0n && number.value < 1n << 64n;
    return isAddress ? { register: null, offset: number.value } : null;
  }
  const [, register = '', sign = '', added] = /^\$?([a-z][a-z0-9]*)(?:([+-])(\w+))?$/i.exec(text) ?? [];
  const name = register.toLowerCase();
  if (!isGeneral(name)) return null;
  const offset = added === undefined ? 0n : (parseNumber(added)?.value ?? null);
  return offset === null ? null : { register: name, offset: BigInt.asUintN(64, sign === '-' ? -offset : offset) };
};

interface MemWords {
  readonly physical?: boolean;
  readonly bytes?: string | undefined;
  readonly out?: string | undefined;
  readonly json: boolean;
}

const wrong = (what: string): Answer<never> =>
  refuse('usage', what, { mend: 'tilescope mem --help shows how it is used' });

/** ADDR[:TYPE][×N], `x` and `*` too. */
const ADDRESS = /^([^:×*]+?)(?::([a-z0-9]+?))?(?:[×x*](\d[\d_]*))?$/i;

export const memCommand = (vcpu: VcpuChoice, given: MemWords, words: readonly string[]): Answer<MemCommand> => {
  const [word] = words;
  if (word === undefined || words.length > 1)
    return wrong(`mem takes one ADDR[:TYPE][×N], got ${words.join(' ') || 'none'}`);
  // "0x10" is an address, and its x divides nothing.
  const whole = addressOf(word);
  const [, place = '', type, times] = whole === null ? (ADDRESS.exec(word) ?? []) : [word, word];
  const address = whole ?? addressOf(place);
  if (address === null) return wrong(`${word} is no address: a number, or a general register such as rsp+0x10`);
  if (type !== undefined && !isElementType(type)) return wrong(`there is no type ${type}`);
  const count = times === undefined ? null : parseCount(times, MOST_BYTES);
  if (times !== undefined && (count === null || count === 0)) return wrong(`×${times} is no number of elements`);
  const size = type === undefined ? 1 : elementBytes(type);
  const asked = given.bytes === undefined ? null : parseCount(given.bytes, MOST_BYTES);
  if (given.bytes !== undefined && (asked === null || asked === 0)) {
    return wrong(`--bytes is a number from 1 to ${MOST_BYTES}, not ${given.bytes}`);
  }
  if (asked !== null && count !== null) return wrong('--bytes and ×N both say how much is read: one is enough');
  const bytes = asked ?? (count === null ? (type === undefined ? DEFAULT_BYTES : size) : count * size);
  if (bytes > MOST_BYTES) return wrong(`at most ${MOST_BYTES} bytes are read at a time, not ${bytes}`);
  const { physical = false, out = null, json } = given;
  return answer({ verb: 'mem', vcpu, address, type: type ?? null, bytes, physical, out, json });
};

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
    const note = outsideNote(session.attached);
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
