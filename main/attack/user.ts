import { spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { kvmAbsent } from '../boot/kvm.mjs';
import { openPage } from './page.ts';
import type { Attacked } from './report.ts';
import { startHost } from './web-host.ts';

/**
 * Another user of the same machine, without rights, made as root: what can be seen of a user's Tilescope (command lines,
 * environments, files), what can be opened with it, and what its helper can be made to do to root's VMM.
 */

const OWNER = 54_321;
const STRANGER = 54_322;

/** Run as the stranger: everything that can be read of other processes and places, over and over until it is told to stop. */
const SPY = `
import { readdirSync, readFileSync } from 'node:fs';
let seen = ''; let looks = 0; let stop = false;
process.stdin.on('data', () => { stop = true; });
const read = (path) => { try { return readFileSync(path, 'latin1'); } catch { return ''; } };
while (!stop) {
  looks += 1;
  for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
    for (const file of ['cmdline', 'environ', 'comm', 'wchan', 'stat', 'mounts']) {
      const text = read('/proc/' + pid + '/' + file);
      if (file === 'cmdline' || file === 'environ') seen += text + '\\n';
    }
  }
  for (const place of process.argv.slice(1)) seen += read(place) + '\\n';
  if (seen.length > 1 << 24) seen = seen.slice(-(1 << 23));
  await new Promise((resolve) => setTimeout(resolve, 0));
}
process.stdout.write(JSON.stringify({ looks, seen }));
`;

const spyFrom = (places: readonly string[]) => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', SPY, '--', ...places], {
    stdio: ['pipe', 'pipe', 'inherit'],
    uid: STRANGER,
    gid: STRANGER,
    cwd: '/',
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  return async (): Promise<{ looks: number; seen: string }> => {
    child.stdin.end('stop');
    await gone;
    return JSON.parse(out) as { looks: number; seen: string };
  };
};

const runAs = (uid: number, path: string, args: readonly string[], environment: Record<string, string>, input = '') =>
  new Promise<{ code: number | null; out: string }>((resolve) => {
    const child = spawn(path, [...args], { uid, gid: uid, cwd: '/', env: { ...process.env, ...environment } });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        out += chunk.toString();
      });
    }
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.once('error', (error) => resolve({ code: -1, out: error.message }));
    child.once('close', (code) => resolve({ code, out }));
  });

