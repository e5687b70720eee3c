import type { Answer } from '../../../app/bridge.ts';
import type { Session } from '../../../app/debug/session.ts';
import { parseUntil } from '../../../app/debug/until.ts';
import { handlerOf } from '../../../app/debug/vectors.ts';
import { EXIT } from '../../../app/refusals/exit.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import type { Breakpoint } from '../../../app/wire/run.ts';
import { checkWritable, writeCaptureFile } from '../../io/captures.ts';
import type { AskedBreakpoint, BreakCommand } from './break-words.ts';
import { limitDrive } from './drive-limit.ts';
import { jsonText, type Output } from './output.ts';

/** `tilescope break`: a guest run to an instruction, or to one that touches some bytes. */

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** Exceptions become the addresses of their handlers, as the guest has them now. */
const placed = async (session: Session, asked: readonly AskedBreakpoint[]): Promise<Answer<readonly Breakpoint[]>> => {
  if (asked.every(({ vector }) => vector === null)) return answer(asked.map(({ vector: _none, ...one }) => one));
  return session.withMemory(async (memory, { facts }) => {
    const found: Breakpoint[] = [];
    for (const { vector, ...one } of asked) {
      const handler = vector === null ? answer(one.address) : await handlerOf(memory, facts, vector);
      if (!handler.ok) return handler;
      found.push({ ...one, address: handler.value });
    }
    return answer(found);
  });
};

const named = ({ address, on, bytes }: Breakpoint): string =>
  on === 'execute' ? hex(address) : `${hex(address)}:${on}:${bytes}`;

/** `break`: runs to one of the breakpoints, says which was hit and how often each, and lets the guest go on. */
export const runToBreakpoint = async (
  withSession: (work: (session: Session) => Promise<Answer<Output>>) => Promise<Answer<Output>>,
  { breakpoints: asked, when, skip, anyVcpu, waitSeconds, out, json }: BreakCommand,
): Promise<Answer<Output>> => {
  // Before a target is attached to for it.
  const place = out === null ? answer(null) : await checkWritable(out);
  if (!place.ok) return place;
  return withSession(async (session) => {
    const condition = when === null ? answer(null) : parseUntil(when, session.attached);
    if (!condition.ok) return condition;
    if (condition.value?.before !== undefined)
      return refuse('usage', '--when looks at the state at a breakpoint: "next is" is a condition of run and trace');
    const places = await placed(session, asked);
    if (!places.ok) return places;
    const breakpoints = places.value;
    const limit = limitDrive(waitSeconds);
    let doubt: string | null = null;
    const onDoubt = (why: string): void => {
      doubt = why;
    };
    const found = await session.runTo(breakpoints, { isOver: limit.isOver, when: condition.value, skip, onDoubt });
    limit.stop();
    if (!found.ok) return found;
    const there = found.value?.capture ?? null;
    const names = breakpoints.map(named).join(', ');
    const nothing = there === null ? limit.why(`nothing at ${names} in ${waitSeconds} s`) : null;
    const why = nothing === null || doubt === null ? nothing : `${nothing}; ${doubt}`;
    const rip = there?.facts.general?.rip ?? null;
    const written = there === null || out === null ? answer(null) : await writeCaptureFile(out, there);
    if (!written.ok) return written;
    const rows = breakpoints.map((one, at) => ({
      breakpoint: named(one),
      hit: found.value?.hit.includes(at) ?? false,
      hits: found.value?.counts[at] ?? 0,
    }));
    const which = rows.filter(({ hit }) => hit).map(({ breakpoint, hits }) => `${breakpoint}, hit ${hits}`);
    const vcpu = there?.facts.target.vcpu ?? null;
    const who = anyVcpu ? { vcpu } : {};
    const text = json
      ? jsonText({ hit: why === null, rip: rip === null ? null : hex(rip), why, breakpoints: rows, ...who })
      : `${why ?? `${anyVcpu ? `vCPU ${vcpu}  ` : ''}rip ${rip === null ? 'could not be read' : hex(rip)}  ${which.join('; ')}`}\n`;
    return answer({ text, code: why === null ? EXIT.done : EXIT.refused, note: '' });
  });
};
