import { access } from 'node:fs/promises';
import type { Answer } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import type { Layout } from '../../../app/capture/image.ts';
import { checkRestore } from '../../../app/compat/check.ts';
import type { Destination as Place } from '../../../app/compat/destination.ts';
import { thisMachine } from '../../../app/compat/this-machine.ts';
import type { Fits } from '../../../app/compat/verdict.ts';
import type { OpenedFile } from '../../../app/formats/detect.ts';
import { CAPTURE_EXPORTS, VALUE_EXPORTS } from '../../../app/formats/export/exports.ts';
import { fixedSizeImage } from '../../../app/formats/export/fixed-size.ts';
import { valuesOf } from '../../../app/formats/export/values.ts';
import { EXIT } from '../../../app/refusals/exit.ts';
import { answer, refuse, refuseProblem } from '../../../app/refusals/refusal.ts';
import { isDoubtful } from '../../../app/register/doubt.ts';
import { parsePath } from '../../../app/register/path.ts';
import { COMPACTED_BIT, componentName } from '../../../app/xsave/components.ts';
import { convertImage, restrictLayout, withMxcsrMask } from '../../../app/xsave/convert.ts';
import { compactedLayout, layoutFromCpuid, supervisorPlaces } from '../../../app/xsave/layout.ts';
import type { Preset } from '../../../app/xsave/presets.ts';
import { oneState, readStates, writeBytes } from '../../io/captures.ts';
import type { ConvertCommand } from './arguments.ts';
import type { Destination, FileChoice } from './choices.ts';
import { checkJson, checkText } from './compat-output.ts';
import type { HostOf } from './host.ts';
import { jsonText, type Output } from './output.ts';
import { unmaskedNote } from './unmasked.ts';
import { wrongUsage } from './usage.ts';

/** The verbs about files: what they hold, where they fit, what they become. */

/** FILE@N names state N of FILE. A file whose whole name ends so comes first: a path may hold an @ of its own. */
const namedState = async ({ path, thread }: FileChoice): Promise<{ path: string; thread: number | null }> => {
  const [, before, number] = /^(.+)@(\d{1,9})$/.exec(path) ?? [];
  if (before === undefined || thread !== null) return { path, thread };
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  return isThere ? { path, thread } : { path: before, thread: Number(number) };
};

/** The first thread of a core is the one that took the signal: Linux writes it before the others (binfmt_elf). */
const whyFirst = ({ kind, states }: OpenedFile, label: string): string => {
  const others = states.slice(1).map((state) => state.label);
  const named = others.slice(0, 16).join(', ');
  const rest = others.length > 16 ? ` and ${others.length - 16} more` : '';
  const why = kind === 'elf-core' ? ', the first, which took the signal' : ', the first';
  return `${label}${why}; --thread N names another: ${named}${rest}`;
};

/** Of a saved session the last stop, where none is named; of any other file the only state. */
const stateMeant = (
  path: string,
  file: OpenedFile,
  isNamed: boolean,
  isFirstMeant: boolean,
): Answer<{ capture: Capture; note: string }> => {
  const [last, first] = [file.states.at(-1), file.states[0]];
  if (isFirstMeant && file.kind !== 'session' && first !== undefined && file.states.length > 1) {
    return answer({ capture: first.capture, note: `${path}: ${whyFirst(file, first.label)}\n` });
  }
  if (file.kind !== 'session' || isNamed || last === undefined) {
    const only = oneState(path, file);
    return only.ok ? answer({ capture: only.value.capture, note: '' }) : only;
  }
  const others = file.states.length === 1 ? '' : `; FILE@N names another of ${file.states.length}`;
  return answer({ capture: last.capture, note: `${path}: ${last.label}${others}\n` });
};

