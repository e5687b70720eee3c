import { PRODUCT } from '../product.ts';
import type { Host } from '../services/host.ts';
import { helpOfVerb, USAGE } from './cli-help.ts';
import { CLI_VERBS, COMPLETE, verbRow } from './cli-verbs.ts';

export { CLI_VERBS };

/** Where the command line's words go. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

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
    const { manPage } = await import('./cli-man.ts');
    out(manPage());
    return 0;
  }
  if (verb !== 'completions' || words.length !== 1) return null;
  const { completionScript } = await import('./cli-completions.ts');
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

/**
 * Who reads the words may have gone, as `| head` does once it has its lines: what was done is done, and the exit code says
 * how. Words that could not be written for another reason, as on a full disk, are a failure of their own.
 */
const onLostWords = (error: NodeJS.ErrnoException): void => {
  if (error.code === 'EPIPE') return;
  process.once('exit', () => {
    process.exitCode = 3;
  });
  process.stderr.write(`tilescope: standard output cannot be written: ${error.message}\n`);
};

export const runCli = async (given: readonly string[]): Promise<number> => {
  const args = given[0] === '--batch' ? ['batch', ...given.slice(1)] : given;
  process.stdout.on('error', onLostWords);
  // There is nowhere left to say it.
  process.stderr.on('error', () => undefined);
  const streams: Streams = {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  };
  const told = await answerFromTables(args, streams);
  if (told !== null) return told;
  const [verb, ...words] = args;
  if (verb === 'web') return (await import('./web.ts')).runWeb(words);
  let made: Promise<Host> | null = null;
  const host = (): Promise<Host> => {
    made ??= Promise.all([import('../services/host.ts'), import('./places.ts')]).then(
      ([{ createHost }, { demoInside, helperInside }]) =>
        createHost({ host: 'web', helperPath: helperInside(), demoPath: demoInside(), openAtStart: null }),
    );
    return made;
  };
  try {
    if (verb === 'batch') {
      const { runBatch } = await import('./cli-batch.ts');
      return await runBatch(words, process.stdin, host, streams);
    }
    if (verb === COMPLETE) {
      const { complete } = await import('./cli-complete.ts');
      return await complete(words, host, streams);
    }
    const { runCommand } = await import('./cli-run.ts');
    return await runCommand(args, host, streams);
  } finally {
    if (made !== null) await (await (made as Promise<Host>)).close();
  }
};
