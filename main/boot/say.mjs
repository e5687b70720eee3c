import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const DIST = join(ROOT, 'dist');

const LEAST_NODE = [20, 19];

/** Something the person at the keyboard can fix: shown as a sentence, without a stack. */
class Fault extends Error {}

/** @param {string} message @returns {never} */
export const fail = (message) => {
  throw new Fault(message);
};

/** @param {unknown} error @returns {error is Fault} */
export const isFault = (error) => error instanceof Fault;

/** @param {string} text */
export const explain = (text) => {
  process.stderr.write(`Tilescope: ${text}\n`);
};

/** Node's own version is the one thing that cannot be installed from here. */
export const requireNode = () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = LEAST_NODE;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  explain(
    `Node ${LEAST_NODE.join('.')} or newer is needed, and this is ${process.versions.node} (${process.execPath})`,
  );
  process.exit(1);
};

/** Where a program lies on PATH. @param {string} name @returns {string | null} */
export const which = (name) => {
  const places = name.includes('/') ? [''] : (process.env.PATH ?? '').split(delimiter);
  for (const place of places) {
    const path = place === '' ? name : join(place, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not there: the next place.
    }
  }
  return null;
};

/** How this distribution installs packages. @param {string} debian @param {string} fedora */
export const installHint = (debian, fedora) => {
  if (existsSync('/etc/debian_version')) return `apt-get install ${debian}`;
  if (existsSync('/etc/fedora-release') || existsSync('/etc/redhat-release')) return `dnf install ${fedora}`;
  return `the packages are called ${debian} on Debian and ${fedora} on Fedora`;
};
