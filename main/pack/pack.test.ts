import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { extractFile, listPackage } from '@electron/asar';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLI_VERBS } from '../hosts/cli/verbs.ts';
import { PRODUCT_VERSION } from '../product.ts';
import { dpkgRound, whyNoThrowaway } from '../testing/dpkg-round.ts';
import { APPIMAGE_RUNTIME, fakeAppImageTools } from '../testing/fake-appimage-tools.ts';
import { copyOfProject, FUSE_SENTINEL, FUSES_AS_SHIPPED, PACKED, standInElectron } from '../testing/packed-project.ts';

/**
 * Packs the application with a stand-in for Electron's folder, whose download needs a network: everything but Electron
 * itself is what a user gets. The build's outputs are stood in for as well where they are not there, so that this test
 * needs no build of its own.
 */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILDER = join(ROOT, 'node_modules', 'electron-builder', 'out', 'cli', 'cli.js');

let folder: string;
let packed: string;
let fuses: string;
/** What fpm was asked to put into the deb, and the files themselves. */
let asked: {
  readonly options: Readonly<Record<string, readonly string[]>>;
  readonly files: readonly { readonly to: string }[];
  readonly scripts: { readonly postinst: string; readonly postrm: string };
};
const inDeb = (path: string): string => join(folder, 'fpm', 'files', path);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-pack-'));
  const project = join(folder, 'project');
  mkdirSync(join(folder, 'fpm'));
  copyOfProject(project);
  standInElectron(join(folder, 'electron'));
  fakeAppImageTools(join(folder, 'appimage-tools'), join(folder, 'appimage'));
  const config = ['--config', 'main/pack/electron-builder.mjs', `-c.electronDist=${join(folder, 'electron')}`];
  const run = spawnSync(
    process.execPath,
    [BUILDER, ...config, '-c.electronVersion=45.4.1', '--linux', 'deb', 'AppImage', '--x64', '--publish', 'never'],
    {
      cwd: project,
      encoding: 'utf8',
      env: {
        ...process.env,
        CI: 'true',
        NO_UPDATE_NOTIFIER: '1',
        CUSTOM_FPM_PATH: join(ROOT, 'main/testing/fake-fpm.mjs'),
        FAKE_FPM_OUT: join(folder, 'fpm'),
        APPIMAGE_TOOLS_PATH: join(folder, 'appimage-tools'),
      },
    },
  );
  if (run.status !== 0) throw new Error(`electron-builder ended with ${run.status}: ${run.stdout}${run.stderr}`);
  packed = join(project, 'release', 'linux-unpacked');
  asked = JSON.parse(readFileSync(join(folder, 'fpm', 'asked.json'), 'utf8'));
  const binary = readFileSync(join(packed, 'tilescope-app'), 'latin1');
  const wireAt = binary.indexOf(FUSE_SENTINEL) + FUSE_SENTINEL.length + 2;
  fuses = binary.slice(wireAt, wireAt + FUSES_AS_SHIPPED.length);
});

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

  test('[Q7] the licences of what is bundled lie in the package', () => {
    for (const [file, part] of [
      ['LICENSE.bundled-in-main.txt', 'main'],
      ['LICENSE.bundled-in-page.txt', 'renderer'],
    ]) {
      expect(readFileSync(join(packed, 'resources', file ?? ''), 'utf8')).toBe(`what ${part} bundles`);
    }
  });

  test('the helper lies in the resources and can be run, without a set-uid bit', () => {
    expect(statSync(join(packed, 'resources/bin/tilescope-helper')).mode & 0o7777).toBe(0o755);
    expect(statSync(join(packed, 'resources/bin/tilescope-demo-vmm')).mode & 0o111).toBe(0o111);
  });
});

describe('[C41] fuses', () => {
  test('no Node in disguise, no inspector, nothing but app.asar, no rights for file:, no keyring', () => {
    // In the order of the wire: run as node, cookie encryption, NODE_OPTIONS, --inspect, asar integrity, only from asar,
    // V8 snapshot of the browser process (as shipped), rights of file:, and one more that stays as shipped.
    expect(fuses).toBe('000001001');
  });
});

