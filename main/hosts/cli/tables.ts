import { PRODUCT } from '../../product.ts';
import { helpOfVerb, USAGE } from './help.ts';
import type { Streams } from './host.ts';
import { verbRow } from './verbs.ts';

/**
 * What needs no target and no file is answered from the tables alone. Everything else is loaded when it is asked for: half of
 * a start of the command line would be the reading of code that it does not run.
 *
 * @returns null: it is none of these
 */
export const answerFromTables = async (args: readonly string[], { out, err }: Streams): Promise<number | null> => {
  const [verb = '', ...words] = args;
  if (verb === '--version') {
    out(`${PRODUCT}\n`);
    return 0;
  }
  if (words.includes('--help') || words.includes('-h')) return help(verb, { out, err });
  if (verb === 'help' || verb === '--help' || verb === '-h') return help(words[0], { out, err });
  if (verb === 'man' && words.length === 0) {
    const { manPage } = await import('./man.ts');
    out(manPage());
    return 0;
  }
  if (verb !== 'completions' || words.length !== 1) return null;
  const { completionScript } = await import('./completions.ts');
  const script = completionScript(words[0] ?? '');
  if (script === null) err('tilescope: completions are for bash, zsh or fish\n');
  else out(script);
  return script === null ? 2 : 0;
};

const help = (verb: string | undefined, { out, err }: Streams): number => {
  const row = verb === undefined ? undefined : verbRow(verb);
  if (verb !== undefined && row === undefined) {
    err(`tilescope: there is no command ${verb}\n  to do: tilescope --help lists them\n`);
    return 2;
  }
  out(row === undefined ? USAGE : helpOfVerb(row));
  return 0;
};
