import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { explain, fail, installHint, ROOT, which } from './say.mjs';

const LOCK = join(ROOT, 'package-lock.json');
const INSTALLED_LOCK = join(ROOT, 'node_modules', '.package-lock.json');
const STAMP = join(ROOT, 'node_modules', '.tilescope-lock');

const lockDigest = () => createHash('sha256').update(readFileSync(LOCK)).digest('hex');

const packagesAreFresh = () => {
  const stamped = statSync(STAMP, { throwIfNoEntry: false });
  // The lock file is read where it was written since, and not at every start.
  if (stamped !== undefined) {
    if (stamped.mtimeMs > statSync(LOCK).mtimeMs) return true;
    const isSame = readFileSync(STAMP, 'utf8') === lockDigest();
    if (isSame) writeFileSync(STAMP, lockDigest());
    return isSame;
  }
  // Installed by hand with npm, which leaves its own copy of the lock file behind.
  return existsSync(INSTALLED_LOCK) && statSync(INSTALLED_LOCK).mtimeMs >= statSync(LOCK).mtimeMs;
};

/** Installs node_modules where it is missing or older than package-lock.json. */
export const ensurePackages = async () => {
  if (packagesAreFresh()) return;
  explain('installing packages (npm ci)');
  const npm = process.env.npm_execpath;
  const [program, leading] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const run = spawnSync(program, [...leading, 'ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: ROOT,
    // npm's progress belongs to stderr here: stdout is the command line's.
    stdio: ['ignore', 2, 2],
    // A run as root in a test must not inherit NODE_ENV=production, which would leave the build tools out.
    env: { ...process.env, NODE_ENV: '' },
  });
  if (run.error !== undefined)
    fail(`npm could not be run: ${run.error.message}; it comes with Node, or as the package npm`);
  if (run.status !== 0)
    fail('npm ci failed; its message stands above. A network or a registry mirror is needed for it once');
  writeFileSync(STAMP, lockDigest());
};

/** The C compiler and make, which the helper is built with. */
export const requireCompiler = () => {
  const compiler = process.env.CC ?? 'cc';
  const missing = [compiler.split(' ')[0] ?? 'cc', 'make'].filter((name) => which(name) === null);
  if (missing.length === 0) return;
  const names = missing.join(' and ');
  fail(`${names} not found, needed to build the helper. Install: ${installHint('build-essential', 'gcc make')}`);
};

const E2E_NEEDS = [
  { what: 'Chromium', debian: 'chromium', present: () => chromiumPath() !== null },
  { what: 'QEMU', debian: 'qemu-system-x86', present: () => which('qemu-system-x86_64') !== null },
  { what: 'Xvfb', debian: 'xvfb', present: () => which('Xvfb') !== null },
  // Readers that share no code with Tilescope: gdb of cores, cpuid of leaf 0xD.
  { what: 'gdb', debian: 'gdb', present: () => which('gdb') !== null },
  { what: 'cpuid', debian: 'cpuid', present: () => which('cpuid') !== null },
  // One VMM of the helper's tests is written in it; without it that test alone is skipped.
  { what: 'Go', debian: 'golang-go', present: () => which('go') !== null, optional: true },
  {
    what: 'SeaBIOS',
    debian: 'seabios',
    present: () =>
      ['/usr/share/seabios/bios-256k.bin', '/usr/share/qemu/bios-256k.bin'].some((path) => existsSync(path)),
  },
];

/** Judges of what is shipped for shells, man and desktops. The tests that ask them say so where they are not there. */
const JUDGES = [
  { what: 'man', debian: 'man-db', present: () => which('man') !== null },
  { what: 'ShellCheck', debian: 'shellcheck', present: () => which('shellcheck') !== null },
  { what: 'zsh', debian: 'zsh', present: () => which('zsh') !== null },
  { what: 'fish', debian: 'fish', present: () => which('fish') !== null },
  {
    what: 'desktop-file-validate',
    debian: 'desktop-file-utils',
    present: () => which('desktop-file-validate') !== null,
  },
  { what: 'appstreamcli', debian: 'appstream', present: () => which('appstreamcli') !== null },
  { what: 'xmllint', debian: 'libxml2-utils', present: () => which('xmllint') !== null },
  // Disassemblers that share no code with Tilescope's.
  { what: 'objdump', debian: 'binutils', present: () => which('objdump') !== null },
  { what: 'llvm-mc', debian: 'llvm', present: () => which('llvm-mc') !== null },
  { what: 'lintian', debian: 'lintian', present: () => which('lintian') !== null },
];

/** @returns {string | null} */
export const chromiumPath = () => {
  const named = process.env.TILESCOPE_CHROMIUM;
  if (named !== undefined) return named;
  return which('chromium') ?? which('chromium-browser') ?? which('google-chrome');
};

/**
 * What the live and end-to-end tests run against. As root on Debian it is installed; elsewhere what is missing is named.
 * @returns {string | null} a sentence about what is missing, or null
 */
export const ensureTestPrograms = () => {
  const lacking = () => E2E_NEEDS.filter((need) => !need.present());
  const wanted = [...lacking(), ...JUDGES.filter((need) => !need.present())];
  if (wanted.length === 0) return null;
  const packages = wanted.map((need) => need.debian);
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version') && which('apt-get') !== null) {
    explain(`installing ${packages.join(', ')} for the tests (apt-get)`);
    const apt = (/** @type {string[]} */ ...args) =>
      spawnSync('apt-get', args, {
        stdio: ['ignore', 'ignore', 2],
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      }).status;
    const install = ['-y', '-q', '--no-install-recommends', 'install', ...packages];
    if (apt(...install) !== 0) {
      apt('-q', 'update');
      apt(...install);
    }
  }
  const still = lacking().filter((need) => need.optional !== true);
  if (still.length === 0) return null;
  const names = still.map((need) => need.what).join(', ');
  return `${names} not found. Install: apt-get install ${still.map((need) => need.debian).join(' ')}`;
};
