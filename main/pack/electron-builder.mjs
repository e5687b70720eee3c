import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The deb and the AppImage. Everything that runs is bundled by the build, so that app.asar holds the bundles and
 * package.json and no node_modules; the helper is a program and lies beside app.asar, where it can be run.
 */

/** A package whose helper cannot be run shows it only on the user's machine: it is checked here. */
const checkHelper = async (/** @type {{ appOutDir: string }} */ { appOutDir }) => {
  const helper = join(appOutDir, 'resources', 'bin', 'tilescope-helper');
  await access(helper, constants.X_OK);
  const { mode } = await stat(helper);
  // No set-uid bit ever: privilege is the user's to give, with setcap.
  if ((mode & 0o6111) !== 0o111) throw new Error(`${helper} has mode ${(mode & 0o7777).toString(8)}`);
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
    { from: 'dist/native/tilescope-helper', to: 'bin/tilescope-helper' },
    { from: 'dist/native/demo-vmm', to: 'bin/tilescope-demo-vmm' },
    { from: 'main/pack/tilescope.sh', to: 'bin/tilescope' },
    { from: 'LICENSE', to: 'LICENSE.Tilescope' },
    { from: 'dist/main/THIRD-PARTY.txt', to: 'LICENSE.bundled-in-main.txt' },
    { from: 'dist/renderer/THIRD-PARTY.txt', to: 'LICENSE.bundled-in-page.txt' },
  ],
  afterPack: checkHelper,
  electronLanguages: ['en-US'],
  electronFuses: {
    runAsNode: false,
    enableCookieEncryption: true,
    enableNodeOptionsEnvironmentVariable: false,
    enableNodeCliInspectArguments: false,
    // Electron knows it on macOS and Windows only.
    enableEmbeddedAsarIntegrityValidation: false,
    onlyLoadAppFromAsar: true,
    grantFileProtocolExtraPrivileges: false,
  },
  linux: {
    target: ['deb', 'AppImage'],
    executableName: 'tilescope',
    syncDesktopName: true,
    category: 'Development',
    synopsis: 'Debugger for the extended processor state of KVM guests',
    maintainer: 'Tilescope <maintainers@tilescope.example>',
    desktop: { entry: { Name: 'Tilescope', StartupWMClass: 'Tilescope' } },
  },
  deb: { afterInstall: 'main/pack/after-install.sh', afterRemove: 'main/pack/after-remove.sh' },
};
