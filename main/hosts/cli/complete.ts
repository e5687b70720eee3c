import { SYNTAXES } from '../../../app/disas/instruction.ts';
import { CAPTURE_EXPORTS, VALUE_EXPORTS } from '../../../app/formats/export/exports.ts';
import { GENERAL_NAMES, REGISTERS, registerRow, TILECFG_FIELDS } from '../../../app/register/registers.ts';
import { TYPE_NAMES } from '../../../app/register/type-names.ts';
import { PRODUCTS } from '../../../app/tile/product-instruction.ts';
import { COMPONENTS, componentName } from '../../../app/xsave/components.ts';
import { PRESETS } from '../../../app/xsave/presets.ts';
import { createRecovery } from '../../services/recovery.ts';
import { SHELLS } from './completions.ts';
import type { HostOf, Streams } from './host.ts';
import { OPTIONS, type OptionName, optionRow, type WordKind } from './options.ts';
import { VERBS, type VerbRow, verbRow } from './verbs.ts';

/** What a word may become, for the completion scripts: a line each, the word, a tab, and what it is. */
interface Candidate {
  readonly word: string;
  readonly says: string;
}

/** Stands for the names of files, which the shell knows itself. */
const FILES: Candidate = { word: ':files', says: '' };

const named = (words: readonly string[], says = ''): readonly Candidate[] => words.map((word) => ({ word, says }));

/** A path as far as it is typed: names, then types or fields of the one that is named. */
const pathCandidates = (current: string, behind: string): readonly Candidate[] => {
  const [, name, mark] = /^(\$?[a-z_0-9]+)([.:])[a-z0-9_]*$/i.exec(current) ?? [];
  if (name === undefined) {
    return REGISTERS.map((row) => ({ word: `${row.name}${behind}`, says: `${row.widthBits} bits` }));
  }
  const row = registerRow(name.replace(/^\$/, ''));
  if (row === undefined) return [];
  if (mark === ':') return named(TYPE_NAMES.map((type) => `${name}:${type}${behind}`));
  const fields = row.name === 'tilecfg' ? TILECFG_FIELDS.map((field) => ({ ...field, meaning: '' })) : row.fields;
  return fields.map((field) => ({ word: `${name}.${field.name}${behind}`, says: field.meaning }));
};

/** The name behind the last comma. */
const listCandidates = (current: string): readonly Candidate[] => {
  const before = current.slice(0, current.lastIndexOf(',') + 1);
  const components = COMPONENTS.map(({ bit }) => componentName(bit).toLowerCase());
  return named([...components, ...REGISTERS.map(({ name }) => name)].map((name) => before + name));
};

const vmms = async (host: HostOf): Promise<readonly { pid: number; says: string; vcpus: readonly number[] }[]> => {
  const listed = await (await host()).listTargets();
  if (!listed.ok) return [];
  return listed.value.targets.map(({ pid, vmm, name, vcpus }) => ({
    pid,
    says: `${vmm} ${name}`.trim(),
    vcpus: vcpus.map(({ index }) => index),
  }));
};

const valueBehind = (words: readonly string[], option: OptionName): string | undefined => {
  const at = words.lastIndexOf(`--${option}`);
  return at < 0 ? undefined : words[at + 1];
};

const leftBehind = async (hostOf: HostOf): Promise<readonly Candidate[]> => {
  const host = await hostOf();
  const recovery = createRecovery({
    journalFolder: host.journalFolder,
    openLive: (pid, ticks, vcpu) => host.openLive(pid, ticks, vcpu),
    isOpen: () => false,
  });
  const left = await recovery.orphans();
  return left.ok ? left.value.map(({ id, pid, name }) => ({ word: id.slice(0, 8), says: `pid ${pid} ${name}` })) : [];
};

