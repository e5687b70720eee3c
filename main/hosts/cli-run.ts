import { describeProblem, type Problem } from '../../app/bits/decoded.ts';
import type { Answer } from '../../app/bridge.ts';
import { EXIT, exitCodeOf } from '../../app/refusals/codes.ts';
import { answer, refuseProblem } from '../../app/refusals/refusal.ts';
import { parsePath } from '../../app/register/path.ts';
import { pathsOf } from '../../app/register/slices.ts';
import type { Capture } from '../../app/session/capture.ts';
import { writeCaptureFile } from '../captures.ts';
import type { Host } from '../services/host.ts';
import { type Command, parseCommand } from './cli-arguments.ts';
import { layoutJsonText, layoutText } from './cli-compat-output.ts';
import { diff } from './cli-diff.ts';
import { doctor } from './cli-doctor.ts';
import { check, convert, presets } from './cli-files.ts';
import { journal } from './cli-journal.ts';
import { mem } from './cli-mem.ts';
import {
  errorText,
  jsonText,
  linesWithoutControls,
  listJson,
  listText,
  type NamedPath,
  type Output,
  printed,
  showAllJson,
  showAllText,
  showPathsJson,
  showPathsText,
} from './cli-output.ts';
import { privileges } from './cli-privileges.ts';
import { product } from './cli-product.ts';
import { outsideNote, stateFrom, withSession } from './cli-states.ts';
import { restore, set } from './cli-writes.ts';
import { ownHelper } from './places.ts';

/** Where the command line's words go. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

type Of<Verb extends Command['verb']> = Extract<Command, { verb: Verb }>;
/** What is printed on success. */
type Printed = Promise<Answer<Output>>;

const namedPaths = (texts: readonly string[]): Answer<readonly NamedPath[]> => {
  const paths: NamedPath[] = [];
  for (const text of texts) {
    const path = parsePath(text);
    if (!path.ok) return refuseProblem('syntax', path.problem, { mend: 'tilescope set --help shows paths that work' });
    paths.push({ text, path: path.value });
  }
  return answer(paths);
};

const list = async (host: Host, { json }: Of<'list'>): Printed => {
  const listed = await host.listTargets();
  if (!listed.ok) return listed;
  const { targets, skippedCount } = listed.value;
  return answer(printed(json ? jsonText(listJson(targets)) : listText(targets, skippedCount)));
};

const capture = (host: Host, { vcpu, out, json }: Of<'capture'>): Printed =>
  withSession(host, vcpu, async ({ attached }) => {
    const written = await writeCaptureFile(out, attached);
    if (!written.ok) return written;
    const imageBytes = attached.image.bytes.length;
    const pauseNs = attached.facts.pauseNs === null ? null : Number(attached.facts.pauseNs);
    const text = json
      ? jsonText({ out, pid: vcpu.pid, vcpu: attached.facts.target.vcpu, imageBytes, pauseNs })
      : `${out}: ${written.value} bytes, an image of ${imageBytes} bytes\n`;
    return answer({ text, code: EXIT.done, note: outsideNote(attached) });
  });

interface AskedPaths {
  readonly paths: readonly NamedPath[];
  /** Words that name no register. */
  readonly wrong: readonly { readonly text: string; readonly problem: Problem }[];
}

/** Each word by itself: one that is wrong does not keep the others from being shown. */
const askedPaths = (texts: readonly string[]): AskedPaths => {
  const paths: NamedPath[] = [];
  const wrong: { text: string; problem: Problem }[] = [];
  for (const text of texts) {
    const several = pathsOf(text);
    if (!several.ok) wrong.push({ text, problem: several.problem });
    for (const one of several.ok ? several.value : []) {
      const path = parsePath(one);
      if (path.ok) paths.push({ text: one, path: path.value });
      else wrong.push({ text: one, problem: path.problem });
    }
  }
  return { paths, wrong };
};

const shown = (capture: Capture, { paths, wrong }: AskedPaths, json: boolean): string => {
  if (paths.length === 0) return json ? jsonText(showAllJson(capture)) : showAllText(capture);
  return json ? jsonText(showPathsJson(capture, paths, wrong)) : showPathsText(capture, paths);
};

const wrongNote = ({ wrong }: AskedPaths): string =>
  wrong.map(({ problem }) => `tilescope: ${describeProblem(problem)}\n`).join('');

const show = async (host: Host, { from, paths: texts, json }: Of<'show'>): Printed => {
  const asked = askedPaths(texts);
  const [first] = asked.wrong;
  // Nothing to show is no reason to attach.
  if (first !== undefined && asked.paths.length === 0) {
    return refuseProblem('syntax', first.problem, { mend: 'tilescope show --help shows paths that work' });
  }
  const state = await stateFrom(host, from, true);
  if (!state.ok) return state;
  const { capture: found, note } = state.value;
  const code = first === undefined ? EXIT.done : EXIT.usage;
  return answer({ text: shown(found, asked, json), code, note: note + wrongNote(asked) });
};

const layout = async (host: Host, { from, json }: Of<'layout'>): Printed => {
  const state = await stateFrom(host, from);
  if (!state.ok) return state;
  const { capture: found, note } = state.value;
  return answer({ text: json ? layoutJsonText(found) : layoutText(found), code: EXIT.done, note });
};

const checkThere = (host: Host, command: Of<'check'>): Printed => {
  const { destination } = command;
  if (destination.kind !== 'live') return check(host, command, null);
  return withSession(host, destination.vcpu, ({ attached }) => check(host, command, attached));
};

const setThere = async (host: Host, command: Of<'set'>): Printed => {
  const paths = namedPaths(command.assignments.map(({ path }) => path));
  return paths.ok ? set((work) => withSession(host, command.vcpu, work), command) : paths;
};

const run = (host: Host, command: Command): Printed => {
  switch (command.verb) {
    case 'list':
      return list(host, command);
    case 'capture':
      return capture(host, command);
    case 'show':
      return show(host, command);
    case 'set':
      return setThere(host, command);
    case 'restore':
      return restore((work) => withSession(host, command.vcpu, work), command);
    case 'diff':
      return diff(command, (vcpu) => withSession(host, vcpu, async ({ attached }) => answer(attached)));
    case 'journal':
      return journal(host, command);
    case 'check':
      return checkThere(host, command);
    case 'layout':
      return layout(host, command);
    case 'convert':
      return convert(command);
    case 'product':
      return product(host, command);
    case 'setup-privileges':
      return privileges(command, ownHelper());
    case 'mem':
      return mem((work) => withSession(host, command.vcpu, work), command);
    case 'doctor':
      return doctor(host, command.json);
    case 'presets':
      return Promise.resolve(presets(command.json));
  }
};

/** Runs one command with the host given; the exit code. */
export const runCommand = async (args: readonly string[], host: Host, { out, err }: Streams): Promise<number> => {
  const command = parseCommand(args);
  const done = command.ok ? await run(host, command.value) : command;
  if (done.ok) {
    if (done.value.note !== '') err(linesWithoutControls(done.value.note));
    out(done.value.text);
    return done.value.code;
  }
  err(errorText(done.refusal));
  return exitCodeOf(done.refusal);
};
