import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import type { Answer } from '../../../app/bridge.ts';
import { answer, messageOf, refuse } from '../../../app/refusals/refusal.ts';
import { writeWholeNow } from '../../io/files.ts';
import { INSTALLED_FOLDER, INSTALLED_HELPER } from '../places.ts';

/**
 * The installed helper: root's, of a group, 0750, with file capabilities, as dumpcap is. What was done is written down beside
 * the policy, and only that is taken back.
 */
export const GROUP = 'tilescope';
const POLICY_FOLDER = '/etc/tilescope';
const POLICY = `${POLICY_FOLDER}/policy`;
const RECORD = `${POLICY_FOLDER}/setup.json`;

export interface Wishes {
  /** Who comes into the group, besides whoever called sudo. */
  readonly users: readonly string[];
  /** Whose VMMs they may reach besides their own. */
  readonly allowed: readonly { readonly owner: string; readonly program: string }[];
  /** Read seccomp filters too, and suspend them where asked. */
  readonly seccomp: boolean;
}

export interface Step {
  /** As one would type it. */
  readonly shown: string;
  readonly run: () => void;
}

interface Record_ {
  readonly groupMade: boolean;
  readonly members: readonly string[];
  readonly lines: readonly string[];
  readonly seccomp: boolean;
}

const words = (command: readonly string[]): string =>
  command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');

const command = (...line: readonly [string, ...string[]]): Step => ({
  shown: words(line),
  run: () => {
    const [program, ...args] = line;
    const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
    if (error !== undefined) throw new Error(`${program}: ${error.message}`);
    if (status !== 0) throw new Error(`${words(line)}: ${stderr.trim() || `ended with ${status}`}`);
  },
});

const read = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');

const write = (path: string, text: string, shown: string): Step => ({
  shown,
  run: () => {
    mkdirSync(POLICY_FOLDER, { recursive: true, mode: 0o755 });
    writeWholeNow(path, text, 0o644);
  },
});

const record = (): Record_ | null => {
  try {
    const { groupMade, members, lines, seccomp } = JSON.parse(read(RECORD)) as Record_;
    return {
      groupMade: groupMade === true,
      members: [...members].map(String),
      lines: [...lines].map(String),
      seccomp: seccomp === true,
    };
  } catch {
    return null;
  }
};

/** The number of a user, from the system's own tables; null: there is none. */
const uidOf = (name: string): number | null => {
  if (/^\d+$/.test(name)) return Number(name);
  const { stdout } = spawnSync('id', ['-u', name], { encoding: 'utf8' });
  return /^\d+\n$/.test(stdout ?? '') ? Number(stdout) : null;
};

const gidOf = (name: string): number | null => {
  const { stdout } = spawnSync('getent', ['group', name], { encoding: 'utf8' });
  const gid = (stdout ?? '').split(':')[2];
  return gid === undefined || !/^\d+$/.test(gid) ? null : Number(gid);
};

const isThere = (program: string): boolean => spawnSync('which', [program]).status === 0;

const memberNames = ({ users }: Wishes): string[] => {
  const caller = process.env.SUDO_USER;
  return [...new Set([...(caller !== undefined && caller !== 'root' ? [caller] : []), ...users])];
};

