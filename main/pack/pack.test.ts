import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { extractFile, listPackage } from '@electron/asar';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/**
 * Packs the application with a stand-in for Electron's folder, whose download needs a network: everything but Electron
 * itself is what a user gets. The build's outputs are stood in for as well where they are not there, so that this test
 * needs no build of its own.
 */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILDER = join(ROOT, 'node_modules', 'electron-builder', 'out', 'cli', 'cli.js');
const PACKED = ['electron.js', 'preload.cjs', 'web.js', 'cli.js'].map((file) => `dist/main/${file}`);

/** What @electron/fuses looks for in the binary: the sentinel, version 1, the number of fuses, and '0', '1', 'r' for each. */
const FUSE_SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
const FUSES_AS_SHIPPED = '101100011';

let folder: string;
let packed: string;
let fuses: string;

const copyOfProject = (project: string): void => {
  const put = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(join(project, path, '..'), { recursive: true });
    writeFileSync(join(project, path), text, { mode });
  };
  for (const path of [...PACKED, 'dist/renderer/index.html', 'dist/renderer/assets/index.js']) put(path, `// ${path}`);
  put('dist/native/tilescope-helper', '#!/bin/sh\n', 0o755);
  put('dist/native/obj/frame.o', 'not to be packed');
  put('node_modules/ws/package.json', '{"name":"ws","version":"8.23.0"}');
  put('app/bits/mask.ts', 'not to be packed');
  for (const file of ['tilescope.sh', 'after-install.sh', 'after-remove.sh', 'electron-builder.mjs']) {
    put(`main/pack/${file}`, readFileSync(join(ROOT, 'main/pack', file), 'utf8'), file.endsWith('.sh') ? 0o755 : 0o644);
  }
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  put('package.json', JSON.stringify({ ...manifest, dependencies: { ws: '8.23.0' } }));
  put('LICENSE', 'MIT');
  for (const part of ['main', 'renderer']) put(`dist/${part}/THIRD-PARTY.txt`, `what ${part} bundles`);
};

const standInElectron = (electron: string): void => {
  mkdirSync(join(electron, 'locales'), { recursive: true });
  mkdirSync(join(electron, 'resources'), { recursive: true });
  const wire = Buffer.from([1, FUSES_AS_SHIPPED.length]);
  const binary = Buffer.concat([
    Buffer.from(`#!/bin/sh\n# ${FUSE_SENTINEL}`),
    wire,
    Buffer.from(`${FUSES_AS_SHIPPED}\n`),
  ]);
  writeFileSync(join(electron, 'electron'), binary, { mode: 0o755 });
  for (const name of ['chrome-sandbox', 'version', 'locales/en-US.pak', 'locales/de.pak']) {
    writeFileSync(join(electron, name), '45.4.1');
  }
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-pack-'));
  const project = join(folder, 'project');
  copyOfProject(project);
  standInElectron(join(folder, 'electron'));
  const config = ['--config', 'main/pack/electron-builder.mjs', `-c.electronDist=${join(folder, 'electron')}`];
  const run = spawnSync(
    process.execPath,
    [BUILDER, ...config, '-c.electronVersion=45.4.1', '--linux', 'dir', '--x64', '--publish', 'never'],
    { cwd: project, encoding: 'utf8', env: { ...process.env, CI: 'true', NO_UPDATE_NOTIFIER: '1' } },
  );
  if (run.status !== 0) throw new Error(`electron-builder ended with ${run.status}: ${run.stdout}${run.stderr}`);
  packed = join(project, 'release', 'linux-unpacked');
  const binary = readFileSync(join(packed, 'tilescope'), 'latin1');
  const wireAt = binary.indexOf(FUSE_SENTINEL) + FUSE_SENTINEL.length + 2;
  fuses = binary.slice(wireAt, wireAt + FUSES_AS_SHIPPED.length);
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('[C40] the package', () => {
  test('app.asar holds the bundles and package.json, and nothing else', () => {
    const inside = listPackage(join(packed, 'resources', 'app.asar'), { isPack: false });
    const files = inside.map((path) => path.replace(/^\//, '')).filter((path) => /\.\w+$/.test(path));
    expect(files.sort()).toEqual(
      [...PACKED, 'dist/renderer/assets/index.js', 'dist/renderer/index.html', 'package.json'].sort(),
    );
  });

  test('its package.json names the entry', () => {
    const manifest = JSON.parse(extractFile(join(packed, 'resources', 'app.asar'), 'package.json').toString());
    expect(manifest.main).toBe('dist/main/electron.js');
    expect(PACKED).toContain(manifest.main);
  });

  test('[Q3] the licences of what is bundled lie in the package', () => {
    for (const [file, part] of [
      ['LICENSE.bundled-in-main.txt', 'main'],
      ['LICENSE.bundled-in-page.txt', 'renderer'],
    ]) {
      expect(readFileSync(join(packed, 'resources', file ?? ''), 'utf8')).toBe(`what ${part} bundles`);
    }
  });

  test('the helper lies in the resources and can be run, without a set-uid bit', () => {
    expect(statSync(join(packed, 'resources/bin/tilescope-helper')).mode & 0o7777).toBe(0o755);
    expect(statSync(join(packed, 'resources/bin/tilescope')).mode & 0o111).toBe(0o111);
  });

  test('the executable is called tilescope, and the command line finds it from its own place', () => {
    expect(statSync(join(packed, 'tilescope')).mode & 0o111).toBe(0o111);
    expect(existsSync(join(packed, 'electron'))).toBe(false);
    writeFileSync(join(packed, 'tilescope'), '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
    const say = (...words: string[]) =>
      spawnSync(join(packed, 'resources/bin/tilescope'), words, { encoding: 'utf8' }).stdout.trim();
    expect(say('list', '--json')).toBe('--no-sandbox --ozone-platform=headless list --json');
    expect(say('saved.json')).toBe('saved.json');
  });
});

describe('[C41] fuses', () => {
  test('no Node in disguise, no inspector, nothing but app.asar, no rights for file:', () => {
    // In the order of the wire: run as node, cookie encryption, NODE_OPTIONS, --inspect, asar integrity, only from asar,
    // V8 snapshot of the browser process (as shipped), rights of file:, and one more that stays as shipped.
    expect(fuses).toBe('010001001');
  });
});
