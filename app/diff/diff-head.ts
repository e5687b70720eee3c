import { shownText } from '../bits/text.ts';
import type { Capture, Facts } from '../capture/capture.ts';
import { cpuidEntry } from '../cpu/cpuid.ts';
import { cpuVendor } from '../xsave/facts.ts';

/** Names come from outside: one line each, no control characters or marks of direction. */
export const oneLine = (text: string): string => shownText(text).slice(0, 300);

/** "AuthenticAMD family 26 model 68 stepping 0"; null: the table does not say. (SDM vol. 2A, CPUID leaf 01H: EAX) */
export const cpuWords = (cpuid: Facts['guestCpuid']): string | null => {
  const eax = cpuidEntry(cpuid, 1, 0)?.eax;
  // A table that was made for the sake of one field says no signature.
  if (eax === undefined || eax === 0) return null;
  const [low, high] = [(eax >>> 8) & 0xf, (eax >>> 20) & 0xff];
  const family = low === 0xf ? low + high : low;
  const model = ((eax >>> 4) & 0xf) | (low === 6 || low === 0xf ? ((eax >>> 16) & 0xf) << 4 : 0);
  const vendor = cpuVendor(cpuid);
  return `${vendor === null ? '' : `${oneLine(vendor)} `}family ${family} model ${model} stepping ${eax & 0xf}`;
};

const wholeMs = (ms: number): string => {
  const date = new Date(ms);
  // A document may name a time that no calendar has.
  return Number.isNaN(date.getTime()) ? 'at no time that a calendar has' : date.toISOString().replace(/[TZ]/g, ' ');
};

const takenWords = ({ takenAtMs }: Facts): string => (takenAtMs === 0 ? '' : `; ${wholeMs(takenAtMs)}UTC`);

const cpuLine = ({ guestCpuid, hostCpuid }: Facts): string | null => {
  const [guest, host] = [cpuWords(guestCpuid), cpuWords(hostCpuid)];
  if (guest === null && host === null) return null;
  if (guest === host) return `CPU ${guest}`;
  return [guest === null ? null : `guest CPU ${guest}`, host === null ? null : `host CPU ${host}`]
    .filter((words) => words !== null)
    .join(', ');
};

const aboutLines = ({ facts, image }: Capture): readonly string[] => {
  const { target, kernelRelease } = facts;
  const process = target.pid === null ? '' : `, pid ${target.pid}`;
  const lines = [
    `${target.vmm} ${target.name}${process}, vCPU ${target.vcpu}; ${image.bytes.length} bytes${takenWords(facts)}`,
    `read by ${facts.imageCall}${kernelRelease === null ? '' : `, Linux ${kernelRelease}`}`,
    cpuLine(facts),
  ];
  return lines.flatMap((line) => (line === null ? [] : [oneLine(line)]));
};

/** Who and when: a line of name and target for each side, and what is known of the machine below it. */
export const headLines = (before: Capture, after: Capture, names: readonly [string, string]): readonly string[] => {
  const sides = [before, after].map(aboutLines);
  return sides.flatMap(([who = '', ...more], side) => {
    const letter = 'AB'[side] ?? '';
    const name = names[side] ?? letter;
    // What B shares with A is said once.
    const own = more.filter((line) => side === 0 || !sides[0]?.includes(line));
    return [`${letter}  ${name === letter ? '' : `${oneLine(name)}: `}${who}`, ...own.map((line) => `     ${line}`)];
  });
};
