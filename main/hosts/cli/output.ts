import { describeProblem, type Problem } from '../../../app/bits/decoded.ts';
import { hasBit, hexShort } from '../../../app/bits/mask.ts';
import { shownJson, shownText } from '../../../app/bits/text.ts';
import type { Refusal, TargetList, TargetSummary } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import type { Image, Layout } from '../../../app/capture/image.ts';
import { certaintyOf, isDoubtful } from '../../../app/register/doubt.ts';
import { parsePath, type RegisterPath } from '../../../app/register/path.ts';
import { showJson, showText } from '../../../app/register/read.ts';
import { REGISTERS, registerRow } from '../../../app/register/registers.ts';
import { encodeCapture } from '../../../app/session/document.ts';

import { describeExecution, executionOf } from '../../../app/session/execution.ts';
import { bitMatrix } from '../../../app/xsave/bitmatrix.ts';
import { COMPONENTS, componentName } from '../../../app/xsave/components.ts';
import { xstateBv } from '../../../app/xsave/header.ts';
import { placeOf } from '../../../app/xsave/layout.ts';
import { roomFor, viewComponent } from '../../../app/xsave/view.ts';

/** What the command line prints. The shapes under --json are fixed: see "Command line" in app/SPEC.md. */

/** What a verb prints, and how it ends where that is not 0. */
export interface Output {
  readonly text: string;
  readonly code: number;
  /** For standard error: a guess, for one. */
  readonly note: string;
}

export const printed = (text: string): Output => ({ text, code: 0, note: '' });

export const jsonText = (value: unknown): string => `${shownJson(JSON.stringify(value, null, 2))}\n`;

/** What `list --json` prints. */
export const listJson = (targets: readonly TargetSummary[]): unknown =>
  targets.map(({ pid, vmm, name, vcpus, attachable, reason, remedy }) => ({
    pid,
    vmm,
    name,
    vcpus: vcpus.map(({ index, vmmNumber, tid, fd }) => ({ index, vmmNumber, tid, fd })),
    attachable,
    reason,
    remedy,
  }));

/** Columns of equal width, the first row their heads; nothing in it that a terminal obeys. */
export const table = (given: readonly (readonly string[])[]): string => {
  const rows = given.map((row) => row.map(shownText));
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
};

/** Where KVM's numbers and the VMM's differ: a line of pairs. What is not listed is said to be missing. */
const numbersText = ({ pid, vcpus, vcpusLeftOut }: TargetSummary): string => {
  const missing = vcpusLeftOut > 0 ? `${pid}: ${vcpusLeftOut} vCPUs more are not listed\n` : '';
  if (vcpus.every(({ index, vmmNumber }) => vmmNumber === null || vmmNumber === index)) return missing;
  const pairs = vcpus.map(({ index, vmmNumber }) => `vCPU ${index} = CPU ${vmmNumber ?? 'not known'}`);
  return `${pid}: KVM's number = the VMM's: ${pairs.join(', ')}\n${missing}`;
};

/** The processes that may hide a VMM, with what would let them be looked into; nothing where there are none. */
export const skippedText = ({ skippedCount, skippedRemedy }: TargetList): string => {
  if (skippedCount === 0) return '';
  const processes = skippedCount === 1 ? '1 process' : `${skippedCount} processes`;
  const remedy = skippedRemedy === undefined ? '' : `  to do: ${skippedRemedy}\n`;
  return `${processes} of other users could not be looked into\n${remedy}`;
};

/** What `list` prints. */
export const listText = (list: TargetList): string => {
  const { targets } = list;
  const rows = targets.map((target) => [
    String(target.pid),
    target.vmm,
    target.name,
    String(target.vcpus.length + target.vcpusLeftOut),
    target.user,
    target.attachable ? 'yes' : `no: ${target.reason ?? 'not known why'}`,
  ]);
  const skipped = skippedText(list);
  const numbers = targets.map(numbersText).join('');
  const remedies = targets
    .map(({ pid, remedy }) => (remedy === null ? '' : `${pid}: to do: ${shownText(remedy)}\n`))
    .join('');
  if (rows.length === 0) return `No process with KVM vCPUs was found\n${skipped}`;
  return table([['PID', 'VMM', 'NAME', 'VCPUS', 'USER', 'ATTACHABLE'], ...rows]) + remedies + numbers + skipped;
};

