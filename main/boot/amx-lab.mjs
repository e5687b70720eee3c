/**
 * The proof where AMX and KVM are real: the helper, the demo VMM and their tests, built statically, run on an emulated machine
 * with AMX, XFD and VMX, under a stock kernel with KVM. `node main/boot/amx-lab.mjs` runs it by itself; with `--record` the session
 * that was had there replaces the one in e2e/captures/. Either way Tilescope's own code reads that session and judges it.
 *
 *   TILESCOPE_LAB      the folder with the machine's build.sh and run.sh
 *   TILESCOPE_LAB_OUT  where its build is kept; it is made once, which takes a minute or two
 */
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DIST, ROOT, which } from './say.mjs';
import { ensurePackages } from './setup.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */
/** @typedef {(text: string) => void} Say takes a whole line */

const NAME = 'AMX on an emulated machine';
/** What build.sh leaves when it has come to its end, and run.sh needs. */
const BUILT = ['bochs', 'labtool', 'busybox', 'kernel.img', 'initramfs.img', 'kernel.name'];
/** Those that end with a line of counts, and what they run. */
const TEST_PROGRAMS = ['test-amx', 'test-kill-points', 'kill-storm'];
const PROGRAMS = ['tilescope-helper', 'helper-kill-points', 'demo-vmm', ...TEST_PROGRAMS];
/** What reads the session, recorded or just had. */
const JUDGES = ['app/wire/amx-session.test.ts', 'main/disas/amx-memory.test.ts'];
const SESSION = ['amx-session.requests', 'amx-session.frames', 'amx-session.json'];
/** Seconds of a CPU's time that the machine may take, for what hangs: ten times what it takes. Of the clock's it takes more where others run. */
const CPU_LIMIT_S = 1800;
/** run.sh has a limit of its own, in seconds of the clock: it is never the first. */
const NO_LIMIT_S = 86_400;
/** run.sh: the machine crashed, or its time was over. */
const EXIT_MACHINE_DIED = 125;

