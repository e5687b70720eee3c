import { constants } from 'node:fs';
import { access, chmod, copyFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The deb and the AppImage. Everything that runs is bundled by the build, so that app.asar holds the bundles and
 * package.json and no node_modules; the helper is a program and lies beside app.asar, where it can be run.
 */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const pack = (/** @type {string} */ path) => join(ROOT, 'main', 'pack', path);

const FUSES = {
  runAsNode: false,
  // Nothing is kept in cookies; with it the desktop's keyring is opened, and asks for its password.
  enableCookieEncryption: false,
  enableNodeOptionsEnvironmentVariable: false,
  enableNodeCliInspectArguments: false,
  // Electron knows it on macOS and Windows only.
  enableEmbeddedAsarIntegrityValidation: false,
  onlyLoadAppFromAsar: true,
  grantFileProtocolExtraPrivileges: false,
};

/** A package whose helper cannot be run shows it only on the user's machine: it is checked here. @param {string} folder */
const checkHelper = async (folder) => {
  const helper = join(folder, 'resources', 'bin', 'tilescope-helper');
  await access(helper, constants.X_OK);
  const { mode } = await stat(helper);
  // No set-uid bit ever: privilege is the user's to give, with setcap.
  if ((mode & 0o6111) !== 0o111) throw new Error(`${helper} has mode ${(mode & 0o7777).toString(8)}`);
};

/**
 * Electron's binary makes room for the script that knows verbs, displays and sandboxes: whatever starts the package starts
 * that. Its fuses are set first, while it has the name that electron-builder knows.
 * @param {any} context
 */
const afterPack = async (context) => {
  const { appOutDir, packager } = context;
  await checkHelper(appOutDir);
  await packager.addElectronFuses(context, await packager.generateFuseConfig(FUSES));
  const command = join(appOutDir, packager.executableName);
  await rename(command, join(appOutDir, 'tilescope-app'));
  await copyFile(pack('launcher.sh'), command);
  await chmod(command, 0o755);
};

/** What Debian's Electron applications link with, or load: the union of `ldd` on the binary and what it opens by name. */
const DEPENDS = [
  'libasound2 | libasound2t64',
  'libatk-bridge2.0-0 | libatk-bridge2.0-0t64',
  'libatk1.0-0 | libatk1.0-0t64',
  'libatspi2.0-0 | libatspi2.0-0t64',
  'libc6 (>= 2.34)',
  'libcairo2',
  'libcups2 | libcups2t64',
  'libdbus-1-3',
  'libdrm2',
  'libexpat1',
  'libgbm1',
  'libgcc-s1',
  'libglib2.0-0 | libglib2.0-0t64',
  'libgtk-3-0 | libgtk-3-0t64',
  'libnotify4',
  'libnspr4',
  'libnss3',
  'libpango-1.0-0',
  'libudev1',
  'libx11-6',
  'libxcb1',
  'libxcomposite1',
  'libxdamage1',
  'libxext6',
  'libxfixes3',
  'libxkbcommon0',
  'libxrandr2',
  'xdg-utils',
];

/** @param {string} from @param {string} to @returns {string} as fpm takes a file of the package */
const installed = (from, to) => `${from}=${to}`;
const shared = (/** @type {string} */ path) => join(ROOT, 'dist', 'share', path);
const mimeIcon = (/** @type {string} */ kind) =>
  installed(
    pack('document.svg'),
    `/usr/share/icons/hicolor/scalable/mimetypes/application-vnd.tilescope.${kind}+json.svg`,
  );

const ENTRY = {
  Name: 'Tilescope',
  GenericName: 'KVM State Debugger',
  Keywords: 'KVM;XSAVE;AMX;AVX;QEMU;debugger;',
};

export default {
  appId: 'io.github.tilescope',
  productName: 'Tilescope',
  copyright: 'MIT licence',
  directories: { output: 'release', buildResources: 'main/pack' },
  files: ['dist/main/**', 'dist/renderer/**', 'package.json', '!node_modules/**'],
  asar: true,
  npmRebuild: false,
  nodeGypRebuild: false,
  buildDependenciesFromSource: false,
  publish: null,
  extraResources: [
    { from: 'dist/static/tilescope-helper', to: 'bin/tilescope-helper' },
    { from: 'dist/static/demo-vmm', to: 'bin/tilescope-demo-vmm' },
    { from: 'LICENSE', to: 'LICENSE.Tilescope' },
    { from: 'dist/main/THIRD-PARTY.txt', to: 'LICENSE.bundled-in-main.txt' },
    { from: 'dist/renderer/THIRD-PARTY.txt', to: 'LICENSE.bundled-in-page.txt' },
  ],
  afterPack,
  electronLanguages: ['en-US'],
  // Its runtime needs no libfuse2, which distributions no longer install.
  toolsets: { appimage: '1.0.3' },
  linux: {
    target: ['deb', 'AppImage'],
    executableName: 'tilescope',
    syncDesktopName: true,
    icon: 'main/pack/icons',
    category: 'Development;Debugger',
    synopsis: 'Debugger for the extended processor state of KVM guests',
    maintainer: 'Tilescope <maintainers@tilescope.example>',
    mimeTypes: ['application/vnd.tilescope.capture+json', 'application/vnd.tilescope.session+json'],
    desktop: { entry: ENTRY },
  },
  deb: {
    depends: DEPENDS,
    recommends: ['shared-mime-info', 'desktop-file-utils'],
    desktop: {
      entry: { ...ENTRY, Actions: 'page;' },
      desktopActions: { page: { Name: 'Open in the browser', Exec: '/opt/Tilescope/tilescope --web' } },
    },
    // One file a window: a file manager starts it once for each.
    executableArgs: ['%u'],
    afterInstall: 'main/pack/after-install.sh',
    afterRemove: 'main/pack/after-remove.sh',
    appArmorProfile: 'main/pack/apparmor.tpl',
    fpm: [
      installed(pack('tilescope.metainfo.xml'), '/usr/share/metainfo/io.github.tilescope.metainfo.xml'),
      installed(pack('tilescope.mime.xml'), '/usr/share/mime/packages/tilescope.xml'),
      mimeIcon('capture'),
      mimeIcon('session'),
      installed(join(ROOT, 'dist', 'tilescope.1.gz'), '/usr/share/man/man1/tilescope.1.gz'),
      installed(shared('bash-completion/completions/tilescope'), '/usr/share/bash-completion/completions/tilescope'),
      installed(shared('zsh/vendor-completions/_tilescope'), '/usr/share/zsh/vendor-completions/_tilescope'),
      installed(
        shared('fish/vendor_completions.d/tilescope.fish'),
        '/usr/share/fish/vendor_completions.d/tilescope.fish',
      ),
      installed(join(ROOT, 'LICENSE'), '/usr/share/doc/tilescope/copyright'),
    ],
  },
};
