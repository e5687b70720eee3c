import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where `setup-privileges` puts the helper. */
export const INSTALLED_FOLDER = '/usr/local/libexec/tilescope';
export const INSTALLED_HELPER = `${INSTALLED_FOLDER}/tilescope-helper`;

/** Where programs lie in a package: beside app.asar, for nothing can be run from inside of it. */
const packaged = (name: string): string | null => {
  // Electron's alone; in a clone it is the folder of Electron's own files.
  const { resourcesPath } = process as { resourcesPath?: string };
  const path = `${resourcesPath}/bin/${name}`;
  return resourcesPath !== undefined && existsSync(path) ? path : null;
};

/**
 * The installed helper where this user may run it and it is the same program as ours, else ours. Root needs no other, and one
 * of another version would only refuse to talk.
 */
const preferInstalled = (own: string): string => {
  try {
    if (process.geteuid?.() === 0) return own;
    accessSync(INSTALLED_HELPER, constants.X_OK);
    return readFileSync(INSTALLED_HELPER).equals(readFileSync(own)) ? INSTALLED_HELPER : own;
  } catch {
    return own;
  }
};

/**
 * Where the helper lies: in the package, else beside the bundles of the build; one that `setup-privileges` has installed comes
 * first. An environment variable names another, for a helper built with a sanitizer.
 */
export const helperInside = (): string => {
  const named = process.env.TILESCOPE_HELPER;
  return named !== undefined && named !== '' ? named : preferInstalled(ownHelper());
};

/** The one that came with this Tilescope. */
export const ownHelper = (): string =>
  packaged('tilescope-helper') ?? fileURLToPath(new URL('../native/tilescope-helper', import.meta.url));

/** The reader of files lies beside the bundles of the hosts, in the package too. */
export const decoderInside = (): URL => new URL('./decode-worker.js', import.meta.url);

/** The demo VMM lies beside the helper. */
export const demoInside = (): string =>
  packaged('tilescope-demo-vmm') ?? fileURLToPath(new URL('../native/demo-vmm', import.meta.url));
