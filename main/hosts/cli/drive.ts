import type { Answer } from '../../../app/bridge.ts';
import type { Session } from '../../../app/debug/session.ts';
import { runToBreakpoint } from './break.ts';
import type { DriveCommand } from './drive-words.ts';
import type { Output } from './output.ts';
import { runUntil, trace } from './run-until.ts';
import { step } from './step.ts';

/** The verbs that drive a guest, over a session that is open while they do. */
export const drive = (
  withSession: (work: (session: Session) => Promise<Answer<Output>>) => Promise<Answer<Output>>,
  command: DriveCommand,
): Promise<Answer<Output>> => {
  switch (command.verb) {
    case 'step':
      return step(withSession, command);
    case 'break':
      return runToBreakpoint(withSession, command);
    case 'run':
      return runUntil(withSession, command);
    case 'trace':
      return trace(withSession, command);
  }
};
