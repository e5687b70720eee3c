import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the runtime of the AppImage begins with. */
export const APPIMAGE_RUNTIME = 'a static runtime';

/**
 * Plays the tools that make an AppImage, whose download needs a network, in the layout of the tool sets with a static runtime;
 * mksquashfs keeps the folder that it is to pack, as OUT/AppDir.
 */
export const fakeAppImageTools = (folder: string, out: string): void => {
  for (const path of ['runtimes', 'lib/x64']) mkdirSync(join(folder, path), { recursive: true });
  mkdirSync(out, { recursive: true });
  writeFileSync(join(folder, 'runtimes/runtime-x64'), APPIMAGE_RUNTIME);
  const keep = `#!/bin/sh\nset -e\ncp -a "$1" '${out}/AppDir'\nhead -c 65536 /dev/zero >"$2"\n`;
  writeFileSync(join(folder, 'mksquashfs'), keep);
  writeFileSync(join(folder, 'desktop-file-validate'), '#!/bin/sh\n');
  for (const name of ['mksquashfs', 'desktop-file-validate']) chmodSync(join(folder, name), 0o755);
};