/** @param words those before the current one, without the verb */
const candidatesOf = async (
  kind: WordKind,
  current: string,
  words: readonly string[],
  host: HostOf,
): Promise<readonly Candidate[]> => {
  switch (kind) {
    case 'file':
      return [FILES];
    case 'state':
      return [
        FILES,
        ...(await vmms(host)).flatMap(({ pid, says, vcpus }) =>
          vcpus.map((vcpu) => ({ word: `pid:${pid}/${vcpu}`, says })),
        ),
      ];
    case 'pid':
      return (await vmms(host)).map(({ pid, says }) => ({ word: String(pid), says }));
    case 'vcpu': {
      const found = (await vmms(host)).find(({ pid }) => String(pid) === valueBehind(words, 'pid'));
      return named((found?.vcpus ?? []).map(String));
    }
    case 'preset':
      return PRESETS.map(({ name, label }) => ({ word: name, says: label }));
    case 'format':
      return (valueBehind(words, 'path') === undefined ? CAPTURE_EXPORTS : VALUE_EXPORTS).map(({ id, label }) => ({
        word: id,
        says: label,
      }));
    case 'scope':
      return listCandidates(current);
    case 'path':
      return pathCandidates(current, '');
    case 'assignment':
      return pathCandidates(current, '=');
    case 'journal':
      return named(['list', 'restore', 'forget']);
    case 'address':
      return named(GENERAL_NAMES);
    case 'instruction':
      return PRODUCTS.map(({ name, formula }) => ({ word: name, says: formula }));
    case 'syntax':
      return named(SYNTAXES);
    case 'tile':
      return named(Array.from({ length: 8 }, (_, index) => `tmm${index}`));
    case 'shell':
      return named(SHELLS);
    case 'verb':
      return VERBS.map(({ name, says }) => ({ word: name, says }));
    case 'none':
      return [];
  }
};

const optionNamed = (word: string | undefined) => OPTIONS.find(({ name }) => `--${name}` === word);

/** Which of the verb's words the current one is: options and their values do not count. */
const wordKind = (row: VerbRow, words: readonly string[]): WordKind => {
  const values = words.filter(
    (word, at) => !word.startsWith('-') && (optionNamed(words[at - 1])?.value ?? null) === null,
  );
  // With --pid no file comes first.
  const kinds =
    words.includes('--pid') && row.words.length > 1 && row.words[0] === 'file' ? row.words.slice(1) : row.words;
  return kinds[Math.min(values.length, kinds.length - 1)] ?? 'none';
};

/** @param typed the words behind the program's name; the last one is the one to complete, as far as it is typed */
export const candidates = async (typed: readonly string[], host: HostOf): Promise<readonly Candidate[]> => {
  const [verb = '', ...rest] = typed;
  const current = typed.at(-1) ?? '';
  const fits = ({ word }: Candidate): boolean => word === FILES.word || word.startsWith(current);
  if (typed.length <= 1) {
    const flags = named(['--help', '--version', '--batch']);
    const all = await candidatesOf('verb', current, [], host);
    return [...all, ...(current.startsWith('-') ? flags : [FILES])].filter(fits);
  }
  const row = verbRow(verb);
  if (row === undefined) return [];
  const before = rest.slice(0, -1);
  const option = optionNamed(before.at(-1));
  if (option !== undefined && option.value !== null) {
    return (await candidatesOf(option.kind, current, before, host)).filter(fits);
  }
  if (current.startsWith('-')) {
    return [...row.options, 'help' as const]
      .filter((name) => !before.includes(`--${name}`))
      .map((name) => ({ word: `--${name}`, says: optionRow(name).says }))
      .filter(fits);
  }
  if (row.name === 'journal' && before.length > 0 && before[0] !== 'list') return (await leftBehind(host)).filter(fits);
  return (await candidatesOf(wordKind(row, before), current, before, host)).filter(fits);
};

/** Prints what may follow the words typed, one a line, for a shell's completion. */
export const complete = async (typed: readonly string[], host: HostOf, { out }: Streams): Promise<number> => {
  for (const { word, says } of await candidates(typed, host)) out(says === '' ? `${word}\n` : `${word}\t${says}\n`);
  return 0;
};
