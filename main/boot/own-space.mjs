/**
 * A process namespace of its own for a runner of stories: they find VMMs by name, and the first screen shows every VMM there is.
 * In it nobody's VMM is seen but those that its stories start, so that runs go beside each other and beside somebody's guests;
 * and with the namespace ends whatever is left in it. (pid_namespaces(7))
 */
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endProcesses, GRACE_MS, leftWords } from './left.mjs';

// The first process of a namespace inherits those whose parents ended, and has to wait for them: a shell does, Node does not.
const UNSHARE = ['--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', '"$@"; exit $?', 'sh'];

/** Whether this user may have one: root may, where no container forbids it. */
export const hasOwnSpace = () => spawnSync('unshare', [...UNSHARE, 'true'], { stdio: 'ignore' }).status === 0;

/**
 * What is to be started, so that PROGRAM runs in a namespace of its own; it ends with 1 where PROGRAM left a process, which is named.
 * @param {string} program @param {string[]} args
 * @param {number} [graceMs] how long what was started may take to go by itself
 * @returns {{ program: string, args: string[] }}
 */
export const inOwnSpace = (program, args, graceMs = GRACE_MS) => ({
  program: 'unshare',
  args: [...UNSHARE, process.execPath, fileURLToPath(import.meta.url), String(graceMs), program, ...args],
});

/** Inside. @param {number} graceMs @param {string} program @param {string[]} args @returns {Promise<number>} */
const runInside = async (graceMs, program, args) => {
  const child = spawn(program, args, { stdio: 'inherit' });
  // Ctrl+C reaches the runner too, which ends in its own time.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, () => undefined);
  const code = await new Promise((resolve) => {
    child.once('error', () => resolve(127));
    child.once('close', (ended) => resolve(ended ?? 1));
  });
  const processes = await endProcesses(undefined, graceMs);
  for (const line of leftWords({ processes, files: [], mounts: [] })) process.stdout.write(`${line}\n`);
  return processes.length === 0 ? code : code || 1;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [graceMs, program = '', ...args] = process.argv.slice(2);
  process.exitCode = await runInside(Number(graceMs), program, args);
}
