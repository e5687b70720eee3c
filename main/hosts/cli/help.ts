import { EXIT_CODES } from '../../../app/refusals/exit.ts';
import { type OptionName, optionRow } from './options.ts';
import { ABOUT_FILES, ABOUT_PATHS, VERBS, type VerbRow } from './verbs.ts';

/** What --help prints, from the table of the verbs. */

const WIDTH = 100;

/** Lines of at most WIDTH characters, each after the indent. */
const wrapped = (text: string, indent: string): string => {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '';
    }
    line += (line === '' ? '' : ' ') + word;
  }
  return [...lines, line].map((one) => `${indent}${one}\n`).join('');
};

/** Two columns; what is too long for the first has a line of its own. */
const columns = (rows: readonly (readonly [string, string])[], left: number): string =>
  rows
    .map(([name, says]) => {
      const text = wrapped(says, ' '.repeat(left + 4));
      return name.length > left ? `  ${name}\n${text}` : `  ${name.padEnd(left)}  ${text.trimStart()}`;
    })
    .join('');

/** "--pid PID", as usage lines have it. */
export const optionText = (name: OptionName): string => {
  const { value } = optionRow(name);
  return value === null ? `--${name}` : `--${name} ${value}`;
};

const optionsText = (names: readonly OptionName[], flags: VerbRow['flags']): string =>
  columns(
    [...names, 'help' as const].map((name) => {
      const says = flags?.[name];
      return says === undefined ? [optionText(name), optionRow(name).says] : [`--${name}`, says];
    }),
    20,
  );

const codesText = (names: readonly string[]): string =>
  EXIT_CODES.filter(({ name }) => names.includes(name))
    .map(({ code, says }) => `  ${code}  ${wrapped(says, '     ').trimStart()}`)
    .join('');

const linesOf = ({ name, usage }: VerbRow): string =>
  usage.map((line) => `  tilescope ${name}${line === '' ? '' : ` ${line}`}\n`).join('');

/** `tilescope VERB --help`. */
export const helpOfVerb = (row: VerbRow): string => {
  const { name, says, about, options, flags, examples, exits } = row;
  const parts = [`tilescope ${name}: ${says}\n`, `Usage\n${linesOf(row)}`, `Options\n${optionsText(options, flags)}`];
  for (const paragraph of about) parts.push(wrapped(paragraph, ''));
  if (examples.length > 0) {
    parts.push(`Examples\n${examples.map((one) => `  ${one.line}\n      ${one.says}\n`).join('')}`);
  }
  parts.push(`Exit codes\n${codesText(exits)}`);
  return parts.join('\n');
};

/** `tilescope --help`. */
export const USAGE = [
  'Usage\n',
  ...VERBS.map((row) => linesOf(row).replace(/\n(?=.)/g, '\n') + wrapped(row.says, '      ')),
  '\ntilescope VERB --help says more of each: options, examples, exit codes. Any other word opens the window.\n\n',
  wrapped(ABOUT_FILES, ''),
  '\n',
  wrapped(ABOUT_PATHS, ''),
  `\nExit codes\n${codesText(EXIT_CODES.map(({ name }) => name))}`,
].join('');