/** A build that users without rights may run, wherever the repository lies. */
const publicBuild = (web: string, folder: string): string => {
  const dist = dirname(dirname(web));
  for (const part of ['main', 'renderer']) cpSync(join(dist, part), join(folder, 'dist', part), { recursive: true });
  mkdirSync(join(folder, 'dist', 'native'));
  for (const program of ['tilescope-helper', 'demo-vmm']) {
    copyFileSync(join(dist, 'native', program), join(folder, 'dist', 'native', program));
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  chmodSync(folder, 0o755);
  return join(folder, 'dist', 'main', 'web.js');
};

/** In the place of the browser: notes what it was started with, and stays until everything has been looked at. */
const BROWSER = `#!/bin/sh
tr '\\0' '\\n' < /proc/$$/environ > "$NOTES/environment"
printf '%s\\n' "$@" > "$NOTES/arguments.new"
mv "$NOTES/arguments.new" "$NOTES/arguments"
while [ -d "$NOTES" ] && [ ! -e "$NOTES/over" ]; do sleep 0.05; done
`;

const refusedWith = async (port: number, word: string): Promise<string> => {
  try {
    (await openPage(port, word)).close();
    return 'let in';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

export const attackAsUser = async (web: string): Promise<Attacked | null> => {
  if (process.getuid?.() !== 0) return null;
  const folder = mkdtempSync(join(tmpdir(), 'tilescope-attack-'));
  const broken: string[] = [];
  const figures: string[] = [];
  const must = (holds: boolean, what: string): void => {
    if (!holds) broken.push(what);
  };
  try {
    const built = publicBuild(web, folder);
    const bin = join(folder, 'bin');
    const notes = join(folder, 'notes');
    const home = join(folder, 'home');
    const runtime = join(folder, 'runtime');
    for (const path of [bin, notes, home, runtime]) mkdirSync(path);
    writeFileSync(join(bin, 'xdg-open'), BROWSER, { mode: 0o755 });
    for (const path of [notes, home, runtime]) await runAs(0, 'chown', [String(OWNER), path], {});
    for (const path of [notes, runtime]) chmodSync(path, 0o700);

    const spy = spyFrom([]);
    const host = await startHost({
      web: built,
      uid: OWNER,
      words: ['--port', '0'],
      environment: {
        ...{ DISPLAY: ':99', NOTES: notes, HOME: home, PATH: `${bin}:${process.env.PATH ?? ''}` },
        ...{ XDG_RUNTIME_DIR: runtime, XDG_STATE_HOME: join(home, 'state'), TMPDIR: '/tmp' },
      },
    });
    const started = join(notes, 'arguments');
    for (let tries = 0; tries < 300 && !existsSync(started); tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { looks, seen } = await spy();
    writeFileSync(join(notes, 'over'), '');
    const at = existsSync(started) ? readFileSync(started, 'utf8').trim() : '';
    figures.push(
      `${looks} looks at every command line and environment while a browser was started: ${seen.includes(host.token) ? 'the token' : 'no token'}`,
    );
    must(!seen.includes(host.token), 'another user saw the token');
    const environment = existsSync(join(notes, 'environment')) ? readFileSync(join(notes, 'environment'), 'utf8') : '';
    must(!`${at}${environment}`.includes(host.token), 'the browser was started with the token');
    const redirect = at.startsWith('file://') ? new URL(at).pathname : null;
    if (redirect !== null) {
      const read = await runAs(STRANGER, '/bin/cat', [redirect], {});
      must(read.code !== 0 && !read.out.includes(host.token), 'another user read the file that leads to the page');
      figures.push(`the file that leads to the page, read as another user: ${read.out.trim().split(': ').at(-1)}`);
    } else must(false, `no browser was started: ${host.said()}`);

    const words = ['tilescope.token.x', `tilescope.secret.${'x'.repeat(43)}`, 'tilescope.secret.'];
    const answers = await Promise.all(words.map((word) => refusedWith(host.port, word)));
    must(!answers.includes('let in'), 'a stranger was let in');
    figures.push(`WebSockets of a stranger: ${answers.join(', ')}`);
    const page = await openPage(host.port, `tilescope.token.${host.token}`);
    must(
      (await refusedWith(host.port, `tilescope.token.${host.token}`)) !== 'let in',
      'the token was good for two uses',
    );
    page.close();
    const ended = await host.end('SIGTERM');
    must(ended.code === 0, `the host ended with ${ended.code}`);
    const outlivers = await host.outlivers();
    must(outlivers.length === 0, `it is outlived by ${outlivers.join(', ')}`);
    must(redirect === null || !existsSync(redirect), 'the file that leads to the page was left behind');
    await attackVmm(join(folder, 'dist', 'native'), figures, must);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { name: 'local user without rights', figures, broken };
};

/** Root's VMM, and a helper without rights that is asked to attach to it. */
const attackVmm = async (
  native: string,
  figures: string[],
  must: (holds: boolean, what: string) => void,
): Promise<void> => {
  const absent = kvmAbsent();
  if (absent !== null) {
    figures.push(`skipped: root’s VMM as another user: ${absent}`);
    return;
  }
  const demo = spawn(join(native, 'demo-vmm'), [], { stdio: ['pipe', 'pipe', 'inherit'] });
  const gone = new Promise((resolve) => demo.once('exit', resolve));
  const pid = await new Promise<string>((resolve) => {
    let said = '';
    demo.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const found = /pid=(\d+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    void gone.then(() => resolve(''));
  });
  const cli = join(dirname(native), 'main', 'cli.js');
  const script = 'process.exitCode = await (await import(process.argv[1])).runCli(process.argv.slice(2))';
  const verbs = [
    ['show', '--pid', pid],
    ['set', '--pid', pid, 'rax=1'],
    ['capture', '--pid', pid, '--out', '/tmp/never.json'],
  ];
  for (const words of verbs) {
    const done = await runAs(STRANGER, process.execPath, ['--input-type=module', '-e', script, '--', cli, ...words], {
      HOME: '/nonexistent',
    });
    must(done.code !== 0 && done.code !== null, `another user's ${words[0]} of root's VMM was done`);
    figures.push(
      `${words[0]} of root's VMM as another user: ended with ${done.code}, ${done.out.trim().split('\n')[0] ?? ''}`,
    );
  }
  must(demo.exitCode === null && demo.signalCode === null, 'root’s VMM has ended');
  demo.stdin.end();
  await gone;
};
