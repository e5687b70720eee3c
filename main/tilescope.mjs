#!/usr/bin/env node
/** The command `tilescope` of the npm package: the command line for its verbs, and the window for everything else. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const VERBS = new Set([
  'list',
  'capture',
  'show',
  'set',
  'restore',
  'diff',
  'journal',
  'check',
  'layout',
  'convert',
  'presets',
  'setup-privileges',
  '--help',
  '-h',
  '--version',
]);

const args = process.argv.slice(2);
const command = VERBS.has(args[0] ?? '') ? 'cli' : 'start';
const bootstrap = fileURLToPath(new URL('./bootstrap.mjs', import.meta.url));
const { status, error } = spawnSync(process.execPath, [bootstrap, command, ...args], { stdio: 'inherit' });
if (error !== undefined) process.stderr.write(`Tilescope: ${error.message}\n`);
process.exitCode = status ?? 1;
