import { describeProblem, type Problem } from '../../../app/bits/decoded.ts';
import { shownLines } from '../../../app/bits/text.ts';
import type { Answer } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import type { MemoryAddress } from '../../../app/debug/address.ts';
import { EXIT } from '../../../app/refusals/exit.ts';
import { answer, refuseProblem } from '../../../app/refusals/refusal.ts';
import { parsePath } from '../../../app/register/path.ts';
import { pathsOf } from '../../../app/register/slices.ts';
import { type Command, parseCommand } from './arguments.ts';
import type { DriveCommand } from './drive-words.ts';
import type { HostOf, Streams } from './host.ts';
import {
  errorText,
  jsonText,
  listJson,
  listText,
  type NamedPath,
  type Output,
  printed,
  showAllJson,
  showAllText,
  showPathsJson,
  showPathsText,
  skippedText,
} from './output.ts';
import { privileges } from './privileges.ts';
import { type FoundState, stateFrom, stateNote } from './states.ts';

type Of<Verb extends Command['verb']> = Extract<Command, { verb: Verb }>;
/** What is printed on success. */
type Printed = Promise<Answer<Output>>;

const namedPaths = (texts: readonly string[]): Answer<readonly NamedPath[]> => {
  const paths: NamedPath[] = [];
  for (const text of texts) {
    const path = parsePath(text);
    if (!path.ok)
      return refuseProblem('syntax', path.problem, { remedy: 'tilescope set --help shows paths that work' });
    paths.push({ text, path: path.value });
  }
  return answer(paths);
};

const list = async (host: HostOf, { json }: Of<'list'>): Printed => {
  const listed = await (await host()).listTargets();
  if (!listed.ok) return listed;
  if (!json) return answer(printed(listText(listed.value)));
  return answer({ text: jsonText(listJson(listed.value.targets)), code: EXIT.done, note: skippedText(listed.value) });
};

const capture = async (host: HostOf, { vcpu, out, json }: Of<'capture'>): Printed => {
  const [{ checkWritable, writeCaptureFile }, { withSession }] = await Promise.all([
    import('../../io/captures.ts'),
    import('./live.ts'),
  ]);
  // Before a target is attached to for it: a pipe would hold it up, a folder would refuse afterwards.
  const place = await checkWritable(out);
  if (!place.ok) return place;
  return withSession(await host(), vcpu, async ({ attached }) => {
    const written = await writeCaptureFile(out, attached);
    if (!written.ok) return written;
    const imageBytes = attached.image.bytes.length;
    const pauseNs = attached.facts.pauseNs === null ? null : Number(attached.facts.pauseNs);
    const text = json
      ? jsonText({ out, pid: vcpu.pid, vcpu: attached.facts.target.vcpu, imageBytes, pauseNs })
      : `${out}: ${written.value} bytes, an image of ${imageBytes} bytes\n`;
    return answer({ text, code: EXIT.done, note: stateNote(attached) });
  });
};

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

const stateOfArea = async (
  host: HostOf,
  from: Of<'show'>['from'],
  at: MemoryAddress,
  snapshot: string | null,
): Promise<Answer<FoundState>> => {
  const { stateAt, stateAtInFile } = await import('./show-at.ts');
  if (from.kind === 'live') return stateAt(host, from.vcpu, at);
  const { path, thread: cpu, preset } = from.file;
  return stateAtInFile({ path, cpu, snapshot }, preset, at);
};

const show = async (host: HostOf, { from, at, snapshot, paths: texts, json }: Of<'show'>): Printed => {
  const asked = askedPaths(texts);
  const [first] = asked.wrong;
  // Nothing to show is no reason to attach.
  if (first !== undefined && asked.paths.length === 0) {
    return refuseProblem('syntax', first.problem, { remedy: 'tilescope show --help shows paths that work' });
  }
  const state = at === null ? await stateFrom(host, from, true) : await stateOfArea(host, from, at, snapshot);
  if (!state.ok) return state;
  const { capture: found, note } = state.value;
  const code = first === undefined ? EXIT.done : EXIT.usage;
  return answer({ text: shown(found, asked, json), code, note: note + wrongNote(asked) });
};

const layout = async (host: HostOf, { from, json }: Of<'layout'>): Printed => {
  if (from === null) {
    const { hostLayout } = await import('./host-layout.ts');
    return hostLayout(await host(), json);
  }
  const state = await stateFrom(host, from);
  if (!state.ok) return state;
  const { capture: found, note } = state.value;
  const { layoutJsonText, layoutText } = await import('./compat-output.ts');
  return answer({ text: json ? layoutJsonText(found) : layoutText(found), code: EXIT.done, note });
};

const checkThere = async (host: HostOf, command: Of<'check'>): Printed => {
  const { destination } = command;
  const { check } = await import('./files.ts');
  if (destination.kind !== 'live') return check(host, command, null);
  const { withSession } = await import('./live.ts');
  return withSession(await host(), destination.vcpu, ({ attached }) => check(host, command, attached));
};