describe('[C57] the command', () => {
  const HEADLESS = '--no-sandbox --ozone-platform=headless --disable-gpu';
  let bin: string;
  beforeAll(() => {
    bin = join(folder, 'bin');
    mkdirSync(bin);
    writeFileSync(join(packed, 'tilescope-app'), '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
  });
  /** A program on PATH that answers with a word and ends with a code. */
  const program = (name: string, word: string, code = 0): void =>
    writeFileSync(join(bin, name), `#!/bin/sh\necho ${word}\nexit ${code}\n`, { mode: 0o755 });
  const run = (words: readonly string[], env: Record<string, string> = {}) => {
    const PATH = `${bin}:${process.env.PATH}`;
    const { stdout, stderr } = spawnSync(join(packed, 'tilescope'), words, { encoding: 'utf8', env: { PATH, ...env } });
    return { out: stdout.trim(), err: stderr };
  };
  const SCREEN = { DISPLAY: ':0' };
  const asUser = (): void => {
    program('id', '1000');
    program('unshare', '', 0);
  };

  test('every verb goes to the command line, behind --, whatever AppRun puts before it', () => {
    for (const verb of CLI_VERBS) {
      expect(run([verb, '--json', 'pid:1/0', '--x']).out, verb).toBe(`${HEADLESS} -- ${verb} --json pid:1/0 --x`);
      expect(run(['--no-sandbox', verb, '--json']).out, verb).toBe(`${HEADLESS} -- ${verb} --json`);
    }
  });

  test('the window where there is one to be had', () => {
    asUser();
    expect(run(['saved file.json', '--ozone-platform=wayland'], SCREEN).out).toBe(
      'saved file.json --ozone-platform=wayland',
    );
    expect(run([], { WAYLAND_DISPLAY: 'wayland-0' }).out).toBe('');
  });

  test('--web is the page, for root as well, and needs no display', () => {
    asUser();
    expect(run(['--web', '--port', '8080'], SCREEN).out).toBe(`${HEADLESS} --web --port 8080`);
    program('id', '0');
    expect(run(['--web']).out).toBe(`${HEADLESS} --web`);
  });

  test('where the window cannot come up, the page is served, and why is said', () => {
    asUser();
    expect(run(['a.json'])).toEqual({
      out: `${HEADLESS} --web a.json`,
      err: expect.stringContaining('there is no display'),
    });
    program('id', '0');
    expect(run(['a.json'], SCREEN)).toEqual({
      out: `${HEADLESS} --web a.json`,
      err: expect.stringContaining('does not run as root'),
    });
    expect(run(['--no-sandbox', 'a.json'], SCREEN).out).toBe('--no-sandbox a.json');
  });

  test('without user namespaces the remedies are named; a set-uid sandbox is one', () => {
    asUser();
    program('unshare', '', 1);
    const { out, err } = run([], SCREEN);
    expect(out).toBe(`${HEADLESS} --web`);
    expect(err).toContain(`sudo chmod 4755 '${join(packed, 'chrome-sandbox')}'`);
    chmodSync(join(packed, 'chrome-sandbox'), 0o4755);
    expect(run([], SCREEN).out).toBe('');
    chmodSync(join(packed, 'chrome-sandbox'), 0o755);
  });
});

describe('[C58] the deb', () => {
  test('depends on what Electron links with, under the names of every release that has it', () => {
    const depends = asked.options['-d'] ?? [];
    for (const name of [
      'libgbm1',
      'libasound2 | libasound2t64',
      'libnss3',
      'libgtk-3-0 | libgtk-3-0t64',
      'libcups2 | libcups2t64',
    ]) {
      expect(depends).toContain(name);
    }
    expect(asked.options['--name']).toEqual(['tilescope']);
    expect(asked.options['--version']).toEqual([PRODUCT_VERSION]);
  });

  test('puts manual, completions, metadata, types and icons where they are looked for', () => {
    const to = asked.files.map((file) => file.to);
    expect(to).toEqual(
      expect.arrayContaining([
        '/usr/share/man/man1/tilescope.1.gz',
        '/usr/share/bash-completion/completions/tilescope',
        '/usr/share/zsh/vendor-completions/_tilescope',
        '/usr/share/fish/vendor_completions.d/tilescope.fish',
        '/usr/share/metainfo/io.github.tilescope.metainfo.xml',
        '/usr/share/mime/packages/tilescope.xml',
        '/usr/share/applications/tilescope.desktop',
        ...[16, 24, 32, 48, 64, 128, 256, 512].map(
          (size) => `/usr/share/icons/hicolor/${size}x${size}/apps/tilescope.png`,
        ),
        ...['capture', 'session'].map(
          (kind) => `/usr/share/icons/hicolor/scalable/mimetypes/application-vnd.tilescope.${kind}+json.svg`,
        ),
      ]),
    );
    // Of its own: another program's icon says that nobody looked.
    for (const name of readdirSync(join(ROOT, 'main/pack/icons'))) {
      const size = Number(name.split('x')[0]);
      const png = readFileSync(join(ROOT, 'main/pack/icons', name));
      expect([png.readUInt32BE(16), png.readUInt32BE(20)], name).toEqual([size, size]);
    }
  });

  test('its entry opens one file or address, and is the running window’s', () => {
    const entry = readFileSync(inDeb('/usr/share/applications/tilescope.desktop'), 'utf8');
    expect(entry).toMatch(/^Exec=\/opt\/Tilescope\/tilescope %u$/m);
    expect(entry).toMatch(/^StartupWMClass=tilescope$/m);
    expect(entry).toMatch(
      /^MimeType=application\/vnd\.tilescope\.capture\+json;application\/vnd\.tilescope\.session\+json;$/m,
    );
    expect(entry).toContain('[Desktop Action page]');
    const { desktopName } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(desktopName).toBe('tilescope.desktop');
  });

  test('the AppImage’s runtime needs no libfuse2', async () => {
    const { default: config } = await import('./electron-builder.mjs');
    expect(config.toolsets.appimage).toMatch(/^1\./);
  });

  test('after the install it asks for a namespace as a user, and after the removal nothing is left', () => {
    const { postinst, postrm } = asked.scripts;
    expect(postinst).toMatch(/setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Ur true/);
    expect(postinst).toContain("app='/opt/Tilescope'");
    expect(postinst).toContain('ln -sf "$app/tilescope" /usr/bin/tilescope');
    expect(postrm).toMatch(/apparmor_parser --remove "\$profile"/);
    expect(postrm).toMatch(/rm -f "\$profile"/);
    const profile = readFileSync(join(packed, 'resources/apparmor-profile'), 'utf8');
    expect(profile).toContain('profile "tilescope" "/opt/Tilescope/tilescope-app" flags=(unconfined)');
  });
});

describe('[C58] installed, upgraded, and removed by dpkg', () => {
  const DEB = `project/release/tilescope_${PRODUCT_VERSION}_amd64.deb`;
  const why = whyNoThrowaway();
  if (why !== null) console.log(`not run: the deb is installed and removed: ${why}`);
  const ran = (appArmor: boolean): string[] => {
    const { status, said, lines } = dpkgRound(folder, DEB, appArmor);
    expect(status, said).toBe(0);
    return lines;
  };

  test.skipIf(why !== null)('the command, the manual and the sandbox’s mode are there, and nothing is left', () => {
    const [namespaces, ...told] = ran(false);
    const mode = namespaces === 'namespaces=yes' ? '755' : '4755';
    expect(told).toEqual([
      `installed /opt/Tilescope/tilescope ${mode} no-profile`,
      '/usr/share/man/man1/tilescope.1.gz',
      `upgraded /opt/Tilescope/tilescope ${mode} no-profile`,
      'removed no-link no-sandbox no-profile',
    ]);
  });

  test.skipIf(why !== null)(
    'where AppArmor rules, a profile comes with it and goes with it, out of the kernel too',
    () => {
      const [, ...told] = ran(true);
      expect(told.slice(0, 4)).toEqual([
        'installed /opt/Tilescope/tilescope 755 profile',
        '/usr/share/man/man1/tilescope.1.gz',
        'upgraded /opt/Tilescope/tilescope 755 profile',
        'removed no-link no-sandbox no-profile',
      ]);
      const asked = told.slice(4).filter((line) => line.startsWith('apparmor_parser'));
      expect(asked).toContain('apparmor_parser --replace --write-cache --skip-read-cache /etc/apparmor.d/tilescope');
      expect(asked.at(-1)).toBe('apparmor_parser --remove /etc/apparmor.d/tilescope');
      expect(told.slice(4).every((line) => line.startsWith('apparmor_'))).toBe(true);
    },
  );
});

describe('[C58] the AppImage', () => {
  const inside = (path: string): string => join(folder, 'appimage', 'AppDir', path);

  test('is a static runtime, which needs no libfuse2, and the application behind it', () => {
    const image = join(packed, '..', `Tilescope-${PRODUCT_VERSION}.AppImage`);
    expect(statSync(image).mode & 0o777).toBe(0o755);
    expect(readFileSync(image, 'latin1').startsWith(APPIMAGE_RUNTIME)).toBe(true);
    expect(statSync(inside('resources/bin/tilescope-helper')).mode & 0o7777).toBe(0o755);
    expect(statSync(inside('resources/app.asar')).isFile()).toBe(true);
  });

  test('hands words and exit code of the command line on, whatever it thinks of the sandbox', () => {
    writeFileSync(inside('tilescope-app'), '#!/bin/sh\necho "$@"\nexit 7\n', { mode: 0o755 });
    const run = (...words: string[]) => spawnSync(inside('AppRun'), words, { encoding: 'utf8' });
    expect(run('check', 'a file.json', '--preset', 'spr')).toMatchObject({
      status: 7,
      stdout: '--no-sandbox --ozone-platform=headless --disable-gpu -- check a file.json --preset spr\n',
    });
    expect(run('--web').stdout).toBe('--no-sandbox --ozone-platform=headless --disable-gpu --web\n');
  });

  test('its entry is that of the running window, with its types', () => {
    const entry = readFileSync(inside('tilescope.desktop'), 'utf8');
    expect(entry).toMatch(/^Exec=AppRun .*%[uU]$/m);
    expect(entry).toMatch(/^StartupWMClass=tilescope$/m);
    expect(entry).toContain('application/vnd.tilescope.session+json;');
    expect(statSync(inside('.DirIcon')).size).toBeGreaterThan(0);
  });
});

/** Programs of Debian's that judge what is shipped; where one is missing it is said by name. */
const judged = (program: string, ...args: string[]): void => {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  expect(status, `${program} ${args.join(' ')}\n${stdout}${stderr}`).toBe(0);
};
const missing = (program: string): boolean => spawnSync(program, ['--version']).error !== undefined;
const judge = (program: string, what: string, work: () => void): void => {
  const absent = missing(program);
  if (absent) console.log(`not run: ${what}: ${program} is not installed`);
  test.skipIf(absent)(`${program}: ${what}`, work);
};

describe('[C58] judged by others', () => {
  judge('desktop-file-validate', 'the desktop entry', () =>
    judged('desktop-file-validate', '--warn-kde', inDeb('/usr/share/applications/tilescope.desktop')),
  );
  judge('appstreamcli', 'the metadata', () =>
    judged('appstreamcli', 'validate', '--no-net', inDeb('/usr/share/metainfo/io.github.tilescope.metainfo.xml')),
  );
  judge('shellcheck', 'every script as it is installed', () => {
    const scripts = Object.entries(asked.scripts).map(([name, text]) => {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    });
    judged('shellcheck', join(packed, 'tilescope'), ...scripts);
  });
  // Electron's applications are in /opt, and it is fpm that writes the changelog.
  judge('lintian', 'the deb', () =>
    judged(
      'lintian',
      '--suppress-tags',
      'dir-or-file-in-opt,no-changelog',
      '--fail-on',
      'error,warning',
      join(packed, '..', `tilescope_${PRODUCT_VERSION}_amd64.deb`),
    ),
  );
  judge('xmllint', 'the types and the icons', () =>
    judged('xmllint', '--noout', join(ROOT, 'main/pack/tilescope.mime.xml'), join(ROOT, 'main/pack/document.svg')),
  );
});
