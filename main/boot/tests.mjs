import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runAmxLab } from './amx-lab.mjs';
import { buildAll, ensureHelper, ensureStandIn, NATIVE_OUT } from './build.mjs';
import { oneStep, readNativeLine, readPlaywright, readVitest } from './counts.mjs';
import { nativeFailures, playwrightFailures, vitestFailures } from './failures.mjs';
import { onOddDesktop } from './odd-desktop.mjs';
import { hasOwnSpace, inOwnSpace } from './own-space.mjs';
import { explain, fail, ROOT } from './say.mjs';
import { chromiumPath, ensurePackages, ensureTestPrograms, requireCompiler } from './setup.mjs';
import { skipLines } from './skips.mjs';
import { RESULTS, runSteps, skipped } from './steps.mjs';
import { buildTwice } from './supply.mjs';

/** @typedef {import('./steps.mjs').Outcome} Outcome */
/** @typedef {import('./steps.mjs').Step} Step */

const tool = (/** @type {string[]} */ ...path) => join(ROOT, 'node_modules', ...path);
const VITEST = tool('vitest', 'vitest.mjs');
const PLAYWRIGHT = tool('playwright', 'cli.js');
const TSC = tool('typescript', 'bin', 'tsc');
const BIOME = tool('@biomejs', 'biome', 'bin', 'biome');

/**
 * Runs a tool, showing what it prints and keeping the end of it.
 * @param {string} program
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 * @param {(text: string) => void} [say]
 * @returns {Promise<{ code: number, output: string }>}
 */
const show = (program, args, env = {}, say = (text) => void process.stdout.write(text)) =>
  new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output = (output + text).slice(-1_048_576);
      say(text);
    });
    child.stderr.on('data', (text) => process.stderr.write(text));
    child.on('error', (error) => {
      explain(`${program} could not be run: ${error.message}`);
      resolve({ code: 127, output });
    });
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });

const node = (
  /** @type {string} */ script,
  /** @type {string[]} */ args,
  /** @type {Record<string, string>} */ env = {},
) => show(process.execPath, [script, ...args], env);

