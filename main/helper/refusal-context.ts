import type { RefusalContext } from '../../app/refusals/helper-refusal.ts';

/**
 * How this Tilescope is called by who would give its helper a privilege. The variables of an AppImage are inherited by whatever
 * is started from one, a terminal too: they count where the helper lies in its mount.
 */
export const refusalContext = (helperPath: string, environment: NodeJS.ProcessEnv = process.env): RefusalContext => {
  const { APPDIR, APPIMAGE } = environment;
  const isInside = APPDIR !== undefined && APPDIR !== '' && helperPath.startsWith(`${APPDIR.replace(/\/+$/, '')}/`);
  return { helperPath, appImage: isInside && APPIMAGE ? APPIMAGE : undefined };
};
