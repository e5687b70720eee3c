import type { DrivenBreakpoint } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { parseWhen } from '../../../app/debug/until.ts';
import { parseNumber } from '../../../app/value/number.ts';

/** Breakpoints as they are typed and shown: "0x1000", "0x1000 if rax == 5". */

/** One that can be set, or why it cannot. */
export type CheckedBreakpoint =
  | { readonly ok: true; readonly breakpoint: DrivenBreakpoint }
  | { readonly ok: false; readonly why: string };

const IF = /^(\S+)\s+if\s+(.+)$/i;

/** What was typed, or why it is none that can be watched. @param now what was read last; null: nothing yet */
export const checkBreakpoint = (
  text: string,
  on: DrivenBreakpoint['on'],
  bytes: number,
  now: Capture | null,
): CheckedBreakpoint => {
  const [, place = text, when] = IF.exec(text.trim()) ?? [];
  const number = parseNumber(place.trim());
  if (number === null || number.value < 0n || number.value >= 1n << 64n)
    return { ok: false, why: 'type an address, such as 0x1000, or 0x1000 if rax == 5' };
  const size = on === 'execute' ? 1 : bytes;
  if (number.value % BigInt(size) !== 0n)
    return { ok: false, why: `${size} bytes are watched at a multiple of ${size}` };
  const breakpoint = { address: `0x${number.value.toString(16)}`, on, bytes: size };
  if (when === undefined) return { ok: true, breakpoint };
  if (now === null) return { ok: false, why: 'nothing is read yet' };
  const condition = parseWhen(when, now);
  return condition.ok
    ? { ok: true, breakpoint: { ...breakpoint, when: condition.value.words } }
    : { ok: false, why: condition.refusal.what };
};

/** Whether it counts in this state: its condition holds, or it has none that can be read. */
export const countsAt = ({ when }: DrivenBreakpoint, there: Capture): boolean => {
  if (when === undefined) return true;
  const condition = parseWhen(when, there);
  return !condition.ok || condition.value.holds(there, there);
};

export const breakpointWords = ({ address, on, bytes, when }: DrivenBreakpoint): string =>
  `${on === 'execute' ? address : `${on} of ${bytes} at ${address}`}${when === undefined ? '' : ` if ${when}`}`;
