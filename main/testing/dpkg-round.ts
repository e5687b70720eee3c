import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A deb installed, upgraded and removed as dpkg does it, on a copy of this machine that is gone afterwards. */
const THROWAWAY = fileURLToPath(new URL('throwaway-root.sh', import.meta.url));

export const whyNoThrowaway = (): string | null => {
  if (process.getuid?.() !== 0) return 'mounts take root';
  if (spawnSync('dpkg', ['--version']).error !== undefined) return 'dpkg is not installed';
  const place = mkdtempSync(join(tmpdir(), 'tilescope-root-'));
  const { status } = spawnSync('unshare', ['-m', '--propagation', 'private', 'sh', THROWAWAY, place, 'true']);
  rmSync(place, { recursive: true, force: true });
  return status === 0 ? null : 'no overlay can be mounted here';
};

/** AppArmor's tools, which write down what they are asked; a machine without it has none. */
const APPARMOR = [
  'for name in apparmor_parser apparmor_status; do',
  '  printf \'#!/bin/sh\\necho "%s $*" >>/asked\\n\' $name >/usr/local/sbin/$name; chmod 755 /usr/local/sbin/$name',
  'done',
  "printf '#!/bin/sh\\nexit 1\\n' >/usr/bin/ischroot",
];

const dpkg = (what: string): string => `dpkg --no-triggers --force-depends ${what} >/dev/null 2>/dpkg-said`;

/** Where the command leads, the sandbox's mode, whether there is a profile. */
const TELL = `tell() {
  link=$(readlink /usr/bin/tilescope || echo no-link)
  mode=$(stat -c %a /opt/Tilescope/chrome-sandbox 2>/dev/null || echo no-sandbox)
  if [ -e /etc/apparmor.d/tilescope ]; then profile=profile; else profile=no-profile; fi
  echo "$1 $link $mode $profile"
}`;

const script = (deb: string, appArmor: boolean): string =>
  [
    'set -e; export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; touch /asked',
    'rm -f /usr/sbin/apparmor_parser /usr/sbin/apparmor_status /sbin/apparmor_parser',
    ...(appArmor ? APPARMOR : []),
    'user="setpriv --reuid=65534 --regid=65534 --clear-groups"',
    'if $user unshare -Ur true 2>/dev/null; then echo namespaces=yes; else echo namespaces=no; fi',
    TELL,
    `${dpkg(`-i /given/${deb}`)}; tell installed`,
    'man -w tilescope',
    `${dpkg(`-i /given/${deb}`)}; tell upgraded`,
    `${dpkg('-r tilescope')}; tell removed`,
    dpkg('-P tilescope'),
    'cat /asked',
  ].join('\n');

/** @param folder what is handed into the copy @param deb its path in there */
export const dpkgRound = (
  folder: string,
  deb: string,
  appArmor: boolean,
): { readonly status: number | null; readonly said: string; readonly lines: string[] } => {
  const place = mkdtempSync(join(folder, 'root-'));
  const { stdout, stderr, status } = spawnSync(
    'unshare',
    ['-m', '--propagation', 'private', 'sh', THROWAWAY, place, 'sh', '-c', script(deb, appArmor)],
    { encoding: 'utf8', env: { ...process.env, LEFT: '*tilescope*' } },
  );
  return { status, said: stdout + stderr, lines: stdout.trim().split('\n') };
};
