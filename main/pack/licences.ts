import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

/**
 * Bundling takes packages apart, and their licences ask to go with them: beside each bundle lie THIRD-PARTY.txt, with the
 * text of every licence, and third-party.json, which the bill of materials is made from.
 */
interface ThirdParty {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly text: string;
}

type Person = string | { readonly name?: string };

interface Manifest {
  readonly version: string;
  readonly license?: string;
  readonly main?: string;
  readonly author?: Person;
  readonly contributors?: readonly Person[];
}

const PACKAGE = /^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//;
const LICENCE_FILE = /^(licen[cs]e|copying)(\.(txt|md))?$/i;

const packageOf = (moduleId: string): { folder: string; name: string } | null => {
  const [, folder, name] = PACKAGE.exec(moduleId.replaceAll('\\', '/').replace(/^\0/, '')) ?? [];
  return folder === undefined || name === undefined ? null : { folder, name };
};

const MIT = readFileSync(join(import.meta.dirname, '../../LICENSE'), 'utf8')
  .replace(/^[\s\S]*?(?=Permission is)/, '')
  .trim();

/**
 * A package may say MIT and bring no file of it: its authors are then those of its manifest and of the notice at the head of
 * its code, which names what it holds of others, and the terms are MIT's, as in our own LICENSE.
 */
const termsWithoutFile = (folder: string, { license, main, author, contributors = [] }: Manifest): string | null => {
  if (license !== 'MIT' || main === undefined) return null;
  const [, notice] = /^\/\*!([\s\S]*?)\*\//.exec(readFileSync(join(folder, main), 'utf8')) ?? [];
  const people = [author, ...contributors].flatMap((one) => (typeof one === 'string' ? one : (one?.name ?? [])));
  if (notice === undefined || people.length === 0) return null;
  return `Copyright (c) ${people.join(', ')}\n${notice.replaceAll(/^ \* ?/gm, '').trimEnd()}\n\n${MIT}`;
};

const thirdParty = (folder: string, name: string): ThirdParty => {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  const { version, license } = manifest;
  const file = readdirSync(folder).find((one) => LICENCE_FILE.test(one));
  const text =
    file === undefined ? termsWithoutFile(folder, manifest) : readFileSync(join(folder, file), 'utf8').trim();
  if (text === null || license === undefined) throw new Error(`${name} is bundled and says no licence`);
  return { name, version, licence: license, text };
};

/** The fonts' licences lie beside them as OFL-NAME.txt. */
const fontsOf = (folder: string): readonly ThirdParty[] =>
  readdirSync(folder)
    .filter((file) => /^OFL-\w+\.txt$/.test(file))
    .map((file) => ({
      name: file.slice('OFL-'.length, -'.txt'.length),
      version: '',
      licence: 'OFL-1.1',
      text: readFileSync(join(folder, file), 'utf8').trim(),
    }));

const textOf = ({ name, version, licence, text }: ThirdParty): string =>
  `${name}${version === '' ? '' : ` ${version}`} (${licence})\n\n${text}\n`;

/** @param fonts the folder whose fonts are bundled too; null: none are */
export const licences = (fonts: string | null): Plugin => ({
  name: 'licences',
  generateBundle(_options, bundle) {
    const found = new Map<string, ThirdParty>();
    for (const output of Object.values(bundle)) {
      if (output.type !== 'chunk') continue;
      for (const id of output.moduleIds) {
        const one = packageOf(id);
        if (one !== null && !found.has(one.folder)) found.set(one.folder, thirdParty(one.folder, one.name));
      }
    }
    const all = [...found.values(), ...(fonts === null ? [] : fontsOf(fonts))].sort((a, b) =>
      a.name < b.name ? -1 : a.name > b.name ? 1 : 0,
    );
    const listed = all.map(({ name, version, licence }) => ({ name, version, licence }));
    const line = `${'-'.repeat(72)}\n\n`;
    const head = 'What is bundled here that others made, and under which terms.\n\n';
    this.emitFile({
      type: 'asset',
      fileName: 'THIRD-PARTY.txt',
      source: head + all.map((one) => line + textOf(one)).join('\n'),
    });
    this.emitFile({ type: 'asset', fileName: 'third-party.json', source: `${JSON.stringify(listed, null, 2)}\n` });
  },
});