/** The report a runner left; gone before it starts, so that an old one is never counted. @param {string} path */
const readReport = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** @param {string} name @param {string[]} args @returns {Promise<Outcome>} */
const vitest = async (name, args) => {
  const report = join(RESULTS, `${name}.json`);
  rmSync(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const config = ['--config', join('main', 'vitest.config.ts')];
  const { code } = await node(VITEST, ['run', ...config, ...reporters, ...args]);
  const text = readReport(report);
  return { ...readVitest(text, code), failures: vitestFailures(text) };
};

/** @type {Step} */
const types = {
  name: 'types',
  run: async () => {
    const failures = [];
    for (const project of ['app', 'app/tsconfig.test.json', 'main', 'renderer', 'e2e']) {
      if ((await node(TSC, ['-p', project])).code === 0) continue;
      failures.push({ test: 'types', file: project, alone: `npx tsc -p ${project}` });
    }
    return { ...oneStep(failures.length), failures };
  },
};

/** @type {Step} */
const walls = { name: 'walls', run: () => vitest('walls', ['--project', 'walls']) };

/** @type {Step} */
const lint = {
  name: 'lint',
  run: async () => {
    const counts = oneStep((await node(BIOME, ['check', '--colors=off', '.'])).code);
    const failures = counts.failed === 0 ? [] : [{ test: 'lint', file: '.', alone: 'npx biome check .' }];
    return { ...counts, failures };
  },
};

/** @type {Step} */
const unit = { name: 'unit tests', run: () => vitest('unit', ['--project', 'unit*']) };

/** @type {Step} */
const native = {
  name: 'native tests',
  run: async () => {
    const { code, output } = await show('make', ['-s', '-C', 'native', NATIVE_OUT, 'test']);
    return { ...readNativeLine(output, code), failures: nativeFailures(output) };
  },
};

/** @param {string} name @param {(say: (text: string) => void) => Promise<Outcome>} work @returns {Step & { begin: () => void }} */
const beside = (name, work) => {
  /** @type {string[]} */
  const held = [];
  let say = (/** @type {string} */ text) => void held.push(text);
  /** @type {Promise<Outcome> | null} */
  let outcome = null;
  const begin = () => {
    outcome ??= work((text) => say(text));
    // Told at its turn.
    outcome.catch(() => {});
  };
  return {
    name,
    begin,
    run: async () => {
      begin();
      say = (text) => void process.stdout.write(text);
      held.forEach(say);
      return /** @type {Promise<Outcome>} */ (outcome);
    },
  };
};

// The emulated machine is one thread's work.
const amx = beside('AMX tests', (say) => runAmxLab({ say: (/** @type {string} */ line) => say(`${line}\n`) }));

/** Whether each runner of stories can have a namespace of its own. */
const apart = hasOwnSpace();

/**
 * Playwright's projects: `live` is the command line against a real QEMU, `window` the page in Chromium.
 * @param {string} name
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 */
const playwright = (name, args, env = {}) =>
  beside(name, async (say) => {
    const place = name.replaceAll(' ', '-');
    const report = join(RESULTS, `${place}.json`);
    rmSync(report, { force: true });
    const chromium = chromiumPath();
    const given = ['test', '-c', join('e2e', 'playwright.config.ts'), '--reporter=list,json', ...args];
    // Each run empties the folder of its results when it begins.
    const runner = [PLAYWRIGHT, ...given, `--output=${join('e2e', 'results', place)}`];
    const started = apart ? inOwnSpace(process.execPath, runner) : { program: process.execPath, args: runner };
    const environment = { ...env, ...(chromium === null ? {} : { TILESCOPE_CHROMIUM: chromium }) };
    const { code } = await show(
      started.program,
      started.args,
      { ...environment, PLAYWRIGHT_JSON_OUTPUT_FILE: report },
      say,
    );
    const text = readReport(report);
    for (const line of skipLines(text)) say(`${line}\n`);
    return { ...readPlaywright(text, code), failures: playwrightFailures(text) };
  });

/**
 * Stories leave cores idle: where each runner sees its own guests alone, all of them begin at the first one's turn.
 * @param {(Step & { begin: () => void })[]} steps @returns {Step[]}
 */
const sideBySide = (steps) =>
  steps.map(({ name, run }) => ({
    name,
    run: () => {
      if (apart) for (const { begin } of steps) begin();
      return run();
    },
  }));

// One word each: after `--project` Playwright takes every word that follows, a file too, for another project.
/** @param {string} name @param {Record<string, string>} [env] */
const live = (name = 'live tests', env) => playwright(name, ['--project=live'], env);
// The page in the browser; the same stories in the window, on what plays Electron; the window's own story. Where Electron's
// binary is, the stories run on it as well; where it is not, Playwright's configuration says so.
/** @param {string} name @param {Record<string, string>} [env] */
const page = (name = 'stories in the browser', env) => playwright(name, ['--project=window'], env);
const hasElectron = existsSync(tool('electron', 'dist', 'electron'));
const windows = () =>
  playwright(
    'stories in the window',
    ['stand-in', 'shell', ...(hasElectron ? ['electron'] : [])].map((project) => `--project=${project}`),
  );

const NO_CHROMIUM = 'Chromium not found';

/** What has to stand before any test can run. A failure here is the tests' failure, in the closing line too. @type {Step} */
const build = {
  name: 'build',
  run: async () => {
    requireCompiler();
    await buildAll();
    await ensureStandIn();
    return oneStep(0);
  },
};

/** What is not here, or cannot be had, is said by name; whatever needs it is skipped, and the rest is run. */
const outsideSteps = () => {
  const missing = ensureTestPrograms();
  if (missing !== null) explain(missing);
  return chromiumPath() === null
    ? [live(), skipped(NO_CHROMIUM, page()), skipped(NO_CHROMIUM, windows())]
    : sideBySide([live(), page(), windows()]);
};

/** @type {Step} */
const twice = { name: 'reproducible build', run: async () => oneStep((await buildTwice()) ? 0 : 1) };

/** @param {string[]} args */
export const runTests = async (args) => {
  if (args.length > 0) explain(`test takes no arguments; ${args.join(' ')} is ignored`);
  await ensurePackages();
  return runSteps([build, types, walls, lint, unit, native, twice, amx, ...outsideSteps()]);
};

/** @param {string[]} args */
export const runCheck = async (args) => {
  if (args.length > 0) explain(`check takes no arguments; ${args.join(' ')} is ignored`);
  await ensurePackages();
  await ensureHelper();
  return runSteps([types, walls, lint, unit, native]);
};

/** @param {string[]} args */
export const runAmx = async (args) => {
  if (args.length > 0) explain(`amx takes no arguments; ${args.join(' ')} is ignored`);
  return runSteps([amx]);
};

const ODD_DESKTOP = 'desktop';
/** Described in e2e/models/described-host.ts, and in odd-desktop.mjs. */
const OTHER_HOSTS = ['no-pku', 'no-avx512', 'no-xsaves', 'intel', 'amx', 'no-kvm', 'old-kvm', ODD_DESKTOP];

const PICTURED_PROJECTS = ['--project=window', '--project=stand-in'];

/** The stories of which pictures are compared, as Playwright takes files. */
const picturedStories = () =>
  readdirSync(join(ROOT, 'e2e', 'window'))
    .filter((name) => /\.shoot(Live)?\(/.test(readFileSync(join(ROOT, 'e2e', 'window', name), 'utf8')))
    .map((name) => `e2e/window/${name}`);

/** This machine, set to what no picture was taken on: the pictures, in the browser and in the window. @type {Step} */
const onDesktop = {
  name: 'on another desktop',
  run: () =>
    chromiumPath() === null
      ? skipped(NO_CHROMIUM, page()).run()
      : onOddDesktop((environment) =>
          playwright('on another desktop', [...PICTURED_PROJECTS, ...picturedStories()], environment).run(),
        ),
};

/** The same stories as if on other machines: what the helper says of the host is another, and so is the guests' CPU. @param {string[]} args names of hosts; none: all of them */
export const runHosts = async (args) => {
  await ensurePackages();
  const missing = ensureTestPrograms();
  if (missing !== null) explain(missing);
  const names = args.length > 0 ? args : OTHER_HOSTS;
  const unknown = names.find((name) => !OTHER_HOSTS.includes(name));
  if (unknown !== undefined) fail(`no host is named ${unknown}: ${OTHER_HOSTS.join(', ')}`);
  const hasBrowser = chromiumPath() !== null;
  /** @param {string} name @returns {Step[]} */
  const onHost = (name) => {
    const environment = { TILESCOPE_TEST_HOST: name };
    const steps = [
      live(`live on the host ${name}`, environment),
      page(`in the browser on the host ${name}`, environment),
    ];
    return sideBySide(steps.slice(0, hasBrowser ? 2 : 1));
  };
  const steps = names.flatMap((name) => (name === ODD_DESKTOP ? onDesktop : onHost(name)));
  return runSteps([build, ...steps, ...(hasBrowser ? [] : [skipped(NO_CHROMIUM, page())])]);
};

/** @param {string[]} args are Playwright's, such as `--update-snapshots` */
export const runE2e = async (args) => {
  await ensurePackages();
  // Without a choice of the caller's: the tests, not the measurements that share their configuration.
  const chosen = args.some((arg) => arg.startsWith('--project'));
  if (args.length === 0) return runSteps([build, ...outsideSteps()]);
  const missing = ensureTestPrograms();
  if (missing !== null) explain(missing);
  const projects = chosen ? [] : ['live', 'window', 'stand-in', 'shell'].map((project) => `--project=${project}`);
  return runSteps([build, playwright('end-to-end tests', [...projects, ...args])]);
};
