#!/usr/bin/env node
/**
 * The command `tilescope` of the npm package: the command line for its verbs, and the page in a browser for everything else.
 * In a clone the bundles are brought up to date first, and the window opens where Electron is.
 */
import { existsSync } from 'node:fs';

const [node = '', script = '', ...args] = process.argv;

if (process.env.TILESCOPE_AS_BUILT === undefined && existsSync(new URL('./bootstrap.mjs', import.meta.url))) {
  process.argv = [node, script, 'tilescope', ...args];
  await import('./bootstrap.mjs');
} else {
  const { CLI_VERBS, runCli } = await import(new URL('../dist/main/cli.js', import.meta.url).href);
  process.exitCode = await runCli(CLI_VERBS.includes(args[0] ?? '') ? args : ['web', ...args]);
}
