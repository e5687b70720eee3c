import type { Answer } from '../../../app/bridge.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { parseCount } from '../../../app/value/number.ts';
import { type BreakCommand, breakCommand } from './break-words.ts';
import type { VcpuChoice } from './choices.ts';
import { type DriveOptions, type DriveVerb, secondsOf, wrong } from './drive-options.ts';
import { type StepCommand, stepCommand } from './step-words.ts';

/** The words of the verbs that drive a guest. */

export interface RunCommand {
  readonly verb: 'run';
  readonly vcpu: VcpuChoice;
  readonly until: string;
  /** At most so many instructions. */
  readonly steps: number;
  readonly waitSeconds: number;
  readonly out: string | null;
  readonly json: boolean;
}

export interface TraceCommand {
  readonly verb: 'trace';
  readonly vcpu: VcpuChoice;
  readonly steps: number;
  readonly until: string | null;
  /** Every tile product that was executed. */
  readonly check: boolean;
  readonly out: string;
  readonly json: boolean;
}

type OneCommand = BreakCommand | StepCommand | RunCommand | TraceCommand;
/** allStop: all other vCPUs are held meanwhile. */
export type DriveCommand = OneCommand & { readonly allStop: boolean };
/** A session file has room for so many stops. */
const MOST_TRACED = 99_999;
const MOST_RUN = 2_000_000_000;

const stepsOf = (verb: DriveVerb, steps: string, most: number): Answer<number> => {
  const count = parseCount(steps, most);
  return count === null || count === 0
    ? wrong(verb, `--steps is a number of instructions from 1 to ${most}, not ${steps}`)
    : answer(count);
};

const runCommand = (vcpu: VcpuChoice, given: DriveOptions, words: readonly string[]): Answer<RunCommand> => {
  if (words.length > 0) return wrong('run', `run takes no other words, got ${words.join(' ')}`);
  if (given.until === undefined) return wrong('run', 'run needs --until CONDITION');
  const steps = stepsOf('run', given.steps ?? String(MOST_RUN), MOST_RUN);
  if (!steps.ok) return steps;
  const seconds = secondsOf('run', given.wait);
  if (!seconds.ok) return seconds;
  const { until, json, out = null } = given;
  return answer({ verb: 'run', vcpu, until, steps: steps.value, waitSeconds: seconds.value, out, json });
};

const traceCommand = (vcpu: VcpuChoice, given: DriveOptions, words: readonly string[]): Answer<TraceCommand> => {
  if (words.length > 0) return wrong('trace', `trace takes no other words, got ${words.join(' ')}`);
  if (given.out === undefined || given.out === '') return wrong('trace', 'trace needs --out FILE');
  if (given.steps === undefined) return wrong('trace', 'trace needs --steps N');
  const steps = stepsOf('trace', given.steps, MOST_TRACED);
  if (!steps.ok) return steps;
  const { out, json, until = null, check = false } = given;
  return answer({ verb: 'trace', vcpu, steps: steps.value, until, check, out, json });
};

const oneCommand = (
  verb: DriveVerb,
  vcpu: VcpuChoice,
  given: DriveOptions,
  words: readonly string[],
): Answer<OneCommand> => {
  switch (verb) {
    case 'step':
      return stepCommand(vcpu, given, words);
    case 'break':
      return breakCommand(vcpu, given, words);
    case 'run':
      return runCommand(vcpu, given, words);
    case 'trace':
      return traceCommand(vcpu, given, words);
  }
};

/** The words of a verb that drives a guest. Refused with 'usage' where they do not parse. */
export const driveCommand = (
  verb: DriveVerb,
  vcpu: VcpuChoice,
  given: DriveOptions,
  words: readonly string[],
): Answer<DriveCommand> => {
  const command = oneCommand(verb, vcpu, given, words);
  return command.ok ? answer({ ...command.value, allStop: given['all-stop'] === true }) : command;
};