/** @param {Counts} counts */
const closing = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`;

const labFolder = () => {
  const folder = resolve(process.env.TILESCOPE_LAB ?? join(ROOT, '..', 'shared', 'lab'));
  return ['build.sh', 'run.sh'].every((file) => existsSync(join(folder, file))) ? folder : null;
};

const buildFolder = () => {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return resolve(process.env.TILESCOPE_LAB_OUT ?? join(cache, 'tilescope', 'lab'));
};

/** Runs a tool to its end; what it prints goes line by line to say. @param {string} program @param {string[]} args @param {Say} say @param {Record<string, string>} more of its environment @returns {Promise<number>} */
const runTool = (program, args, say, more = {}) =>
  new Promise((done) => {
    const child = spawn(program, args, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...more },
    });
    for (const stream of [child.stdout, child.stderr]) {
      let held = '';
      stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
        const lines = (held + text).split('\n');
        held = lines.pop() ?? '';
        for (const line of lines) say(line);
      });
      stream.on('end', () => held !== '' && say(held));
    }
    child.on('error', (error) => {
      say(`${program} could not be run: ${error.message}`);
      done(127);
    });
    child.on('close', (code) => done(code ?? 1));
  });

const isBuilt = (/** @type {string} */ folder) => BUILT.every((file) => existsSync(join(folder, file)));

/** Built beside its place and then moved there, so that a build that was broken off is never taken for a finished one. @param {string} lab @param {string} out @param {Say} say */
const ensureBuilt = async (lab, out, say) => {
  if (isBuilt(out)) return true;
  say(`building the emulated machine in ${out}, once`);
  mkdirSync(dirname(out), { recursive: true });
  const place = mkdtempSync(join(dirname(out), `${basename(out)}-building-`));
  try {
    if ((await runTool(join(lab, 'build.sh'), [place], say)) !== 0 || !isBuilt(place)) return false;
    rmSync(out, { recursive: true, force: true });
    renameSync(place, out);
    return true;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
};

/** @param {Say} say @returns {Promise<string | null>} the folder with the programs */
const buildPrograms = async (say) => {
  const out = join(DIST, 'native-static');
  // As make in native/ sees it, to which a path with a space is two words.
  const targets = PROGRAMS.map((program) => `../dist/native-static/${program}`);
  const args = ['-s', '-C', 'native', 'OUT=../dist/native-static', 'STATIC=1', ...targets];
  return (await runTool('make', args, say)) === 0 ? out : null;
};

/** Every program's own last line, added up; one that has none died. @param {string} output @param {number} code @returns {Counts} */
export const countsOf = (output, code) => {
  const lines = [...output.matchAll(/^(\d+) passed, (\d+) failed, (\d+) skipped$/gm)];
  const sum = (/** @type {number} */ at) => lines.reduce((total, line) => total + Number(line[at]), 0);
  const counts = { passed: sum(1), failed: sum(2), skipped: sum(3) };
  const died = lines.length < TEST_PROGRAMS.length || (code !== 0 && counts.failed === 0);
  return died ? { ...counts, failed: counts.failed + 1 } : counts;
};

/** @param {string} path */
const readIfThere = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** @param {string} lab @param {string} build @param {string} programs @param {Say} say @returns {Promise<{ counts: Counts, session: string }>} */
const runMachine = async (lab, build, programs, say) => {
  const session = join(DIST, 'amx');
  rmSync(session, { recursive: true, force: true });
  mkdirSync(session, { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'tilescope-amx-'));
  const output = join(work, 'output');
  const files = PROGRAMS.flatMap((program) => ['-f', join(programs, program)]);
  const limits = ['-l', build, '-t', String(NO_LIMIT_S), '-d', session];
  const payload = join(ROOT, 'native', 'test', 'lab.sh');
  try {
    const limited = ['-c', 'ulimit -t "$0" && exec "$@"', String(CPU_LIMIT_S), join(lab, 'run.sh')];
    const code = await runTool('bash', [...limited, ...limits, ...files, output, payload], say);
    const text = readIfThere(output);
    for (const line of text.trimEnd().split('\n')) say(line);
    if (code === EXIT_MACHINE_DIED)
      say(`not ok: the machine did not get to the end:\n${readIfThere(`${output}.console`)}`);
    return { counts: countsOf(text, code), session };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

/** Tilescope's own code over the session that was had there. @param {string} session @param {Say} say @returns {Promise<Counts>} */
const judgeSession = async (session, say) => {
  await ensurePackages();
  const report = join(session, 'judged.json');
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const words = ['run', '--config', 'main/vitest.config.ts', '--reporter=json', `--outputFile=${report}`, ...JUDGES];
  /** @type {string[]} */
  const said = [];
  const code = await runTool(process.execPath, [vitest, ...words], (line) => said.push(line), {
    TILESCOPE_AMX_SESSION: session,
  });
  const { numPassedTests: passed, numFailedTests } = JSON.parse(
    readIfThere(report) || '{"numPassedTests":0,"numFailedTests":0}',
  );
  const failed = code !== 0 && numFailedTests === 0 ? 1 : numFailedTests;
  if (failed > 0) for (const line of [...said, readIfThere(report)]) say(line);
  say(`the session, judged by Tilescope's own code: ${closing({ passed, failed, skipped: 0 })}`);
  return { passed, failed, skipped: 0 };
};

/** @param {Counts} a @param {Counts} b @returns {Counts} */
const sum = (a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped });

/**
 * @param {{ say: Say, record?: boolean }} options record: keep the session as test data, where everything passed
 * @returns {Promise<Counts>}
 */
export const runAmxLab = async ({ say, record = false }) => {
  const skip = (/** @type {string} */ why) => {
    say(`skipped: ${NAME}: ${why}`);
    return { passed: 0, failed: 0, skipped: 1 };
  };
  const fail = (/** @type {string} */ why) => {
    say(`not ok: ${NAME}: ${why}`);
    return { passed: 0, failed: 1, skipped: 0 };
  };
  const lab = labFolder();
  const build = buildFolder();
  if (process.arch !== 'x64' || process.platform !== 'linux') return skip('it is built for Linux on x86-64');
  if (lab === null) return skip('its build.sh and run.sh are not there; TILESCOPE_LAB names their folder');
  if (!isBuilt(build) && which('apt-get') === null)
    return skip('it is built from Debian packages, and apt-get is missing');
  if (!(await ensureBuilt(lab, build, say))) return fail('its build.sh failed; its message stands above');
  const programs = await buildPrograms(say);
  if (programs === null) return fail('the static build failed; a static libc is needed (libc6-dev, glibc-static)');
  const { counts: there, session } = await runMachine(lab, build, programs, say);
  const counts = there.failed === 0 ? sum(there, await judgeSession(session, say)) : there;
  if (record && counts.failed === 0) {
    for (const file of SESSION) copyFileSync(join(session, file), join(ROOT, 'e2e', 'captures', file));
    say('recorded: e2e/captures/');
  }
  return counts;
};

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const say = (/** @type {string} */ text) => process.stdout.write(`${text}\n`);
  const counts = await runAmxLab({ say, record: process.argv.includes('--record') });
  say(closing(counts));
  process.exitCode = counts.failed === 0 ? 0 : 1;
}