/** The one state that the words name; the note says where its layout was guessed. */
export const stateOfFile = async (
  choice: FileChoice,
  isFirstMeant = false,
): Promise<Answer<{ capture: Capture; note: string }>> => {
  const { preset } = choice;
  const { path, thread } = await namedState(choice);
  const file = await readStates(path, {
    ...(preset === null ? {} : { preset }),
    ...(thread === null ? {} : { thread }),
  });
  if (!file.ok) return file;
  if (preset !== null && (file.value.kind === 'capture' || file.value.kind === 'session')) {
    return refuse('usage', `a ${file.value.kind} says its own layout: no other can be named for it`, { where: path });
  }
  const state = stateMeant(path, file.value, thread !== null, isFirstMeant);
  if (!state.ok) return state;
  const { capture, note } = state.value;
  if (choice.strict && isDoubtful(capture.image.layout)) return inDoubt(path, capture.image.layout);
  return answer({ capture, note: note + guessNote(path, capture.image.layout) });
};

const doubtWords = ({ guess }: Layout): string =>
  `${(guess?.doubtful ?? []).map(componentName).join(', ')} may be read from the wrong place`;

const guessNote = (path: string, layout: Layout): string => {
  const { source, lost = [] } = layout;
  const doubt = isDoubtful(layout) ? `in doubt, ${doubtWords(layout)}: ` : '';
  const guess = source.startsWith('guessed')
    ? `${path}: the layout is ${doubt}${source}; --from CPU names another\n`
    : '';
  return (
    guess +
    lost
      .map(
        ({ why, offsetBytes, sizeBytes }) =>
          `${path}: bytes ${offsetBytes} to ${offsetBytes + sizeBytes - 1} are lost: ${why}\n`,
      )
      .join('')
  );
};

/** --strict, and whatever writes to a guest: two CPUs are possible, and nobody has said which. */
const inDoubt = (path: string, layout: Layout) =>
  refuse('doubtful', `the layout is in doubt, ${doubtWords(layout)}: ${layout.source}`, {
    where: path,
    remedy: `name its CPU: ${(layout.guess?.candidates ?? []).map(({ cpu }) => `--from ${cpu}`).join(' or ')}`,
  });

const placeOf = async (host: HostOf, destination: Destination, now: Capture | null): Promise<Answer<Place>> => {
  if (now !== null) return answer({ kind: 'target', facts: now.facts });
  if (destination.kind === 'preset') {
    return answer({ kind: 'preset', preset: destination.preset });
  }
  const facts = await (await host()).hostFacts();
  if (!facts.ok) return facts;
  const { machine, kernelRelease, helper } = facts.value;
  if (machine === null) return refuse('helper-gone', helper.problem ?? 'the helper does not answer');
  return answer(thisMachine(machine, kernelRelease));
};

const CODES = {
  yes: EXIT.done,
  'after-conversion': EXIT.conversion,
  'with-losses': EXIT.refused,
  no: EXIT.refused,
} as const satisfies Record<Fits, number>;

/** @param now the vCPU it is to go to, as captured; null where a preset or this host is meant */
export const check = async (
  host: HostOf,
  command: { readonly file: FileChoice; readonly destination: Destination; readonly json: boolean },
  now: Capture | null,
): Promise<Answer<Output>> => {
  const state = await stateOfFile(command.file);
  if (!state.ok) return state;
  const place = await placeOf(host, command.destination, now);
  if (!place.ok) return place;
  const verdict = checkRestore(state.value.capture, place.value);
  if (!verdict.ok) return refuseProblem('file', verdict.problem, { where: command.file.path });
  const text = command.json ? jsonText(checkJson(verdict.value)) : checkText(verdict.value);
  return answer({ text, code: CODES[verdict.value.fits], note: state.value.note });
};

const layoutFor = (capture: Capture, preset: Preset | null, compacted: boolean): Answer<Layout> => {
  const { image, facts } = capture;
  const standard =
    preset === null
      ? answer(image.layout)
      : answerOf(layoutFromCpuid(preset.cpuid, preset.label), `preset ${preset.name}`);
  if (!standard.ok || !compacted || standard.value.format === 'compacted') return standard;
  const cpuid = preset?.cpuid ?? (facts.guestCpuid.length > 0 ? facts.guestCpuid : facts.hostCpuid);
  const bits = standard.value.components.map((place) => place.bit);
  const mask = [...bits, COMPACTED_BIT].reduce((all, bit) => all | (1n << BigInt(bit)), 0n);
  return answerOf(compactedLayout(standard.value, mask, supervisorPlaces(cpuid)), 'the compacted format');
};

