import { strict } from './strict.ts';

/** What this run of the stand-in is: set once by launch.ts, before any of the application's code. */
export interface Run {
  readonly exe: string;
  readonly packaged: boolean;
  /** Everything after the executable. */
  readonly words: readonly string[];
  readonly appPath: string;
  readonly manifest: { readonly name: string; readonly productName?: string; readonly main: string };
}

let current: Run | null = null;

export const beginRun = (run: Run): void => {
  current = run;
};

export const run = (): Run => {
  if (current === null) throw new Error('stand-in: nothing runs yet');
  return current;
};

/** Switches of Chromium's, by name, with their values; whatever stands behind `--` is no switch. */
export const switches = new Map<string, string>();

export const readSwitches = (words: readonly string[]): void => {
  for (const word of words) {
    if (word === '--') return;
    const [, name = '', value = ''] = /^--([^=]+)(?:=(.*))?$/.exec(word) ?? [];
    if (name !== '') switches.set(name, value);
  }
};

/** The platform that draws: Electron's command line works on a machine without a display through `headless` alone. */
export const isHeadless = (): boolean => switches.get('ozone-platform') === 'headless';

const LOGGED = process.env.STAND_IN_LOG !== undefined;

export const log = (...words: readonly unknown[]): void => {
  if (LOGGED) process.stderr.write(`stand-in: ${words.join(' ')}\n`);
};

/** What a test asks the run about: menus, error boxes and what else never reaches the page. */
export const seen = { menu: null as unknown, popups: [] as unknown[] };

export const commandLine = strict('app.commandLine', {
  // The platform is chosen before the application's code is done: too late for that one.
  appendSwitch: (name: string, value = ''): void => {
    log('switch', name, value);
    if (!name.startsWith('ozone')) switches.set(name, value);
  },
  hasSwitch: (name: string): boolean => switches.has(name),
  getSwitchValue: (name: string): string => switches.get(name) ?? '',
});

/** The end of the process: not process.exit(), which is the application's way to Electron's own. */
export const endProcess = (code: number): never => {
  process.emit('exit', code);
  return (process as unknown as { reallyExit(code: number): never }).reallyExit(code);
};
