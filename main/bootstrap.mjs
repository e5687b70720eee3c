#!/usr/bin/env node
/**
 * The one door of the repository: `node main/bootstrap.mjs COMMAND`. It needs nothing but Node and brings everything else
 * to the state the command needs: packages, the helper, the bundles. Its own words go to stderr, so that the standard output
 * of `cli` is the command line's alone.
 */
import { runBench } from './boot/bench.mjs';
import { buildAll, ensureHelper, ensureMain } from './boot/build.mjs';
import { explain, fail, isFault, requireNode } from './boot/say.mjs';
import { ensurePackages } from './boot/setup.mjs';
import { distribute, start } from './boot/start.mjs';
import { runAmx, runCheck, runE2e, runTests } from './boot/tests.mjs';

const USAGE = `Usage: node main/bootstrap.mjs COMMAND [ARGUMENT…]

  start   build what is stale and open Tilescope: the window where Electron is to be had, else the browser
  cli     the command line: list, capture, show, set, restore, diff, journal, check, layout, convert, presets
  test    everything: types, walls, lint, unit, native, live and end-to-end tests
  check   the part of it that takes seconds: types, walls, lint, unit and native tests
  e2e     the end-to-end tests alone
  amx     the tests on an emulated machine with AMX alone
  bench   measurements: memory and time of long histories
  build   the helper and the bundles
  dist    the deb and AppImage packages, in release/
`;

/** @type {Record<string, (args: string[]) => Promise<number>>} */
const COMMANDS = {
  start: async (args) => start(args),
  cli: async (args) => {
    await ensurePackages();
    await ensureHelper();
    await ensureMain();
    const { runCli } = await import(new URL('../dist/main/cli.js', import.meta.url).href);
    return runCli(args);
  },
  test: async (args) => runTests(args),
  check: async (args) => runCheck(args),
  e2e: async (args) => runE2e(args),
  amx: async (args) => runAmx(args),
  bench: async () => runBench(),
  build: async (args) => {
    if (args.length > 0) fail(`build takes no arguments, got ${args.join(' ')}`);
    await ensurePackages();
    await buildAll();
    return 0;
  },
  dist: async (args) => distribute(args),
};

const [command = '', ...args] = process.argv.slice(2);
requireNode();
const run = COMMANDS[command];
if (run === undefined) {
  process.stderr.write(command === '' ? USAGE : `Tilescope: no command named ${command}\n\n${USAGE}`);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await run(args);
  } catch (error) {
    if (!isFault(error)) throw error;
    explain(error.message);
    process.exitCode = 1;
  }
}
