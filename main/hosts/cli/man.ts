import { EXIT_CODES } from '../../../app/refusals/exit.ts';
import { PRODUCT_VERSION } from '../../product.ts';
import { optionText } from './help.ts';
import { OPTIONS, optionRow } from './options.ts';
import { ABOUT_FILES, ABOUT_PATHS, VERBS, type VerbRow } from './verbs.ts';

/** tilescope(1), from the table of the verbs, in the macros of man(7). */

const NAMED_CHARACTERS: readonly (readonly [string, string])[] = [
  ['\\', '\\e'],
  ['-', '\\-'],
  ['’', '\\(cq'],
  ["'", '\\(aq'],
  ['"', '\\(dq'],
  ['`', '\\(ga'],
  ['^', '\\(ha'],
  ['~', '\\(ti'],
  ['…', '\\&.\\|.\\|.'],
  ['·', '\\(md'],
  ['→', '\\(->'],
  ['−', '\\(mi'],
];
const TO_ROFF = new Map(NAMED_CHARACTERS);

/** Text that means itself: no character of it is a request or an escape. */
export const roff = (text: string): string => {
  const named = Array.from(text, (character) => TO_ROFF.get(character) ?? character).join('');
  return named.replace(/^[.]/, '\\&.');
};

const paragraph = (text: string): string => `.PP\n${roff(text)}\n`;

/** Words in capitals are what the user puts in. */
const usageLine = ({ name }: VerbRow, line: string): string => {
  const words = roff(line).replaceAll(/\b[A-Z]{1,}\b/g, (word) => `\\fI${word}\\fP`);
  return `.B tilescope ${name}\n${words === '' ? '' : `${words}\n`}`;
};

const verb = (row: VerbRow): string =>
  [
    `.SS ${row.name}\n${roff(`${row.says[0]?.toUpperCase()}${row.says.slice(1)}.`)}\n`,
    ...row.usage.map((line, index) => `${index === 0 ? '.PP' : '.br'}\n${usageLine(row, line)}`),
    ...(row.options.length === 0
      ? []
      : [`.PP\nOptions: ${row.options.map((name) => `\\fB${roff(optionText(name))}\\fP`).join(', ')}.\n`]),
    ...row.about.filter((text) => text !== ABOUT_FILES && text !== ABOUT_PATHS).map(paragraph),
    ...row.examples.map(({ line, says }) => `.TP\n.B ${roff(line)}\n${roff(says)}\n`),
  ].join('');

const option = (name: (typeof OPTIONS)[number]['name']): string =>
  `.TP\n.B ${roff(optionText(name))}\n${roff(optionRow(name).says)}\n`;

const ENVIRONMENT = [
  ['XDG_STATE_HOME', 'Where the journal lies: tilescope/journal below it, else below ~/.local/state.'],
  ['TILESCOPE_HELPER', 'Another helper than the one that came with the program.'],
] as const;

/** The man page as roff, from the tables of verbs, options and exit codes. */
export const manPage = (): string =>
  [
    `.TH TILESCOPE 1 "" "Tilescope ${PRODUCT_VERSION}" "User Commands"\n`,
    '.SH NAME\ntilescope \\- debugger for the extended processor state of KVM guests\n',
    '.SH SYNOPSIS\n.B tilescope\n.I VERB\n[\\fIOPTION\\fP\\|.\\|.\\|.] [\\fIWORD\\fP\\|.\\|.\\|.]\n.br\n.B tilescope\n[\\fIFILE\\fP]\n',
    '.SH DESCRIPTION\n',
    roff(
      'Tilescope attaches to a vCPU of a running VMM (QEMU, Firecracker, Cloud Hypervisor, crosvm, kvmtool, one of your own) ' +
        'without its help and without a restart, and shows and edits the extended processor state of the guest: x87, SSE, ' +
        'AVX, AVX-512, AMX tiles, XCR0, IA32_XFD. Without a verb it opens its window.',
    ),
    '\n',
    paragraph(ABOUT_FILES),
    paragraph(ABOUT_PATHS),
    '.SH COMMANDS\n',
    ...VERBS.map(verb),
    '.SH OPTIONS\n',
    ...OPTIONS.map(({ name }) => option(name)),
    '.SH EXIT STATUS\n',
    ...EXIT_CODES.map(({ code, says }) => `.TP\n.B ${code}\n${roff(says)}\n`),
    '.SH ENVIRONMENT\n',
    ...ENVIRONMENT.map(([name, says]) => `.TP\n.B ${name}\n${roff(says)}\n`),
    '.SH SEE ALSO\n.BR gdb (1),\n.BR cpuid (1),\n.BR ptrace (2)\n',
  ].join('');
