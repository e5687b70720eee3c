import type { Answer } from '../../../app/bridge.ts';
import type { GeneralRegisters } from '../../../app/capture/capture.ts';
import type { ReturnBy } from '../../../app/debug/passage.ts';
import type { Session } from '../../../app/debug/session.ts';
import type { StepsMade } from '../../../app/debug/target.ts';
import { EXIT } from '../../../app/refusals/exit.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { loadDecoder } from '../../disas/load-decoder.ts';
import { limitDrive } from './drive-limit.ts';
import { jsonText, type Output } from './output.ts';
import type { StepCommand } from './step-words.ts';

/** `tilescope step`: single instructions of a running guest. */

const WHY = {
  done: null,
  halted: 'no instruction ended for a second and a half: the guest waits for an interrupt',
  busy: 'the VMM had more exits to answer than are waited for',
} as const satisfies Record<StepsMade['ended'], string | null>;

/** Behind why they were stepped. */
export const STORED_FLAGS =
  'what of these stored RFLAGS has stored TF with it, and a HLT among them may halt one instruction late\n';
/** Where KVM cannot, or the timer is not there that ends it. */
export const INTERRUPTS_NOT_BLOCKED = 'interrupts cannot be kept from a step here: one may end in their handler\n';

const hex = (value: bigint): string => `0x${value.toString(16)}`;

type WithSession = (work: (session: Session) => Promise<Answer<Output>>) => Promise<Answer<Output>>;

const BY = {
  ret: 'RIP stood at a RET: the return address is on top of the stack',
  entry: 'RIP stood at the entry: the return address is on top of the stack',
  'frame-pointer': 'the return address is the frame pointer’s: of a function that keeps none, its caller’s',
} as const satisfies Record<ReturnBy, string>;

/** Over calls, or out of a function: each of these steps is one stop. */
const along = (
  withSession: WithSession,
  way: 'over' | 'out',
  { count, waitSeconds, json }: StepCommand,
): Promise<Answer<Output>> =>
  withSession(async (session) => {
    const limit = limitDrive(waitSeconds);
    const made = await session.stepAlong(way, count, { decoder: loadDecoder, isOver: limit.isOver });
    limit.stop();
    if (!made.ok) return made;
    const { stops, last } = made.value;
    const late = limit.why(`it did not come back in ${waitSeconds} s`);
    const why =
      last.why === 'done' ? null : last.why === 'more' ? late : WHY[last.why === 'halted' ? 'halted' : 'busy'];
    const by = last.by ?? null;
    const text = json
      ? jsonText({ steps: stops.length, stops: stops.map(({ rip }) => ({ rip: hex(rip) })), why })
      : `${linesOf(stops)}${way === 'out' ? '' : `${stops.length} of ${count} steps\n`}`;
    const how = by === null ? '' : `${BY[by]}\n`;
    return answer({
      text,
      code: why === null ? EXIT.done : EXIT.refused,
      note: why === null || json ? how : `${why}\n`,
    });
  });

const linesOf = (stops: readonly GeneralRegisters[]): string =>
  stops.map(({ rip }, index) => `${index + 1}  rip ${hex(rip)}\n`).join('');

export const step = (withSession: WithSession, command: StepCommand): Promise<Answer<Output>> =>
  command.way === 'each' ? each(withSession, command) : along(withSession, command.way, command);

const each = (withSession: WithSession, { count, json }: StepCommand): Promise<Answer<Output>> =>
  withSession(async (session) => {
    const made = await session.drive(count);
    if (!made.ok) return made;
    const { stops, ended, interruptsBlocked, unguarded = null } = made.value;
    const why = WHY[ended];
    const text = json
      ? jsonText({ steps: stops.length, stops: stops.map(({ rip }) => ({ rip: hex(rip) })), why })
      : `${linesOf(stops)}${stops.length} of ${count} instructions\n`;
    const blocked = interruptsBlocked ? '' : INTERRUPTS_NOT_BLOCKED;
    const flags = unguarded === null ? '' : `${unguarded}: ${STORED_FLAGS}`;
    const note = why === null || json ? `${blocked}${flags}` : `${why}\n${blocked}${flags}`;
    return answer({ text, code: why === null ? EXIT.done : EXIT.refused, note });
  });
