import type { OptionName } from './options.ts';
import type { VerbRow } from './verb-row.ts';

/**
 * The forms in which a verb is used, as its lines of usage say them: which options go together. Whatever a line does not have is
 * refused with the words of that line, so that no option is taken and then left out.
 */
export interface Form {
  /** Words that it needs, as usage calls them; one in small letters stands for itself. */
  readonly words: readonly string[];
  readonly required: readonly string[];
  /** Others, each with the option that it goes with; null: with any. */
  readonly optional: ReadonlyMap<string, string | null>;
}

const FILE_OPTIONS: readonly string[] = ['thread', 'from', 'preset', 'strict'];
/** How many brackets of a token open, or close, what lies outside of it: ADDR[:TYPE] has none of them. */
const opened = (token: string): number => /^\[*/.exec(token)?.[0].length ?? 0;
const closed = (token: string, before: number): number => {
  let depth = before;
  for (const character of token) depth += character === '[' ? 1 : character === ']' ? -1 : 0;
  return depth;
};

/** One line of usage: words, options with the words behind them, and in brackets what may be left out. */
const formOf = (line: string, row: VerbRow): Form => {
  const required: string[] = [];
  const optional = new Map<string, string | null>();
  /** Of each bracket that is open, the option that it begins with. */
  const heads: (string | null)[] = [];
  const words: string[] = [];
  let isValue = false;
  for (const token of line.split(' ').filter((one) => one !== '')) {
    const bare = token.replace(/^\[*/, '').replace(/\]*$/, '');
    for (let count = opened(token); count > 0; count -= 1) heads.push(null);
    if (bare.startsWith('--')) {
      const name = bare.slice(2);
      const head = heads.findLast((one) => one !== null) ?? null;
      if (heads.length === 0) required.push(name);
      else if (heads.at(-1) === null) {
        optional.set(name, head);
        heads[heads.length - 1] = name;
      } else optional.set(name, heads.length > 1 ? (heads.at(-2) ?? null) : null);
      isValue = !token.endsWith(']');
    } else {
      if (bare === '|') isValue = false;
      else if (heads.length === 0 && !isValue) words.push(bare);
      isValue = false;
    }
    for (let depth = closed(token, 0) - opened(token); depth < 0 && heads.length > 0; depth += 1) heads.pop();
  }
  // --thread and its like say more of a FILE.
  const ofFile = words.includes('FILE');
  const told = (name: string): boolean => required.includes(name) || optional.has(name);
  const takes = (name: OptionName): boolean => row.options.includes(name) && !told(name);
  if (ofFile) for (const name of FILE_OPTIONS) if (takes(name as OptionName)) optional.set(name, null);
  // Without --pid it names the vCPU of a file.
  if (row.options.includes('vcpu') && told('thread') && !required.includes('pid')) optional.set('vcpu', null);
  if (takes('suspend-seccomp') && told('pid')) optional.set('suspend-seccomp', 'pid');
  return { words, required, optional };
};

/** Every form of a verb. */
export const formsOf = (row: VerbRow): readonly Form[] => {
  const forms = row.usage.map((line) => formOf(line, row));
  const told = new Set(forms.flatMap(({ required, optional }) => [...required, ...optional.keys()]));
  const everywhere = row.options.filter((name) => !told.has(name) && !FILE_OPTIONS.includes(name));
  return forms.map((form) => ({
    ...form,
    optional: new Map([...form.optional, ...everywhere.map((name) => [name, null] as const)]),
  }));
};

const fits = ({ required, optional }: Form, name: string, given: readonly string[]): boolean => {
  const parent = optional.get(name);
  return required.includes(name) || parent === null || (parent !== undefined && given.includes(parent));
};

const isSpelled = (form: Form, words: readonly string[]): boolean =>
  form.words.every((word, at) => words[at] !== undefined && (!/^[a-z]+$/.test(word) || words[at] === word));

/** The first option given that no form has beside the others, and beside which it does not go; null: there is none. */
export const strayOption = (
  row: VerbRow,
  given: readonly string[],
  words: readonly string[],
): { readonly option: string; readonly beside: string | null } | null => {
  const forms = formsOf(row).filter(
    (form) => isSpelled(form, words) && form.required.every((name) => given.includes(name)),
  );
  const strays = forms.map((form) => given.filter((name) => !fits(form, name, given)));
  if (forms.length === 0 || strays.some((stray) => stray.length === 0)) return null;
  const [option] = [...strays].sort((a, b) => a.length - b.length)[0] ?? [];
  if (option === undefined) return null;
  const beside = given.find((name) => name === 'pid' && name !== option) ?? null;
  return { option, beside };
};
