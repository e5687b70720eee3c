import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RefusalContext } from '../../app/refusals/helper-reasons.ts';

/** Of the clone, or of the package of npm, that this runs in; of a deb's app.asar. The bundles lie as deep as this file. */
const OWN_FOLDER = fileURLToPath(new URL('../..', import.meta.url));

/** A clone has no `tilescope` in PATH, and what npm has installed for a user root's PATH does not know, nor perhaps Node. */
const asRoot = (folder: string): string => {
  const has = (name: string): boolean => existsSync(join(folder, 'main', name));
  if (has('bootstrap.mjs')) return 'sudo npm run -s cli --';
  return has('tilescope.mjs') ? 'sudo env "PATH=$PATH" tilescope' : 'sudo tilescope';
};

/**
 * How this Tilescope is called by who would give its helper a privilege. The variables of an AppImage are inherited by whatever
 * is started from one, a terminal too: they count where the helper lies in its mount.
 */
export const refusalContext = (
  helperPath: string,
  environment: NodeJS.ProcessEnv = process.env,
  folder = OWN_FOLDER,
): RefusalContext => {
  const { APPDIR, APPIMAGE } = environment;
  const isInside = APPDIR !== undefined && APPDIR !== '' && helperPath.startsWith(`${APPDIR.replace(/\/+$/, '')}/`);
  return { helperPath, appImage: isInside && APPIMAGE ? APPIMAGE : undefined, asRoot: asRoot(folder) };
};
