import type { Answer, RestoreScope } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { checkRestore } from '../../../app/compat/check.ts';
import { isOfSameVcpu, toRestore } from '../../../app/compat/to-restore.ts';
import type { Lost } from '../../../app/compat/verdict.ts';
import type { WriteOutcome } from '../../../app/debug/apply.ts';
import type { Overwritten } from '../../../app/debug/overwritten-watch.ts';
import type { Session } from '../../../app/debug/session.ts';
import { bitsOfScope } from '../../../app/edit/scope.ts';
import { EXIT } from '../../../app/refusals/exit.ts';
import { answer, refusal, refuse, refuseProblem } from '../../../app/refusals/refusal.ts';
import { vcpuNameText } from '../../targets/vcpu-name.ts';
import type { Command } from './arguments.ts';
import { stateOfFile } from './files.ts';
import { errorText, jsonText, type Output, writeJson, writeText } from './output.ts';
import { unmaskedNote } from './unmasked.ts';

/** The verbs that write to a vCPU: `set`, and `restore` from a file. */

type Of<Verb extends Command['verb']> = Extract<Command, { verb: Verb }>;
type WithSession = (work: (session: Session) => Promise<Answer<Output>>) => Promise<Answer<Output>>;

const overwrittenText = (session: Session, { parts }: Overwritten): string => {
  const { vmm, vcpu } = session.target.identity;
  const whose =
    vmm === 'QEMU'
      ? 'QEMU puts its own copy back after a monitor command: leave its monitor and gdb stub alone, and write again'
      : 'The VMM has put a copy of its own back: write again once it has finished';
  return errorText(
    refusal(
      'overwritten',
      `no longer there: ${parts.join(', ')} ${parts.length === 1 ? 'does' : 'do'} not hold what was written`,
      {
        where: `vCPU ${vcpu}, read again after it had run on`,
        remedy: `${whose}. Or the guest itself has loaded the same values again`,
      },
    ),
  );
};

/** What was written; and, once the vCPU has run on for a moment, whether it is still there. */
const report = async (
  session: Session,
  outcome: WriteOutcome,
  json: boolean,
  note: string,
): Promise<Answer<Output>> => {
  const found = await session.firstLook();
  const parts = found?.parts ?? [];
  const text = json ? jsonText({ ...writeJson(outcome), overwritten: parts }) : writeText(outcome);
  if (found === null) return answer({ text, code: EXIT.done, note });
  return answer({ text, code: EXIT.refused, note: `${note}${overwrittenText(session, found)}` });
};

/** `set`: all assignments as one write. */
export const set = (withSession: WithSession, { assignments, json }: Of<'set'>): Promise<Answer<Output>> =>
  withSession(async (session) => {
    const outcome = await session.assign(assignments);
    if (!outcome.ok) return outcome;
    const { over, capture } = outcome.value;
    return report(session, outcome.value, json, unmaskedNote('what was set', capture, over));
  });

/** No state goes to another vCPU without the user's word. */
const otherTarget = (path: string, saved: Capture) => {
  const { name, pid, vcpu } = saved.facts.target;
  return refuse(
    'other-target',
    `the capture was taken from ${name}, pid ${pid ?? 'not known'}, vCPU ${vcpu}, not from this vCPU`,
    { where: path, remedy: '--force writes it all the same' },
  );
};

interface Fitted {
  /** The capture in the vCPU's own layout, without what is lost and what the file has no room for. */
  readonly then: Capture;
  readonly scope: RestoreScope;
  /** For standard error: what was left out. */
  readonly note: string;
}

const withoutLost = (scope: RestoreScope, lost: readonly Lost[]): RestoreScope => {
  const stays = (bits: readonly number[] | null): boolean => lost.every(({ bit }) => bits?.includes(bit) !== true);
  if (scope.kind === 'components') return { ...scope, bits: scope.bits.filter((bit) => stays([bit])) };
  if (scope.kind === 'all') return scope;
  return { ...scope, paths: scope.paths.filter((path) => stays(bitsOfScope({ kind: 'paths', paths: [path] }))) };
};

/** The file's state as this vCPU can take it, or why it cannot. */
const fitted = (path: string, saved: Capture, now: Capture, command: Of<'restore'>): Answer<Fitted> => {
  const verdict = checkRestore(saved, { kind: 'target', facts: now.facts });
  if (!verdict.ok) return refuseProblem('does-not-fit', verdict.problem, { where: path });
  const { scope, force } = command;
  const {
    capture: then,
    lost,
    xcr0Refusal,
    unsaid,
    refused,
  } = toRestore(saved, now, verdict.value, bitsOfScope(scope));
  const remedy = `tilescope check ${path} --pid ${command.vcpu.pid} --vcpu ${vcpuNameText(command.vcpu.vcpu)} says more`;
  // Of a part alone its own pre-flight decides, when it is drawn up over what the vCPU holds.
  if (refused !== null) return refuse('does-not-fit', refused, { where: path, remedy });
  const why = [...lost.map((one) => one.why), ...(xcr0Refusal === null ? [] : [xcr0Refusal])];
  if (why.length > 0 && !force) {
    const names = [...lost.map(({ name }) => name), ...(xcr0Refusal === null ? [] : ['XCR0'])];
    const rest = { where: path, remedy: `--force leaves ${names.join(', ')} as it is here. ${remedy}` };
    return refuse('does-not-fit', why.join('; '), rest);
  }
  const left = [
    ...why,
    ...(unsaid.length === 0 ? [] : [`no room in the file: ${unsaid.map(({ name }) => name).join(', ')}`]),
  ];
  const note = left.length === 0 ? '' : `${path}: left as it is here: ${left.join('; ')}\n`;
  return answer({ then, scope: withoutLost(scope, lost), note: note + unmaskedNote(path, saved) });
};

/** `restore`: a file's state, or parts of it. Refused where it is another vCPU's or does not fit, unless forced. */
export const restore = async (withSession: WithSession, command: Of<'restore'>): Promise<Answer<Output>> => {
  const read = await stateOfFile(command.file);
  if (!read.ok) return read;
  const { capture: saved, note } = read.value;
  const { path } = command.file;
  return withSession(async (session) => {
    if (!command.force && !isOfSameVcpu(saved, session.attached)) return otherTarget(path, saved);
    const fits = fitted(path, saved, session.attached, command);
    if (!fits.ok) return fits;
    const outcome = await session.restore(fits.value.scope, fits.value.then);
    return outcome.ok ? report(session, outcome.value, command.json, note + fits.value.note) : outcome;
  });
};
