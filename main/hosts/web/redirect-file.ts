import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeWhole } from '../../io/files.ts';

/**
 * The way from a browser's command line to the page: every user of the machine can read a command line, so that the secret
 * does not stand in it but in a file for its owner alone, which sends the browser on.
 */
export interface RedirectFile {
  readonly url: string;
  /** Once it has been used, or is not needed any more. */
  remove(): Promise<void>;
}

const page = (url: string): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url=${url}">
<title>Tilescope</title>
</head>
<body><a href="${url}">Tilescope</a></body>
</html>
`;

/** The folder of this user's session, where there is one: cleared with it, and readable by nobody else. */
const place = (): string => {
  const named = process.env.XDG_RUNTIME_DIR;
  return named?.startsWith('/') && existsSync(named) ? named : tmpdir();
};

/**
 * A page, readable by the user alone, that leads to the address, so that its token stands in no process's arguments.
 */
export const writeRedirect = async (url: string): Promise<RedirectFile> => {
  const folder = await mkdtemp(join(place(), 'tilescope-'));
  const path = join(folder, 'open.html');
  await writeWhole(path, new TextEncoder().encode(page(url)));
  return {
    url: pathToFileURL(path).href,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};
