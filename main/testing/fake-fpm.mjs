#!/usr/bin/env node
/**
 * Plays fpm, whose download needs a network: writes down what it was asked, keeps the files that are gone afterwards, and
 * builds the package with dpkg-deb where that is there.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const args = process.argv.slice(2);
const out = process.env.FAKE_FPM_OUT ?? '';
/** @type {Record<string, string[]>} */
const options = {};
/** @type {{ from: string, to: string }[]} */
const files = [];
for (let at = 0; at < args.length; at += 1) {
  const word = args[at] ?? '';
  if (word === '--force') continue;
  if (word.startsWith('-')) {
    at += 1;
    options[word] = [...(options[word] ?? []), args[at] ?? ''];
  } else {
    const [from = '', to = ''] = word.split('=');
    files.push({ from, to });
  }
}
const one = (/** @type {string} */ name) => options[name]?.[0] ?? '';

const root = mkdtempSync(join(tmpdir(), 'fake-fpm-'));
for (const { from, to } of files) {
  mkdirSync(dirname(join(root, to)), { recursive: true });
  cpSync(from, join(root, to), { recursive: true });
  if (statSync(from).isFile()) cpSync(from, join(out, 'files', to), { recursive: true });
}
const scripts = {
  postinst: readFileSync(one('--after-install'), 'utf8'),
  postrm: readFileSync(one('--after-remove'), 'utf8'),
};
mkdirSync(join(root, 'DEBIAN'));
for (const [name, text] of Object.entries(scripts)) writeFileSync(join(root, 'DEBIAN', name), text, { mode: 0o755 });
const description = one('--description').split('\n');
writeFileSync(
  join(root, 'DEBIAN', 'control'),
  [
    `Package: ${one('--name')}`,
    `Version: ${one('--version')}`,
    `Architecture: ${one('--architecture')}`,
    `Maintainer: ${one('--maintainer')}`,
    `Depends: ${(options['-d'] ?? []).join(', ')}`,
    `Recommends: ${(options['--deb-recommends'] ?? []).join(', ')}`,
    `Section: devel`,
    `Priority: ${one('--deb-priority')}`,
    `Homepage: ${one('--url')}`,
    `Description: ${description[0]}`,
    ...description.slice(1).map((line) => (line.trim() === '' ? ' .' : ` ${line.trim()}`)),
    '',
  ].join('\n'),
);
const built = spawnSync('dpkg-deb', ['--root-owner-group', '--build', root, one('--package')], {
  stdio: ['ignore', 'ignore', 2],
});
rmSync(root, { recursive: true, force: true });
writeFileSync(join(out, 'asked.json'), JSON.stringify({ options, files, scripts }));
if (built.error !== undefined) writeFileSync(one('--package'), '');
else process.exitCode = built.status ?? 1;
