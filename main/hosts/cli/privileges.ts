import type { Answer } from '../../../app/bridge.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import { jsonText, type Output, printed } from './output.ts';
import type { Step, Wishes } from './setup-privileges.ts';
import { wrongUsage } from './usage.ts';

/** `tilescope setup-privileges`: shows what it would do, does it with --yes, and takes it back with --undo. */
export interface PrivilegesCommand {
  readonly verb: 'setup-privileges';
  readonly wishes: Wishes;
  readonly undo: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

const usage = (what: string) => wrongUsage(what, 'setup-privileges');

const USER = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$|^\d{1,10}$/;

interface Given {
  readonly json: boolean;
  readonly user?: string | undefined;
  readonly allow?: string | undefined;
  readonly seccomp?: boolean;
  readonly undo?: boolean;
  readonly yes?: boolean;
}

const listOf = (text: string | undefined): string[] => (text === undefined ? [] : text.split(','));

/** The words of `setup-privileges`. Refused with 'usage' where they do not parse. */
export const privilegesCommand = (given: Given, words: readonly string[]): Answer<PrivilegesCommand> => {
  const { json, seccomp = false, undo = false, yes = false } = given;
  const users = listOf(given.user);
  if (words.length > 0) return usage(`setup-privileges takes no other words, got ${words.join(' ')}`);
  if (undo && (users.length > 0 || given.allow !== undefined || seccomp)) {
    return usage('--undo takes everything back by itself');
  }
  const bad = users.find((name) => !USER.test(name));
  if (bad !== undefined) return usage(`--user is a list of users' names or numbers, not ${bad}`);
  const allowed = listOf(given.allow).map((text) => {
    const colon = text.indexOf(':');
    if (colon === -1) return { owner: text, program: '*' };
    return { owner: text.slice(0, colon), program: text.slice(colon + 1) };
  });
  for (const { owner, program } of allowed) {
    if (!USER.test(owner)) return usage(`--allow is a list of USER or USER:PROGRAM, not ${owner}`);
    if (program !== '*' && !/^\/[^\n]+$/.test(program))
      return usage(`--allow: PROGRAM is a whole path, not ${program}`);
  }
  return answer({ verb: 'setup-privileges', wishes: { users, allowed, seccomp }, undo, yes, json });
};

const stepLines = (steps: readonly Step[]): string => steps.map(({ shown }) => `  ${shown}\n`).join('');

const MEANING = `
Who is in the group may then read and change the vCPUs of his own VMMs whatever kernel.yama.ptrace_scope says, and of other
users' VMMs those that a line of /etc/tilescope/policy gives him. The helper decides that by the real uid of whoever runs it;
a set-uid program is never reached. Whoever may write a VMM's vCPU may do in the guest whatever he likes.
`;

/** `setup-privileges`: shows what it would do, and does it with --yes, as root alone. */
export const privileges = async (
  { wishes, undo, yes, json }: PrivilegesCommand,
  helperPath: string,
): Promise<Answer<Output>> => {
  const { setUp } = await import('./setup-privileges.ts');
  const plan = undo ? setUp.planUndo() : setUp.plan(wishes, helperPath);
  if (!plan.ok) return plan;
  const steps = plan.value;
  const done = yes && steps.length > 0;
  if (done) {
    if (process.geteuid?.() !== 0) {
      return refuse('not-root', 'only root may do this', { remedy: 'run the same command with sudo' });
    }
    const carried = setUp.carryOut(steps);
    if (!carried.ok) return carried;
  }
  if (json) return answer(printed(jsonText({ steps: steps.map(({ shown }) => shown), done })));
  if (steps.length === 0) return answer(printed('Nothing to do\n'));
  const head = done ? 'Done:\n' : undo ? 'This would be taken back:\n' : 'This would be done:\n';
  const tail = done
    ? undo
      ? ''
      : '\nA new group counts from the next login on\n'
    : '\nNothing was changed. As root and with --yes it is done\n';
  return answer(printed(`${head}${stepLines(steps)}${undo ? '' : MEANING}${tail}`));
};
