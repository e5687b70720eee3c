import type { Answer } from '../../app/bridge.ts';
import { diffReport, diffText } from '../../app/edit/diff-report.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';
import type { Capture } from '../../app/session/capture.ts';
import { parseVcpuName } from '../targets/vcpu-name.ts';
import type { FileChoice, VcpuChoice } from './cli-arguments.ts';
import { stateOfFile } from './cli-files.ts';
import { jsonText, type Output } from './cli-output.ts';

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

const usage = (what: string) => refuse('usage', what, { mend: 'tilescope --help shows how it is used' });

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

export const diffCommand = (given: DiffOptions, words: readonly string[]): Answer<DiffCommand> => {
  const [a, b, ...more] = words;
  if (a === undefined || b === undefined || more.length > 0) return usage('diff takes two: files, or pid:PID/VCPU');
  const [first, second] = [sideOf(a, given), sideOf(b, given)];
  if (!first.ok) return first;
  if (!second.ok) return second;
  return answer({ verb: 'diff', sides: [first.value, second.value], json: given.json });
};

/** @param read takes one capture of a vCPU that runs, and lets it go */
export const diff = async (
  { sides, json }: DiffCommand,
  read: (vcpu: VcpuChoice) => Promise<Answer<Capture>>,
): Promise<Answer<Output>> => {
  const captures: Capture[] = [];
  let note = '';
  for (const { from } of sides) {
    const got: Answer<{ readonly capture: Capture; readonly note: string }> =
      from.kind === 'file' ? await stateOfFile(from.file) : await capturedNow(from.vcpu, read);
    if (!got.ok) return got;
    captures.push(got.value.capture);
    note += got.value.note;
  }
  const [a, b] = captures as [Capture, Capture];
  const report = diffReport(a, b);
  const names = [sides[0].text, sides[1].text] as const;
  return answer({ text: json ? jsonText(report) : diffText(a, b, names), code: 0, note });
};

const capturedNow = async (vcpu: VcpuChoice, read: (vcpu: VcpuChoice) => Promise<Answer<Capture>>) => {
  const capture = await read(vcpu);
  return capture.ok ? answer({ capture: capture.value, note: '' }) : capture;
};