/** In use, and not in the bytes: a file that was cut, or a writer that did not copy it. */
const whyCut = (image: Image, bit: number): string | null => {
  const place = placeOf(image.layout, bit);
  if (place === undefined || !hasBit(xstateBv(image), bit) || roomFor(image, bit) !== undefined) return null;
  const end = place.offsetBytes + place.sizeBytes;
  if (end <= image.bytes.length) return image.layout.lost?.[0]?.why ?? 'not in the file';
  return `cut off: in use, ends at ${end}, the file at ${image.bytes.length}`;
};

/** Every component the layout has room for, and those of the table it has not, with its state. */
const componentRows = (capture: Capture) => {
  const { image } = capture;
  const placed = image.layout.components.map((place) => place.bit);
  const bits = [...new Set([...placed, ...COMPONENTS.map((row) => row.bit)])].sort((a, b) => a - b);
  return bits.map((bit) => {
    const place = image.layout.components.find((one) => one.bit === bit);
    return {
      bit,
      name: componentName(bit),
      state: viewComponent(image, bit).state,
      offsetBytes: place?.offsetBytes ?? null,
      sizeBytes: place?.sizeBytes ?? null,
      doubtful: image.layout.guess?.doubtful.includes(bit) ?? false,
      /** Why it is absent though it is in use; null: it is not. */
      cut: whyCut(image, bit),
    };
  });
};

/** What `show --json` prints without paths. */
export const showAllJson = (capture: Capture): unknown => {
  const { facts } = encodeCapture(capture);
  return { facts, layout: layoutFacts(capture), components: componentRows(capture) };
};

/** Where the layout comes from; of a guess whether it is in doubt, in what, and between which CPUs. */
const layoutFacts = ({ image }: Capture) => {
  const { source, totalBytes, guess, lost } = image.layout;
  return {
    ...{ source, guessed: source.startsWith('guessed'), doubt: isDoubtful(image.layout), totalBytes },
    doubtful: guess?.doubtful.map(componentName) ?? [],
    candidates: guess?.candidates ?? [],
    lost: lost ?? [],
  };
};

const STATE_WORDS = { absent: 'absent', init: 'init', inUse: 'in use' } as const;

/** The registers of the summary: those that are in use, the widest view of the vector registers alone. */
const summaryRegisters = (capture: Capture): readonly (readonly string[])[] => {
  const widest = ['zmm', 'ymm', 'xmm'].find((kind) => {
    const bit = { zmm: 6, ymm: 2, xmm: 1 }[kind];
    return bit !== undefined && viewComponent(capture.image, bit).state === 'inUse';
  });
  return REGISTERS.flatMap(({ name }) => {
    const vector = /^([xyz]mm|mm)\d+$/.exec(name)?.[1];
    if (vector !== undefined && vector !== widest) return [];
    const path = parsePath(name);
    if (!path.ok) return [];
    const text = showText(capture, path.value);
    if (text === 'absent' || text === 'init' || (text.startsWith('not known') && !text.includes('lost:'))) return [];
    return [[`  ${name}`, certainty(capture, name), text].filter((cell) => cell !== '')];
  });
};

/** Between which CPUs a layout is in doubt, and what speaks for each; none where it is not. */
const candidateLines = (layout: Layout): string[] =>
  isDoubtful(layout)
    ? (layout.guess?.candidates ?? []).flatMap(({ cpu, label, speaksFor, speaksAgainst }, index) => [
        `${index === 0 ? 'taken' : 'or'} --from ${cpu}: ${label}`,
        ...speaksFor.map((says) => `  for: ${says}`),
        ...speaksAgainst.map((says) => `  against: ${says}`),
      ])
    : [];

const known = (mask: bigint | null): string => (mask === null ? 'not known' : hexShort(mask));

