import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answer } from '../../../app/bridge.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import { hostArguments } from '../host-arguments.ts';

/**
 * What the words on Electron's command line ask for. Chromium's switches stand among them, wherever the user, a launcher or a
 * test has put them: they are Chromium's, and take nothing else away.
 */
export type Asked =
  | { readonly kind: 'verb'; readonly words: readonly string[] }
  /** The page, for the browser. */
  | { readonly kind: 'page'; readonly words: readonly string[] }
  | {
      readonly kind: 'window';
      /** Absolute. */
      readonly file: string | null;
      readonly deterministic: boolean;
      /** Switches that neither Tilescope knows nor everybody gives to Chromium: perhaps misspelt. */
      readonly unknown: readonly string[];
    };

/** Ours, and whether a word of its own follows. */
const OPTIONS: ReadonlyMap<string, boolean> = new Map([
  ['--web', false],
  ['--port', true],
  ['--no-open', false],
  ['--deterministic', false],
  ['--no-sandbox', false],
]);

/** Switches that people, desktops and launchers give to every Electron application. */
const OF_CHROMIUM =
  /^--(no-sandbox|ozone-platform|ozone-platform-hint|(en|dis)able-[\w-]+|force-[\w-]+|remote-debugging-[\w-]+|inspect(-brk)?|user-data-dir|password-store|gtk-version|lang|use-gl|use-angle|in-process-gpu|no-zygote|proxy-[\w-]+|log-[\w-]+|v|vmodule|js-flags|original-process-start-time)(=|$)/;

/** The words after the executable and, where it runs from a folder, after that folder, which Electron is given by name. */
export const wordsAfter = (argv: readonly string[], appPath: string | null): readonly string[] => {
  if (appPath === null) return argv.slice(1);
  const at = argv.findIndex((word, index) => index > 0 && !word.startsWith('-') && resolve(word) === appPath);
  return argv.slice(at < 0 ? 1 : at + 1);
};

interface Sorted {
  /** Ours: options and what is none. */
  readonly own: readonly string[];
  readonly switches: readonly string[];
}

const sorted = (words: readonly string[]): Sorted => {
  const own: string[] = [];
  const switches: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--') return { own: [...own, ...words.slice(at)], switches };
    const isOwn = !word.startsWith('-') || word === '-' || OPTIONS.has(word.split('=')[0] ?? '');
    (isOwn ? own : switches).push(word);
    if (OPTIONS.get(word) === true && at + 1 < words.length) {
      at += 1;
      own.push(words[at] ?? '');
    }
  }
  return { own, switches };
};

/** A file manager hands over addresses, a shell paths; a path that is there stays one, whatever it looks like. */
const pathOf = (word: string, cwd: string): Answer<string> => {
  const path = resolve(cwd, word);
  const [, scheme] = /^([a-z][a-z0-9+.-]+):\/\//i.exec(word) ?? [];
  if (scheme === undefined || existsSync(path)) return answer(path);
  try {
    return answer(fileURLToPath(word));
  } catch {
    return refuse('usage', `${word} is no file of this machine`);
  }
};

/** What Electron was started with: options, then files or a verb. Refused with 'usage' where a word is neither. */
export const readWords = (words: readonly string[], verbs: readonly string[], cwd: string): Answer<Asked> => {
  const first = words.findIndex((word) => !word.startsWith('-') || verbs.includes(word) || word === '--');
  const start = words[first] === '--' ? first + 1 : first;
  // What stands behind a verb is the command line's, whatever it looks like.
  if (start >= 0 && verbs.includes(words[start] ?? '')) return answer({ kind: 'verb', words: words.slice(start) });
  const { own, switches } = sorted(words);
  const args = hostArguments(own);
  if (!args.ok) return args;
  if (own.includes('--web')) return answer({ kind: 'page', words: own });
  const { file, deterministic } = args.value;
  const path = file === null ? null : pathOf(file, cwd);
  if (path !== null && !path.ok) return path;
  const unknown = switches.filter((word) => !OF_CHROMIUM.test(word));
  return answer({ kind: 'window', file: path?.value ?? null, deterministic, unknown });
};
