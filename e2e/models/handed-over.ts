import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'playwright/test';
import { startBuilt, WebHost } from './tilescope.ts';

/** Root opens no browser: in a user namespace the same process has another number, and root's files all the same. */
const AS_USER = process.getuid?.() === 0 ? ['unshare', '--user', '--map-user=54321', '--'] : [];

/** Why a web host cannot be started here that opens a browser; null: it can. */
export const noBrowserUser = (): string | null => {
  const [program, ...words] = AS_USER;
  return program === undefined || spawnSync(program, [...words, 'true']).status === 0
    ? null
    : 'root has no user namespace here, and opens no browser';
};

/** In the place of xdg-open: notes what it was started with, and stays until everything has been looked at. */
const BROWSER = `#!/bin/sh
tr '\\0' '\\n' < /proc/$$/environ > "$NOTES/environment"
printf '%s\\n' "$@" > "$NOTES/arguments.new"
mv "$NOTES/arguments.new" "$NOTES/arguments"
while [ -d "$NOTES" ] && [ ! -e "$NOTES/over" ]; do sleep 0.05; done
`;

const NAME = 'TILESCOPE_HANDED_OVER';

/** A process as every user, or its own, can see it. */
export interface Seen {
  readonly pid: number;
  readonly name: string;
  /** Command line, environment and name, as /proc has them. */
  readonly all: string;
}

/** A web host that opens a browser, with all that it starts: what it hands over to whom. */
export class HandedOver {
  readonly #folder: string;
  readonly #mark: string;
  readonly host: WebHost;

  private constructor(folder: string, mark: string, host: WebHost) {
    this.#folder = folder;
    this.#mark = mark;
    this.host = host;
  }

  static async start(): Promise<HandedOver> {
    const folder = mkdtempSync(join(tmpdir(), 'tilescope-handed-'));
    for (const name of ['bin', 'notes', 'runtime', 'state', 'tmp']) mkdirSync(join(folder, name), { mode: 0o700 });
    writeFileSync(join(folder, 'bin', 'xdg-open'), BROWSER, { mode: 0o755 });
    const environment = {
      [NAME]: folder,
      ...{ DISPLAY: ':99', NOTES: join(folder, 'notes'), PATH: `${join(folder, 'bin')}:${process.env.PATH ?? ''}` },
      ...{
        XDG_RUNTIME_DIR: join(folder, 'runtime'),
        XDG_STATE_HOME: join(folder, 'state'),
        TMPDIR: join(folder, 'tmp'),
      },
    };
    const host = await WebHost.serving(startBuilt('web', ['--deterministic'], environment, AS_USER));
    return new HandedOver(folder, `${NAME}=${folder}`, host);
  }

  /** What the browser was started with, one word a line. */
  async browserArguments(): Promise<string> {
    const path = join(this.#folder, 'notes', 'arguments');
    await expect.poll(() => existsSync(path)).toBe(true);
    return readFileSync(path, 'utf8').trim();
  }

  /** The host and whatever it has started, each known by a variable that it inherited; what has ended is left out. */
  processes(): readonly Seen[] {
    return readdirSync('/proc').flatMap((pid) => {
      if (!/^\d+$/.test(pid)) return [];
      try {
        const [name = '', environment, line] = ['comm', 'environ', 'cmdline'].map((file) =>
          readFileSync(`/proc/${pid}/${file}`, 'utf8'),
        );
        const all = `${name}\n${environment}\n${line}`;
        return all.includes(this.#mark) ? [{ pid: Number(pid), name: name.trim(), all }] : [];
      } catch {
        return []; // It has ended, or is nobody's whom this user may look into.
      }
    });
  }

  /** The files, by their paths, in which this stands: what the host was given to write into, all of it. */
  filesWith(text: string): readonly string[] {
    return readdirSync(this.#folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => readFileSync(path, 'utf8').includes(text));
  }

  async stop(): Promise<void> {
    writeFileSync(join(this.#folder, 'notes', 'over'), '');
    await this.host.stop();
    await expect.poll(() => this.processes().map(({ name }) => name)).toEqual([]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
