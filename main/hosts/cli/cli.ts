import type { Host } from '../../services/host.ts';
import type { Streams } from './host.ts';
import { answerFromTables } from './tables.ts';
import { CLI_VERBS, COMPLETE } from './verbs.ts';

export { CLI_VERBS };

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

/** Runs one command line; the exit code, after everything has been written. */
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
  if (verb === 'web') return (await import('../web/web.ts')).runWeb(words);
  let made: Promise<Host> | null = null;
  const host = (): Promise<Host> => {
    made ??= Promise.all([import('../../services/host.ts'), import('../places.ts')]).then(
      ([{ createHost }, { demoInside, helperInside }]) =>
        createHost({ host: 'web', helperPath: helperInside(), demoPath: demoInside(), openAtStart: null }),
    );
    return made;
  };
  try {
    if (verb === 'batch') {
      const { runBatch } = await import('./batch.ts');
      return await runBatch(words, process.stdin, host, streams);
    }
    if (verb === COMPLETE) {
      const { complete } = await import('./complete.ts');
      return await complete(words, host, streams);
    }
    const { runCommand } = await import('./run.ts');
    return await runCommand(args, host, streams);
  } finally {
    if (made !== null) await (await (made as Promise<Host>)).close();
  }
};
