import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUILT } from './tilescope.ts';

/**
 * Two users, made for one run: /etc, /usr/local and /dev/kvm are this mount namespace's own, so that what `setup-privileges`
 * does is real and nothing of it stays. Needs root.
 */
const SCRIPT = `
set -eu
# What is installed here is this machine's own helper: no other machine can be described by it.
unset TILESCOPE_HELPER TILESCOPE_REAL_HELPER TILESCOPE_DESCRIBED_HOST TILESCOPE_DESCRIBED_KVM TILESCOPE_NO_TARGETS
mount -t tmpfs tmpfs /mnt
mkdir /mnt/eu /mnt/ew /mnt/lu /mnt/lw /mnt/app
mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/eu,workdir=/mnt/ew /etc
mount -t overlay overlay -o lowerdir=/usr/local,upperdir=/mnt/lu,workdir=/mnt/lw /usr/local
mknod /mnt/kvm c 10 232
chmod 666 /mnt/kvm
mount --bind /mnt/kvm /dev/kvm
cp -r "$BUILT/main" "$BUILT/native" /mnt/app/
cp "$NODE" /mnt/app/node
chmod -R a+rX /mnt/app
useradd -M -d /nonexistent ts-mara
useradd -M -d /nonexistent ts-jorn
as() { user=$1; shift; setpriv --reuid="$user" --regid="$user" --init-groups -- "$@"; }
# A user's VMM, under a name: the user's own where it has no other.
start() {
  user=$1; vmm=\${2:-$1}; shift; [ $# -eq 0 ] || shift
  setpriv --reuid="$user" --regid="$user" --init-groups -- /mnt/app/native/demo-vmm --program integer "$@" \\
    </dev/null >"/mnt/vmm-$vmm" 2>/dev/null &
  for _ in $(seq 600); do grep -q ready "/mnt/vmm-$vmm" && break; sleep 0.05; done
}
# Its parent is this shell, with which it ends.
pid_of() { sed -n 's/.*pid=\\([0-9]*\\).*/\\1/p' "/mnt/vmm-$1"; }
tilescope() { /mnt/app/node --input-type=module -e \\
  'process.exitCode = await (await import(process.argv[1])).runCli(process.argv.slice(2))' -- /mnt/app/main/cli.js "$@"; }
as_mara() { export XDG_STATE_HOME=/mnt/state-mara; as ts-mara /mnt/app/node --input-type=module -e \\
  'process.exitCode = await (await import(process.argv[1])).runCli(process.argv.slice(2))' -- /mnt/app/main/cli.js "$@"; }
# What it printed, on either stream, and its exit code, under a name.
note() { name=$1; shift; code=0; "$@" >"$OUT/$name" 2>&1 || code=$?; echo "$code" >"$OUT/$name.code"; }
mkdir -m 777 /mnt/state-mara
start ts-mara; start ts-jorn; start root
start ts-mara filtered --seccomp allow
start ts-mara undumpable --undumpable
FILTERED=$(pid_of filtered); UNDUMPABLE=$(pid_of undumpable)
# The last command that was advised there, for the user whom it speaks of.
advice() { sed -n 's/.*sudo [^|;]*\\(setup-privileges.* --yes\\).*/\\1/p' "$OUT/$1" | sed s/USER/ts-jorn/ | tail -n 1; }
MARA=$(pid_of ts-mara); JORN=$(pid_of ts-jorn); ROOT=$(pid_of root)
export SUDO_USER=ts-mara
note plan tilescope setup-privileges --allow ts-jorn:/mnt/app/native/demo-vmm
{ getent group tilescope || echo no-group; ls /usr/local/libexec/tilescope /etc/tilescope || echo no-files; } >"$OUT/after-plan" 2>&1
note plan-by-mara as_mara setup-privileges --yes
note before-own as_mara show --pid "$MARA" xcr0
note before-other as_mara show --pid "$JORN" xcr0
note before-filtered as_mara show --pid "$FILTERED" xcr0
note before-undumpable as_mara show --pid "$UNDUMPABLE" xcr0
note root-undumpable tilescope show --pid "$UNDUMPABLE" xcr0
note carry-filtered tilescope $(advice before-filtered)
note after-filtered as_mara show --pid "$FILTERED" xcr0
note refused-undumpable as_mara show --pid "$UNDUMPABLE" xcr0
note refused-other as_mara show --pid "$JORN" xcr0
note carry-other tilescope $(advice refused-other)
note carried-other as_mara show --pid "$JORN" xcr0
note still-filtered as_mara show --pid "$FILTERED" xcr0
note carry-undo tilescope setup-privileges --undo --yes
note before-again as_mara show --pid "$JORN" xcr0
note list-before as_mara list
note carry-again tilescope $(advice list-before)
note carried-again as_mara show --pid "$JORN" xcr0
note list-after as_mara list
note carry-undo tilescope setup-privileges --undo --yes
note do tilescope setup-privileges --allow ts-jorn:/mnt/app/native/demo-vmm --yes
{ stat -c '%U:%G %a %n' /usr/local/libexec/tilescope/tilescope-helper; getcap /usr/local/libexec/tilescope/tilescope-helper
  cat /etc/tilescope/policy; } >"$OUT/done" 2>&1
note own as_mara show --pid "$MARA" xcr0
note other as_mara show --pid "$JORN" xcr0
note other-write as_mara set --pid "$JORN" xmm3:u32[0]=7
note roots as_mara show --pid "$ROOT" xcr0
note list as_mara list --json
echo "$MARA $JORN $ROOT" >"$OUT/pids"
note undo-plan tilescope setup-privileges --undo
note undo tilescope setup-privileges --undo --yes
{ getent group tilescope || echo no-group; ls /usr/local/libexec/tilescope /etc/tilescope || echo no-files; } >"$OUT/after-undo" 2>&1
note again tilescope setup-privileges --undo
note after-own as_mara show --pid "$MARA" xcr0
note after-other as_mara show --pid "$JORN" xcr0
`;

/** Why it cannot be played here; null: it can. */
export const WITHOUT_TWO_USERS: string | null =
  process.geteuid?.() !== 0
    ? 'two users are made by root alone'
    : (['unshare', 'setpriv', 'useradd', 'setcap', 'getcap', 'groupadd'].find(
        (program) => spawnSync('which', [program]).status !== 0,
      ) ?? null);

export interface TwoUsers {
  /** What a step printed. */
  said(name: string): string;
  code(name: string): number;
}

/** Plays the whole script once. */
export function playTwoUsers(): TwoUsers {
  const out = mkdtempSync(join(tmpdir(), 'tilescope-users-'));
  const environment = { ...process.env, BUILT, OUT: out, NODE: process.execPath };
  const { status, stderr } = spawnSync(
    'unshare',
    ['-m', '-p', '-f', '--mount-proc', '--kill-child', '--propagation', 'private', 'sh', '-c', SCRIPT],
    { encoding: 'utf8', env: environment },
  );
  const files = new Map<string, string>();
  const { stdout } = spawnSync('ls', [out], { encoding: 'utf8' });
  for (const name of stdout.split('\n').filter((line) => line !== '')) {
    files.set(name, readFileSync(join(out, name), 'utf8'));
  }
  rmSync(out, { recursive: true });
  if (status !== 0) throw new Error(`the script of two users ended with ${status}: ${stderr}`);
  const said = (name: string): string => {
    const text = files.get(name);
    if (text === undefined) throw new Error(`there is no step ${name}`);
    return text;
  };
  return { said, code: (name) => Number(said(`${name}.code`)) };
}
