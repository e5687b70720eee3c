import { randomBytes } from 'node:crypto';
import type { Answer } from '../../app/bridge.ts';
import { ROLL_BACK } from '../../app/debug/apply.ts';
import { captureInPassing } from '../../app/debug/passing-capture.ts';
import type { Session } from '../../app/debug/session.ts';
import { answer, refuseProblem } from '../../app/refusals/refusal.ts';
import { parsePath } from '../../app/register/path.ts';
import type { Capture } from '../../app/session/capture.ts';
import { writeCaptureFile } from '../captures.ts';
import { PRODUCT } from '../product.ts';
import { CLOCK } from '../services/clock.ts';
import { createHost, type Host } from '../services/host.ts';
import { createKeptSession } from '../services/kept-session.ts';
import { type Command, parseCommand, type Source, type VcpuChoice } from './cli-arguments.ts';
import { layoutJsonText, layoutText } from './cli-compat-output.ts';
import { diff } from './cli-diff.ts';
import { check, convert, presets, stateOfFile } from './cli-files.ts';
import { journal } from './cli-journal.ts';
import {
  EXIT,
  errorText,
  exitCodeOf,
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
import { USAGE } from './cli-usage.ts';
import { restore, set } from './cli-writes.ts';
import { demoInside, helperInside } from './places.ts';

export { CLI_VERBS } from './cli-arguments.ts';

/** Where the command line's words go. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

type Of<Verb extends Command['verb']> = Extract<Command, { verb: Verb }>;
/** What is printed on success. */
type Printed = Promise<Answer<Output>>;

/** Attaches, does the work, and lets go, whatever came of it. */
const withSession = async <T>(
  host: Host,
  { pid, vcpu, suspendSeccomp }: VcpuChoice,
  work: (session: Session) => Promise<Answer<T>>,
): Promise<Answer<T>> => {
  const target = await host.openLive(pid, 0n, vcpu, suspendSeccomp);
  if (!target.ok) return target;
  const first = await captureInPassing(target.value, CLOCK);
  if (!first.ok) {
    await target.value.detach();
    return first;
  }
  const session = createKeptSession(randomBytes(16).toString('hex'), target.value, first.value, host.journalFolder);
  const done = await work(session);
  if (!done.ok && done.refusal.code === ROLL_BACK) {
    // Half written, and nobody has said to keep it: the journal keeps what was found, for `tilescope journal restore`.
    await session.abandon();
    return done;
  }
  const detached = await session.detach(false);
  return done.ok && !detached.ok ? detached : done;
};

const namedPaths = (texts: readonly string[]): Answer<readonly NamedPath[]> => {
  const paths: NamedPath[] = [];
  for (const text of texts) {
    const path = parsePath(text);
    if (!path.ok) return refuseProblem('syntax', path.problem, { mend: 'tilescope --help shows paths that work' });
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

const shown = (capture: Capture, paths: readonly NamedPath[], json: boolean): string => {
  if (paths.length === 0) return json ? jsonText(showAllJson(capture)) : showAllText(capture);
  return json ? jsonText(showPathsJson(capture, paths)) : showPathsText(capture, paths);
};

/** For standard error: what a VMM that has paused its guest holds is its own, and may be newer than what KVM gives. */
const outsideNote = ({ facts }: Capture): string =>
  facts.inKvmRun === false
    ? `vCPU ${facts.target.vcpu} is outside KVM_RUN, paused or halted by its VMM: this is KVM's copy, the VMM may hold a newer one\n`
    : '';

/** A capture from a file, or taken now. */
const captured = async (host: Host, from: Source, use: (capture: Capture) => string): Printed => {
  if (from.kind === 'live') {
    return withSession(host, from.vcpu, async ({ attached }) =>
      answer({ text: use(attached), code: EXIT.done, note: outsideNote(attached) }),
    );
  }
  const saved = await stateOfFile(from.file);
  return saved.ok ? answer({ text: use(saved.value.capture), code: EXIT.done, note: saved.value.note }) : saved;
};

const show = async (host: Host, { from, paths: texts, json }: Of<'show'>): Printed => {
  const paths = namedPaths(texts);
  return paths.ok ? captured(host, from, (capture) => shown(capture, paths.value, json)) : paths;
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
    case 'help':
      return Promise.resolve(answer(printed(USAGE)));
    case 'version':
      return Promise.resolve(answer(printed(`${PRODUCT}\n`)));
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
      return captured(host, command.from, command.json ? layoutJsonText : layoutText);
    case 'convert':
      return convert(command);
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

/**
 * Who reads the words may have gone, as `| head` does once it has its lines: what was done is done, and the exit code says
 * how. Words that could not be written for another reason, as on a full disk, are a failure of their own.
 */
const onLostWords = (error: NodeJS.ErrnoException): void => {
  if (error.code === 'EPIPE') return;
  process.once('exit', () => {
    process.exitCode = EXIT.file;
  });
  process.stderr.write(`tilescope: standard output cannot be written: ${error.message}\n`);
};

export const runCli = async (args: readonly string[]): Promise<number> => {
  process.stdout.on('error', onLostWords);
  // There is nowhere left to say it.
  process.stderr.on('error', () => undefined);
  const host = createHost({
    host: 'web',
    helperPath: helperInside(null),
    demoPath: demoInside(null),
    openAtStart: null,
  });
  try {
    return await runCommand(args, host, {
      out: (text) => process.stdout.write(text),
      err: (text) => process.stderr.write(text),
    });
  } finally {
    await host.close();
  }
};