const answerOf = <T>(
  result: { ok: true; value: T } | { ok: false; problem: Parameters<typeof refuseProblem>[1] },
  where: string,
): Answer<T> => (result.ok ? answer(result.value) : refuseProblem('conversion', result.problem, { where }));

/** The capture as it is to be written: in another layout or format, of another length. */
const reshaped = (capture: Capture, command: ConvertCommand): Answer<Capture> => {
  let { image } = capture;
  if (command.without !== null) {
    const kept = restrictLayout(image.layout, ~command.without & ((1n << 63n) - 1n));
    const left = answerOf(convertImage(image, kept), command.file.path);
    if (!left.ok) return left;
    // The place stays, in init; x87 and SSE have no place to lose.
    const bytes = new Uint8Array(image.bytes.length);
    bytes.set(left.value.image.bytes.subarray(0, bytes.length));
    image = { bytes, layout: image.layout };
  }
  if (command.preset !== null || command.compacted) {
    const layout = layoutFor(capture, command.preset, command.compacted);
    if (!layout.ok) return layout;
    const converted = answerOf(convertImage(image, layout.value), command.file.path);
    if (!converted.ok) return converted;
    const { lost } = converted.value;
    if (lost.length > 0 && !command.force) {
      return refuse('does-not-fit', lost.map(({ why }) => why).join('; '), {
        where: layout.value.source,
        remedy: `--force writes it without ${lost.map(({ bit }) => componentName(bit)).join(', ')}`,
      });
    }
    image = converted.value.image;
    if (command.preset !== null) image = withMxcsrMask(image, command.preset.vendor);
  }
  if (command.bytes !== null) {
    const sized = answerOf(fixedSizeImage(image, command.bytes), command.file.path);
    if (!sized.ok) return sized;
    image = sized.value;
  }
  return answer({ ...capture, image });
};

const exported = (capture: Capture, { to, path }: ConvertCommand): Answer<Uint8Array> => {
  if (path === null) {
    const row = CAPTURE_EXPORTS.find(({ id }) => id === to);
    return row === undefined ? refuse('usage', `there is no format ${to}`) : answerOf(row.make(capture), to);
  }
  const row = VALUE_EXPORTS.find(({ id }) => id === to);
  const parsed = parsePath(path);
  if (!parsed.ok) return refuseProblem('syntax', parsed.problem);
  const values = answerOf(valuesOf(capture, parsed.value), path);
  if (!values.ok) return values;
  return row === undefined ? refuse('usage', `there is no format ${to}`) : answerOf(row.make(values.value), to);
};

/** The formats that there are: of everything, or of one register. */
const unknownFormat = ({ to, path }: ConvertCommand): Answer<never> | null => {
  const formats = (path === null ? CAPTURE_EXPORTS : VALUE_EXPORTS).map(({ id }) => id);
  if (formats.includes(to)) return null;
  const of = path === null ? 'everything' : 'one register';
  return wrongUsage(`--to is one of ${formats.join(', ')} for ${of}, not ${to}`, 'convert');
};

/** `convert`: the state in another form, to a file or to stdout. */
export const convert = async (command: ConvertCommand): Promise<Answer<Output>> => {
  const unknown = unknownFormat(command);
  if (unknown !== null) return unknown;
  const state = await stateOfFile(command.file);
  if (!state.ok) return state;
  const capture = reshaped(state.value.capture, command);
  if (!capture.ok) return capture;
  const bytes = exported(capture.value, command);
  if (!bytes.ok) return bytes;
  const written = await writeBytes(command.out, bytes.value);
  if (!written.ok) return written;
  const { layout, bytes: image } = capture.value.image;
  const report = { out: command.out, bytes: written.value, to: command.to, layout: layout.source };
  const text = command.json
    ? jsonText({ ...report, imageBytes: image.length, format: layout.format })
    : `${command.out}: ${written.value} bytes, ${command.to}; layout: ${layout.source}\n`;
  return answer({ text, code: 0, note: state.value.note + unmaskedNote(command.file.path, capture.value) });
};
