import type { Answer } from '../../../app/bridge.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { parseVcpuName } from '../../targets/vcpu-name.ts';
import type { FileChoice, VcpuChoice } from './choices.ts';
import { wrongUsage } from './usage.ts';

/** The words of the verbs that take others than a file and paths. */

/** `tilescope diff A B`: what differs between two states, each a file or `pid:N[/vcpu]`. */
export interface DiffCommand {
  readonly verb: 'diff';
  readonly sides: readonly [DiffSide, DiffSide];
  readonly json: boolean;
}

export interface DiffSide {
  /** As it was typed. */
  readonly text: string;
  readonly from:
    | { readonly kind: 'file'; readonly file: FileChoice }
    | { readonly kind: 'live'; readonly vcpu: VcpuChoice };
}

const usage = (what: string) => wrongUsage(what);

const MAX_PID = 0x7fffffff;
const LIVE = /^pid:(\d{1,10})(?:\/([a-z:\d]{1,9}))?$/;

const sideOf = (text: string, given: DiffOptions): Answer<DiffSide> => {
  if (text.startsWith('pid:')) {
    const [, pid, name] = LIVE.exec(text) ?? [];
    const vcpu = name === undefined ? 0 : parseVcpuName(name);
    if (pid === undefined || Number(pid) === 0 || Number(pid) > MAX_PID || vcpu === null) {
      return usage(`${text} is not pid:PID or pid:PID/VCPU`);
    }
    const choice = { pid: Number(pid), vcpu, suspendSeccomp: given['suspend-seccomp'] };
    return answer({ text, from: { kind: 'live', vcpu: choice } });
  }
  return answer({ text, from: { kind: 'file', file: { path: text, thread: null, preset: null, strict: false } } });
};

interface DiffOptions {
  readonly json: boolean;
  readonly 'suspend-seccomp': boolean;
}

/** The words of `diff`. Refused with 'usage' where they are not two states. */
export const diffCommand = (given: DiffOptions, words: readonly string[]): Answer<DiffCommand> => {
  const [a, b, ...more] = words;
  if (a === undefined || b === undefined || more.length > 0) return usage('diff takes two: files, or pid:PID/VCPU');
  const [first, second] = [sideOf(a, given), sideOf(b, given)];
  if (!first.ok) return first;
  if (!second.ok) return second;
  if (given['suspend-seccomp'] && first.value.from.kind === 'file' && second.value.from.kind === 'file') {
    return usage('--suspend-seccomp goes with pid:PID');
  }
  return answer({ verb: 'diff', sides: [first.value, second.value], json: given.json });
};

/** `tilescope journal`: what a Tilescope that died has kept of a vCPU, from before its first write. */
export interface JournalCommand {
  readonly verb: 'journal';
  readonly act: 'list' | 'restore' | 'forget';
  /** 32 hex digits, or as many of the first as name one entry alone; '' for list. */
  readonly id: string;
  readonly suspendSeccomp: boolean;
  readonly json: boolean;
}

/** The words of `journal`. Refused with 'usage' where they do not parse. */
export const journalCommand = (
  given: { readonly json: boolean; readonly 'suspend-seccomp': boolean },
  words: readonly string[],
): Answer<JournalCommand> => {
  const [act = 'list', id = '', ...more] = words;
  const options = { suspendSeccomp: given['suspend-seccomp'], json: given.json };
  if (act !== 'list' && act !== 'restore' && act !== 'forget') {
    return usage(`journal is followed by list, restore or forget, not ${act}`);
  }
  if (more.length > 0 || (act === 'list' && id !== '')) return usage(`too many words: ${words.join(' ')}`);
  if (act !== 'list' && !/^[0-9a-f]{4,32}$/.test(id))
    return usage(`journal ${act} needs the ID that journal list shows`);
  return answer({ verb: 'journal', act, id, ...options });
};
