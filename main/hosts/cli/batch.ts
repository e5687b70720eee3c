import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Answer } from '../../../app/bridge.ts';
import { EXIT } from '../../../app/refusals/exit.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import type { HostOf, Streams } from './host.ts';
import { errorText } from './output.ts';
import { runCommand } from './run.ts';
import { answerFromTables } from './tables.ts';

/** `tilescope batch`: commands from standard input, one a line, by one process with one helper for its listings. */

/** Words as a POSIX shell divides them: blanks, quotes, backslashes; nothing is replaced. */
export const wordsOf = (line: string): Answer<readonly string[]> => {
  const words: string[] = [];
  let [word, isWord] = ['', false];
  let quote: string | null = null;
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at] ?? '';
    if (quote !== null && character === quote) quote = null;
    else if (character === '\\' && quote !== "'") {
      at += 1;
      if (at >= line.length) return refuse('usage', 'the line ends in a backslash');
      const next = line[at] ?? '';
      // Between double quotes a backslash takes the meaning of these alone.
      word += quote === '"' && !/["\\$`]/.test(next) ? `\\${next}` : next;
      isWord = true;
    } else if (quote === null && (character === '"' || character === "'")) [quote, isWord] = [character, true];
    else if (quote === null && /\s/.test(character)) {
      if (isWord) words.push(word);
      [word, isWord] = ['', false];
    } else {
      word += character;
      isWord = true;
    }
  }
  if (quote !== null) return refuse('usage', `a quote is not closed: ${quote}`);
  if (isWord) words.push(word);
  return answer(words);
};

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A verb that reads standard input, or never ends, has no place in a batch. */
const NOT_HERE: readonly string[] = ['batch', '--batch', 'web'];

const runLine = async (words: readonly string[], host: HostOf): Promise<Ran> => {
  let [out, err] = ['', ''];
  const kept: Streams = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  };
  if (NOT_HERE.includes(words[0] ?? '')) {
    kept.err(errorText(refuse('usage', `${words[0]} cannot stand in a batch`).refusal));
    return { code: EXIT.usage, out, err };
  }
  const code = (await answerFromTables(words, kept)) ?? (await runCommand(words, host, kept));
  return { code, out, err };
};

/** What a command printed under --json as a value; null: nothing. */
const parsedJson = (out: string): unknown => {
  try {
    return out === '' ? null : JSON.parse(out);
  } catch {
    return out;
  }
};

/** @returns the exit code of the first command that did not end with 0 */
export const runBatch = async (
  options: readonly string[],
  input: Readable,
  host: HostOf,
  { out, err }: Streams,
): Promise<number> => {
  const wrong = options.find((word) => word !== '--json');
  if (wrong !== undefined) {
    err(errorText(refuse('usage', `batch takes no ${wrong}`, { remedy: 'tilescope batch --help' }).refusal));
    return EXIT.usage;
  }
  const isJson = options.length > 0;
  let first: number = EXIT.done;
  let line = 0;
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1;
    if (/^\s*(#|$)/.test(text)) continue;
    const words = wordsOf(text);
    const asked = words.ok && isJson && !words.value.includes('--json') ? [...words.value, '--json'] : [];
    const ran = words.ok
      ? await runLine(asked.length > 0 ? asked : words.value, host)
      : { code: EXIT.usage, out: '', err: errorText(words.refusal) };
    if (isJson) out(`${JSON.stringify({ line, code: ran.code, out: parsedJson(ran.out), err: ran.err })}\n`);
    else {
      out(ran.out);
      if (ran.err !== '') err(ran.err.replace(/^/gm, `line ${line}: `).replace(/line \d+: $/, ''));
    }
    if (first === EXIT.done) first = ran.code;
  }
  return first;
};
