#!/usr/bin/env node
/**
 * The one door of the repository: `node main/bootstrap.mjs COMMAND`. It needs nothing but Node and brings everything else
 * to the state the command needs: packages, the helper, the bundles. Its own words go to stderr, so that the standard output
 * of `cli` is the command line's alone.
 */
import { explain, fail, isFault, requireNode } from './boot/say.mjs';

const USAGE = `Usage: node main/bootstrap.mjs COMMAND [ARGUMENT…]

  start   build what is stale and open Tilescope: the window where Electron is to be had, else the browser
  cli     the command line: cli --help shows its verbs
  test    everything: types, walls, lint, unit, native, live and end-to-end tests
  check   the part of it that takes seconds: types, walls, lint, unit and native tests
  e2e     the end-to-end tests alone
  hosts   the stories as if on other machines: without PKU, AVX-512, XSAVES, KVM or KVM_GET_XSAVE2, with Intel's layout, with AMX,
          and on another desktop; hosts NAME…: on those alone
  amx     the tests on an emulated machine with AMX alone
  fuzz    bytes of every kind for whatever takes bytes from outside, for --seconds N
  attack  a hostile client, hostile VMMs, a user without rights: what they could not do
  vmms    the compatibility table of the VMMs that are installed or given: --qemu PATH, --kvmtool PATH
  bench   measurements: memory and time of long histories, sizes of what is our own
  build   the helper and the bundles
  dist    the deb and AppImage packages, in release/
  prepack what npm pack puts in its package: the bundles, and the helper linked statically
`;

const tests = () => import('./boot/tests.mjs');

/** The command line, brought up to date. */
const builtCli = async () => {
  const [{ ensureHelper, ensureMain }, { ensurePackages }] = await Promise.all([
    import('./boot/build.mjs'),
    import('./boot/setup.mjs'),
  ]);
  await ensurePackages();
  await ensureHelper();
  await ensureMain();
  return import(new URL('../dist/main/cli.js', import.meta.url).href);
};

/** Each command loads its own part: a start of the command line is not to read what the tests need. */
/** @type {Record<string, (args: string[]) => Promise<number>>} */
const COMMANDS = {
  start: async (args) => (await import('./boot/start.mjs')).start(args),
  cli: async (args) => (await builtCli()).runCli(args),
  tilescope: async (args) => {
    const { CLI_VERBS, runCli } = await builtCli();
    return CLI_VERBS.includes(args[0] ?? '') ? runCli(args) : (await import('./boot/start.mjs')).start(args);
  },
  test: async (args) => (await tests()).runTests(args),
  check: async (args) => (await tests()).runCheck(args),
  e2e: async (args) => (await tests()).runE2e(args),
  hosts: async (args) => (await tests()).runHosts(args),
  amx: async (args) => (await tests()).runAmx(args),
  fuzz: async (args) => (await import('./boot/fuzz.mjs')).runFuzz(args),
  attack: async (args) => (await import('./boot/attack.mjs')).runAttack(args),
  vmms: async (args) => (await import('./boot/vmms.mjs')).runVmms(args),
  bench: async () => (await import('./boot/bench.mjs')).runBench(),
  prepack: async () => {
    const [{ buildAll, makeStatic }, { ensurePackages }] = await Promise.all([
      import('./boot/build.mjs'),
      import('./boot/setup.mjs'),
    ]);
    await ensurePackages();
    await buildAll();
    await makeStatic();
    return 0;
  },
  build: async (args) => {
    if (args.length > 0) fail(`build takes no arguments, got ${args.join(' ')}`);
    const [{ buildAll }, { ensurePackages }] = await Promise.all([
      import('./boot/build.mjs'),
      import('./boot/setup.mjs'),
    ]);
    await ensurePackages();
    await buildAll();
    return 0;
  },
  dist: async (args) => (await import('./boot/dist.mjs')).distribute(args),
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