/** What `show` prints without paths. */
export const showAllText = (capture: Capture): string => {
  const { target, xcr0, imageCall, kernelRelease, pauseNs } = capture.facts;
  const execution = executionOf(capture.facts);
  const head = [
    ['target', `${target.vmm} ${target.name}${target.pid === null ? '' : `, pid ${target.pid}`}, vCPU ${target.vcpu}`],
    ['image', `${capture.image.bytes.length} bytes by ${imageCall}, ${capture.image.layout.format} format`],
    ['layout', capture.image.layout.source],
    ...candidateLines(capture.image.layout).map((line, index) => [index === 0 ? 'in doubt' : '', line]),
    ['xcr0', known(xcr0)],
    ...(execution === null ? [] : [['executes', describeExecution(execution)]]),
    ['kernel', kernelRelease ?? 'not known'],
    ['pause', pauseNs === null ? 'not known' : `${pauseNs} ns`],
  ];
  const components = componentRows(capture)
    .filter((row) => row.state !== 'absent' || row.cut !== null)
    .map((row) => [
      ...[String(row.bit), row.name, row.cut === null ? STATE_WORDS[row.state] : 'cut'],
      ...[String(row.offsetBytes), String(row.sizeBytes)],
      [row.doubtful ? 'doubtful' : '', row.cut ?? ''].filter((word) => word !== '').join(': '),
    ]);
  const parts = [table(head), table([['BIT', 'COMPONENT', 'STATE', 'OFFSET', 'BYTES', ''], ...components])];
  const registers = summaryRegisters(capture);
  if (registers.length > 0) parts.push(`registers in use\n${table(registers)}`);
  const odd = bitMatrix(capture).contradictions.map(({ severity, sentence }) => `  ${severity}: ${sentence}\n`);
  if (odd.length > 0) parts.push(`odd in this state\n${odd.join('')}`);
  return parts.join('\n');
};

export interface NamedPath {
  /** As it was typed, which is the key in the answer. */
  readonly text: string;
  readonly path: RegisterPath;
}

/** A word for each row of a file whose layout is in doubt; none where it is not. */
const certainty = ({ image }: Capture, register: string, path: RegisterPath | null = null): string => {
  const row = registerRow(register);
  return (row && certaintyOf(image, row.source, path)) ?? '';
};

/** With a layout in doubt the answer has it besides, under a name that no path can have. */
export const showPathsJson = (
  capture: Capture,
  paths: readonly NamedPath[],
  wrong: readonly { readonly text: string; readonly problem: Problem }[],
): unknown => ({
  ...Object.fromEntries(paths.map(({ text, path }) => [text, showJson(capture, path)])),
  ...Object.fromEntries(wrong.map(({ text, problem }) => [text, { error: describeProblem(problem) }])),
  ...(isDoubtful(capture.image.layout)
    ? {
        '#layout': {
          ...layoutFacts(capture),
          doubtful: paths
            .filter(({ path }) => certainty(capture, path.register, path) === 'doubtful')
            .map(({ text }) => text),
        },
      }
    : {}),
});

/** What `show` prints of the paths named, one a line. */
export const showPathsText = (capture: Capture, paths: readonly NamedPath[]): string =>
  table(
    paths.map(({ text, path }) =>
      [text, certainty(capture, path.register, path), showText(capture, path)].filter((cell) => cell !== ''),
    ),
  );

/** What a write changed, as it was read back. */
export interface WriteReport {
  readonly changes: readonly { readonly path: string; readonly before: string; readonly after: string }[];
  readonly writtenBytes: number;
  readonly pauseNs: bigint | null;
}

/** What a write prints with --json. */
export const writeJson = ({ changes, writtenBytes, pauseNs }: WriteReport) => ({
  changes: changes.map(({ path, before, after }) => ({ path, before, after })),
  writtenBytes,
  // A pause of more than 2^53 ns would be a hundred days.
  pauseNs: pauseNs === null ? null : Number(pauseNs),
});

/** What a write prints: before and after, and how long the vCPU stood still. */
export const writeText = ({ changes, writtenBytes, pauseNs }: WriteReport): string => {
  const pause = pauseNs === null ? '' : `, the vCPU stood still for ${pauseNs} ns`;
  const lines = changes.map(({ path, before, after }) => `${path}\n  before ${before}\n  after  ${after}\n`).join('');
  return `${lines}${writtenBytes} bytes differ; read back and verified${pause}\n`;
};

/** One block: what, where, what to do. */
export const errorText = (refusal: Refusal): string => {
  const call = refusal.call === null ? '' : `${refusal.call}${refusal.errno === null ? '' : `: ${refusal.errno}`}`;
  const lines = [`tilescope: ${refusal.what}`];
  if (refusal.where !== null && refusal.where !== call) lines.push(`  where: ${refusal.where}`);
  if (call !== '') lines.push(`  call:  ${call}`);
  if (refusal.remedy !== null) lines.push(`  to do: ${refusal.remedy}`);
  return `${lines.map(shownText).join('\n')}\n`;
};
