import type { Answer } from '../../../app/bridge.ts';
import type { Session } from '../../../app/debug/session.ts';
import type { StepsMade } from '../../../app/debug/target.ts';
import { EXIT } from '../../../app/refusals/codes.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { jsonText, type Output } from './output.ts';
import type { StepCommand } from './step-words.ts';

/** `tilescope step`: single instructions of a running guest. */

const WHY = {
  done: null,
  halted: 'no instruction ended for a second and a half: the guest waits for an interrupt',
  busy: 'the VMM had more exits to answer than are waited for',
} as const satisfies Record<StepsMade['ended'], string | null>;

const STORED_FLAGS = 'an instruction of these that stores RFLAGS has stored TF with it';

const hex = (value: bigint): string => `0x${value.toString(16)}`;

export const step = (
  withSession: (work: (session: Session) => Promise<Answer<Output>>) => Promise<Answer<Output>>,
  { count, json }: StepCommand,
): Promise<Answer<Output>> =>
  withSession(async (session) => {
    const made = await session.drive(count);
    if (!made.ok) return made;
    const { stops, ended, interruptsBlocked, unguarded = null } = made.value;
    const why = WHY[ended];
    const lines = stops.map(({ rip }, index) => `${index + 1}  rip ${hex(rip)}\n`).join('');
    const text = json
      ? jsonText({ steps: stops.length, stops: stops.map(({ rip }) => ({ rip: hex(rip) })), why })
      : `${lines}${stops.length} of ${count} instructions\n`;
    const blocked = interruptsBlocked
      ? ''
      : 'this KVM cannot keep interrupts from a step: one may end in their handler\n';
    const flags = unguarded === null ? '' : `${unguarded}: ${STORED_FLAGS}\n`;
    const note = why === null || json ? `${blocked}${flags}` : `${why}\n${blocked}${flags}`;
    return answer({ text, code: why === null ? EXIT.done : EXIT.refused, note });
  });
