import type { Answer } from '../../../app/bridge.ts';
import type { Session } from '../../../app/debug/session.ts';
import { EXIT } from '../../../app/refusals/codes.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { checkWritable, writeCaptureFile } from '../../io/captures.ts';
import type { BreakCommand } from './break-words.ts';
import { jsonText, type Output } from './output.ts';

/** `tilescope break`: a guest run to an instruction. */

const hex = (value: bigint): string => `0x${value.toString(16)}`;

export const runToBreakpoint = async (
  withSession: (work: (session: Session) => Promise<Answer<Output>>) => Promise<Answer<Output>>,
  { addresses, waitSeconds, out, json }: BreakCommand,
): Promise<Answer<Output>> => {
  // Before a target is attached to for it.
  const place = out === null ? answer(null) : await checkWritable(out);
  if (!place.ok) return place;
  return withSession(async (session) => {
    const endMs = Date.now() + waitSeconds * 1_000;
    const there = await session.runTo(addresses, () => Date.now() >= endMs);
    if (!there.ok) return there;
    const why = there.value === null ? `no instruction at ${addresses.map(hex).join(', ')} in ${waitSeconds} s` : null;
    const rip = there.value?.facts.general?.rip ?? null;
    const written = there.value === null || out === null ? answer(null) : await writeCaptureFile(out, there.value);
    if (!written.ok) return written;
    const text = json
      ? jsonText({ hit: why === null, rip: rip === null ? null : hex(rip), why })
      : `${why ?? `rip ${rip === null ? 'could not be read' : hex(rip)}`}\n`;
    return answer({ text, code: why === null ? EXIT.done : EXIT.refused, note: '' });
  });
};