const plan = (wishes: Wishes, helperPath: string): Answer<readonly Step[]> => {
  for (const program of ['setcap', 'groupadd', 'usermod', 'install']) {
    if (!isThere(program)) {
      const remedy = program === 'setcap' ? 'apt install libcap2-bin' : `install ${program}`;
      return refuse('missing-program', `${program} is not there`, { remedy });
    }
  }
  if (!existsSync(helperPath)) return refuse('helper-missing', 'the helper is not built', { where: helperPath });
  const members = memberNames(wishes);
  const unknown = [...members, ...wishes.allowed.map(({ owner }) => owner)].find((name) => uidOf(name) === null);
  if (unknown !== undefined) return refuse('no-such-user', `there is no user ${unknown}`);
  const before = record();
  const groupThere = gidOf(GROUP) !== null;
  // What was given before stays given: a second call adds to it, and --undo takes it back.
  const seccomp = wishes.seccomp || before?.seccomp === true;
  const capabilities = ['cap_sys_ptrace'];
  if (wishes.allowed.length > 0 || (before?.lines.length ?? 0) > 0) capabilities.push('cap_dac_read_search');
  if (seccomp) capabilities.push('cap_sys_admin');
  const steps: Step[] = [];
  if (!groupThere) steps.push(command('groupadd', '--system', GROUP));
  for (const name of members) steps.push(command('usermod', '--append', '--groups', GROUP, name));
  steps.push(command('install', '-d', '-o', 'root', '-g', 'root', '-m', '0755', INSTALLED_FOLDER));
  steps.push(command('install', '-o', 'root', '-g', GROUP, '-m', '0750', helperPath, INSTALLED_HELPER));
  steps.push(command('setcap', `${capabilities.join(',')}+ep`, INSTALLED_HELPER));
  const lines = wishes.allowed.map(({ owner, program }) => ({ owner: uidOf(owner), program }));
  steps.push({
    shown: [
      `add to ${POLICY}:`,
      ...lines.map(({ owner, program }) => `    allow @GID-of-${GROUP} ${owner} ${program}`),
    ].join('\n  '),
    run: () => {
      const texts = lines.map(({ owner, program }) => `allow @${gidOf(GROUP)} ${owner} ${program}`);
      const there = read(POLICY);
      const fresh = texts.filter((line) => !there.split('\n').includes(line));
      if (fresh.length > 0) {
        write(POLICY, `${there}${there === '' || there.endsWith('\n') ? '' : '\n'}${fresh.join('\n')}\n`, '').run();
      }
      const done: Record_ = {
        groupMade: before?.groupMade ?? !groupThere,
        members: [...new Set([...(before?.members ?? []), ...members])],
        lines: [...(before?.lines ?? []), ...fresh],
        seccomp,
      };
      write(RECORD, `${JSON.stringify(done, null, 2)}\n`, '').run();
    },
  });
  return answer(
    lines.length > 0
      ? steps
      : steps.map((step, at) =>
          at === steps.length - 1 ? { ...step, shown: `write down in ${RECORD} what was done` } : step,
        ),
  );
};

const planUndo = (): Answer<readonly Step[]> => {
  const done = record();
  if (done === null) return answer([]);
  const steps: Step[] = [
    { shown: `rm ${INSTALLED_HELPER}`, run: () => rmSync(INSTALLED_HELPER, { force: true }) },
    {
      shown: `rmdir ${INSTALLED_FOLDER}`,
      run: () => {
        if (existsSync(INSTALLED_FOLDER)) rmdirSync(INSTALLED_FOLDER);
      },
    },
  ];
  if (done.lines.length > 0) {
    steps.push({
      shown: `take out of ${POLICY}:\n${done.lines.map((line) => `      ${line}`).join('\n')}`,
      run: () => {
        const rest = read(POLICY)
          .split('\n')
          .filter((line) => !done.lines.includes(line))
          .join('\n');
        if (rest.trim() === '') rmSync(POLICY, { force: true });
        else writeWholeNow(POLICY, rest, 0o644);
      },
    });
  }
  // The group goes with its members; one that was there before loses those who came with us.
  if (done.groupMade && gidOf(GROUP) !== null) steps.push(command('groupdel', GROUP));
  else for (const name of done.members) steps.push(command('gpasswd', '--delete', name, GROUP));
  steps.push({
    shown: `rm ${RECORD}, and ${POLICY_FOLDER} where it is empty`,
    run: () => {
      rmSync(RECORD, { force: true });
      try {
        rmdirSync(POLICY_FOLDER);
      } catch {
        // A policy of the administrator's own stays.
      }
    },
  });
  return answer(steps);
};

const carryOut = (steps: readonly Step[]): Answer<null> => {
  for (const { shown, run } of steps) {
    try {
      run();
    } catch (error) {
      const remedy = 'what came before it is done; --undo --yes takes it back';
      return refuse('setup-failed', messageOf(error), { where: shown, remedy });
    }
  }
  return answer(null);
};

export const setUp = { plan, planUndo, carryOut };
