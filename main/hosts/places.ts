import { fileURLToPath } from 'node:url';
import { preferInstalled } from './privileges.ts';

/**
 * Where the helper lies: in the package's resources, else beside the bundles of the build; one that `setup-privileges` has installed comes first. An environment variable names
 * another, for a helper built with a sanitizer.
 *
 * @param resources Electron's resources folder where packaged, else null
 */
export const helperInside = (resources: string | null): string => {
  const named = process.env.TILESCOPE_HELPER;
  if (named !== undefined && named !== '') return named;
  return preferInstalled(ownHelper(resources));
};

/** The one that came with this Tilescope. */
export const ownHelper = (resources: string | null): string => {
  if (resources !== null) return `${resources}/bin/tilescope-helper`;
  return fileURLToPath(new URL('../native/tilescope-helper', import.meta.url));
};

/** The demo VMM lies beside the helper. */
export const demoInside = (resources: string | null): string =>
  resources === null
    ? fileURLToPath(new URL('../native/demo-vmm', import.meta.url))
    : `${resources}/bin/tilescope-demo-vmm`;
