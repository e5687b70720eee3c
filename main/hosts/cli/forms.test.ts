import { describe, expect, test } from 'vitest';
import { parseCommand } from './arguments.ts';
import { type Form, formsOf } from './forms.ts';
import { type OptionName, optionRow } from './options.ts';
import { VERBS, type VerbRow } from './verbs.ts';

/** A value that is not the one by default. */
const VALUES: Readonly<Partial<Record<OptionName, string>>> = {
  ...{ pid: '4242', vcpu: '3', thread: '5', from: 'skylake-sp', preset: 'skylake-sp', to: 'raw', path: 'zmm3' },
  ...{ bytes: '8', without: 'pkru', instruction: 'TDPBSSD', before: 'b.json', code: 'c@0x1000', wait: '7', steps: '9' },
  ...{ until: 'rax == 1', when: 'rax == 1', skip: '2', at: '0x1000', count: '5', syntax: 'att', symbols: 'vmlinux' },
  ...{ 'load-address': '0x1000', btf: 'btf', snapshot: 's', user: 'ann', allow: 'bob', out: 'o', only: 'avx' },
  ...{ write: '00', port: '1' },
};
/** Words by what usage calls them. */
const WORDS: Readonly<Record<string, string>> = {
  ...{ FILE: 'a.json', SESSION: 'a.json', DUMP: 'a.dump', A: 'tmm1', B: 'tmm2', C: 'tmm0', ID: 'abcd' },
  ...{ 'PATH=VALUE…': 'rax=1', ADDR: '0x1000', restore: 'restore', forget: 'forget' },
};

const spelled = (row: VerbRow, name: OptionName): readonly string[] =>
  optionRow(name).value === null || row.flags?.[name] !== undefined
    ? [`--${name}`]
    : [`--${name}`, VALUES[name] ?? '?'];

/** The words of a line of usage that stand outside brackets and behind no option. */
const wordsOf = (line: string): readonly string[] => {
  const outside = line.replaceAll(/ ?\[[^[\]]*(\[[^[\]]*\][^[\]]*)*\](?![:×\]])/g, (part) =>
    part.startsWith(' ') ? '' : '',
  );
  const tokens = outside.split(' ').filter((token) => token !== '');
  return tokens.flatMap((token, at) => {
    if (token.startsWith('--') || tokens[at - 1]?.startsWith('--')) return [];
    const name = token.replace(/\[.*$/, '');
    return [WORDS[name] ?? WORDS[token] ?? '0x1000'];
  });
};

const LIGHT = ['web', 'batch', 'completions', 'man', 'help'];
/** It is what the verb does without it. */
const SAYS_AGAIN = ['restore --strict'];
const rows: readonly VerbRow[] = VERBS.filter(({ name }) => !LIGHT.includes(name));
const forms = rows.flatMap((row) =>
  row.usage.map((line, at) => {
    const { required, optional } = formsOf(row)[at] as Form;
    const words = row.name === 'diff' ? ['a.json', 'pid:4242/0'] : wordsOf(line);
    const base = [row.name, ...words, ...required.flatMap((name) => spelled(row, name as OptionName))];
    return { row, line, base, required, optional };
  }),
);

describe('[C75] no option is taken and left out', () => {
  test.each(forms.map((form) => [`${form.row.name} ${form.line}`, form] as const))(
    '%s',
    (_, { row, base, required, optional }) => {
      const plain = parseCommand(base);
      expect(plain, base.join(' ')).toMatchObject({ ok: true });
      const withAll = (names: readonly OptionName[]): readonly string[] => {
        const all = new Set<OptionName>();
        for (const name of names) {
          const parent = optional.get(name);
          if (parent !== undefined && parent !== null) all.add(parent as OptionName);
          all.add(name);
        }
        return [...base, ...[...all].flatMap((name) => spelled(row, name))];
      };
      const more = row.options.filter(
        (name) => !required.includes(name) && !SAYS_AGAIN.includes(`${row.name} --${name}`),
      );
      for (const one of more) {
        const parent = optional.get(one);
        const parsed = parseCommand(withAll([one]));
        if (optional.has(one)) expect(parsed, withAll([one]).join(' ')).toMatchObject({ ok: true });
        for (const other of [null, ...more.filter((name) => name !== one)]) {
          const others = other === null ? [] : [other];
          if (others.some((name) => optional.get(name) === one)) continue;
          const without = parseCommand(
            withAll(parent === null || parent === undefined ? others : [...others, parent as OptionName]),
          );
          const both = parseCommand(withAll([...others, one]));
          const line = withAll([...others, one]).join(' ');
          if (both.ok) expect(both, `${line}: --${one} says nothing`).not.toEqual(without);
          else expect(both.refusal.code, line).toBe('usage');
        }
      }
    },
  );
});

test.each([
  [['who', '--pid', '4242', '--thread', '1'], '--thread does not go with --pid'],
  [['mem', '--pid', '4242', '0x1000', '--thread', '1'], '--thread does not go with --pid'],
  [['who', 'a.dump', '--suspend-seccomp'], '--suspend-seccomp does not go with these words'],
  [['product', 'trace.json', '--thread', '3'], '--thread does not go with these words'],
  [['layout', '--strict'], '--strict does not go with these words'],
] as const)('[C75] %j', (words, why) => {
  expect(parseCommand(words)).toMatchObject({ ok: false, refusal: { code: 'usage', what: `${words[0]}: ${why}` } });
});