const setThere = async (host: HostOf, command: Of<'set'>): Printed => {
  const paths = namedPaths(command.assignments.map(({ path }) => path));
  if (!paths.ok) return paths;
  const [{ set }, { withSession }] = await Promise.all([import('./writes.ts'), import('./live.ts')]);
  const here = await host();
  return set((work) => withSession(here, command.vcpu, work), command);
};

const restoreThere = async (host: HostOf, command: Of<'restore'>): Printed => {
  const [{ restore }, { withSession }] = await Promise.all([import('./writes.ts'), import('./live.ts')]);
  const here = await host();
  return restore((work) => withSession(here, command.vcpu, work), command);
};

const diffThere = async (host: HostOf, command: Of<'diff'>): Printed => {
  const { diff } = await import('./diff.ts');
  return diff(command, async (vcpu) => {
    const { withSession } = await import('./live.ts');
    return withSession(await host(), vcpu, async ({ attached }) => answer(attached));
  });
};

const driveThere = async (host: HostOf, command: DriveCommand): Printed => {
  const [{ drive }, { withSession }] = await Promise.all([import('./drive.ts'), import('./live.ts')]);
  const there = await host();
  if (command.verb === 'break' && command.anyVcpu) {
    const { onAnyVcpu } = await import('./any-vcpu.ts');
    return drive((work) => withSession(there, command.vcpu, onAnyVcpu(there, command.vcpu, work)), command);
  }
  if (!command.allStop) return drive((work) => withSession(there, command.vcpu, work), command);
  const { holdingOthers } = await import('./all-stop.ts');
  return drive((work) => withSession(there, command.vcpu, holdingOthers(there, command.vcpu, work)), command);
};

const memThere = async (host: HostOf, command: Of<'mem'>): Printed => {
  const [{ mem }, { withSession }] = await Promise.all([import('./mem.ts'), import('./live.ts')]);
  const { from } = command;
  // A file needs no helper.
  if (from.kind === 'file')
    return mem(() => Promise.reject(new Error('Tilescope fault: a file is no session')), command);
  const here = await host();
  return mem((work) => withSession(here, from.vcpu, work), command);
};

const disasThere = async (host: HostOf, command: Of<'disas'>): Printed => {
  const [{ disas }, { withSession }] = await Promise.all([import('./disas.ts'), import('./live.ts')]);
  const { from } = command;
  // A file needs no helper.
  if (from.kind === 'file')
    return disas(() => Promise.reject(new Error('Tilescope fault: a file is no session')), command);
  const here = await host();
  return disas((work) => withSession(here, from.vcpu, work), command);
};

const whoThere = async (host: HostOf, command: Of<'who'>): Printed => {
  const { from } = command;
  const { who } = await import('./who.ts');
  if (from.kind === 'file') {
    const { inDump } = await import('./mem-file.ts');
    return who(async (use) => {
      const found = await inDump(from.path, from.cpu, use);
      return found.ok ? answer({ who: found.value, note: '' }) : found;
    }, command);
  }
  const { withSession } = await import('./live.ts');
  const here = await host();
  return who(
    (use) =>
      withSession(here, from.vcpu, async (session) => {
        const found = await session.withMemory((memory, { facts }) => use(memory, facts));
        return found.ok ? answer({ who: found.value, note: stateNote(session.attached) }) : found;
      }),
    command,
  );
};

/** Each verb brings its own code with it, when it is asked for. */
const run = async (host: HostOf, command: Command): Printed => {
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
      return restoreThere(host, command);
    case 'diff':
      return diffThere(host, command);
    case 'journal':
      return (await import('./journal.ts')).journal(await host(), command);
    case 'check':
      return checkThere(host, command);
    case 'layout':
      return layout(host, command);
    case 'convert':
      return (await import('./files.ts')).convert(command);
    case 'who':
      return whoThere(host, command);
    case 'product':
      return command.kind === 'trace'
        ? (await import('./product-trace.ts')).tracedProducts(command)
        : (await import('./product.ts')).product(host, command);
    case 'doctor':
      return (await import('./doctor.ts')).doctor(await host(), command.json);
    case 'setup-privileges':
      return privileges(command, (await import('../places.ts')).ownHelper());
    case 'mem':
      return memThere(host, command);
    case 'disas':
      return disasThere(host, command);
    case 'step':
    case 'break':
    case 'run':
    case 'trace':
      return driveThere(host, command);
    case 'presets':
      return (await import('./presets.ts')).presets(command.json);
  }
};

/** Runs one command; the exit code. */
export const runCommand = async (args: readonly string[], host: HostOf, { out, err }: Streams): Promise<number> => {
  const command = parseCommand(args);
  const done = command.ok ? await run(host, command.value) : command;
  if (done.ok) {
    if (done.value.note !== '') err(shownLines(done.value.note));
    out(done.value.text);
    return done.value.code;
  }
  err(errorText(done.refusal));
  const { exitCodeOf } = await import('../../../app/refusals/codes.ts');
  return exitCodeOf(done.refusal);
};
