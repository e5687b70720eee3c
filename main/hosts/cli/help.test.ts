import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CAPTURE_EXPORTS, VALUE_EXPORTS } from '../../../app/formats/export/exports.ts';
import { EXIT_CODES } from '../../../app/refusals/exit.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import type { Host } from '../../services/host.ts';
import { fakeHost, type Ran, runOn } from '../../testing/command-line.ts';
import { parseCommand } from './arguments.ts';
import { candidates } from './complete.ts';
import { completionScript, SHELLS } from './completions.ts';
import { manPage, roff } from './man.ts';
import { OPTIONS, optionRow } from './options.ts';
import { VERBS, type VerbRow } from './verbs.ts';

let folder: string;
let host: Host;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-help-'));
  host = fakeHost(folder, {
    listTargets: async () =>
      answer({
        skippedCount: 0,
        targets: [
          {
            ...{
              pid: 4242,
              vmm: 'QEMU',
              name: 'debian-12',
              executable: '',
              user: 'u',
              runningMs: 1,
              startTimeTicks: '1',
            },
            vcpus: [0, 1].map((index) => ({
              ...{ index, vmmNumber: index, tid: null, fd: index },
              seccomp: 'none' as const,
            })),
            ...{ attachable: true, reason: null, remedy: null, vcpusLeftOut: 0 },
          },
        ],
      }),
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]): Promise<Ran> => runOn(host, args);

/** Whether a program is there. Where it is not, the test says so in its name: the run of all tests installs it first. */
const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const withProgram = (program: string) =>
  has(program)
    ? test
    : (name: string, _: () => unknown) => test.skip(`${name} (${program} is not installed)`, () => {});

describe('[C75] one table of verbs', () => {
  test.each(VERBS.map((row) => [row.name, row] as const))(
    '%s: --help has usage, options, examples, exit codes',
    async (name, row) => {
      const shown = await run(name, '--help');
      expect(shown).toMatchObject({ code: 0, err: '' });
      expect(shown.out).toBe((await run('help', name)).out);
      for (const line of row.usage) expect(shown.out).toContain(`tilescope ${name} ${line}`.trimEnd());
      for (const option of row.options) expect(shown.out).toContain(`--${option}`);
      for (const example of row.examples) expect(shown.out).toContain(example.line);
      expect(shown.out).toMatch(/\nExit codes\n {2}0 {2}done\n/);
      expect(Math.max(...shown.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(130);
    },
  );

  test('[C60] --vcpu is said to take either number, and what --suspend-seccomp risks is said where it is offered', async () => {
    const offered = async (verb: string): Promise<string> => (await run(verb, '--help')).out.replace(/\s+/g, ' ');
    for (const { name, options } of VERBS) {
      const taken: readonly string[] = options;
      if (taken.includes('vcpu'))
        expect(await offered(name)).toContain('by KVM’s number (its APIC id) or by the VMM’s number of the CPU');
      if (taken.includes('suspend-seccomp'))
        expect(await offered(name)).toContain(
          'a helper killed in the microseconds of such a call takes the VMM with it',
        );
    }
  });

  test('every option belongs to a verb, and every verb’s options are parsed', () => {
    const taken = new Set<string>(VERBS.flatMap((row) => [...row.options]));
    expect(OPTIONS.map(({ name }) => name).filter((name) => name !== 'help' && !taken.has(name))).toEqual([]);
    for (const row of VERBS) {
      if (['web', 'batch', 'completions', 'man', 'help'].includes(row.name)) continue;
      const { flags }: VerbRow = row;
      for (const option of row.options) {
        const { value } = optionRow(option);
        const parsed = parseCommand([
          row.name,
          `--${option}${value === null || flags?.[option] !== undefined ? '' : '=1'}`,
        ]);
        const what = parsed.ok ? '' : parsed.refusal.what;
        expect(what, `${row.name} --${option}`).not.toMatch(/Unknown option|does not take an argument/);
      }
      const other = parseCommand([row.name, '--no-such-option']);
      expect(other.ok ? '' : other.refusal.what).toContain('Unknown option');
    }
  });

  test('exit codes are told once: 0 to the last, no two alike', () => {
    expect(EXIT_CODES.map(({ code }) => code)).toEqual(EXIT_CODES.map((_, index) => index));
  });

  test('the formats that convert tells of are those that there are', async () => {
    const { out } = await run('convert', '--help');
    const told = /FORMAT of everything: ([a-z, ]+)\.\s+Of one register \(--path\):\s+([a-z, ]+)\./.exec(
      out.replaceAll('\n', ' '),
    );
    const listed = (formats: readonly { readonly id: string }[]): string => formats.map(({ id }) => id).join(', ');
    expect([told?.[1], told?.[2]]).toEqual([listed(CAPTURE_EXPORTS), listed(VALUE_EXPORTS)]);
  });

  test('a verb that is nearly one', async () => {
    const ran = await run('shwo', 'a.json');
    expect(ran.code).toBe(2);
    expect(ran.err).toContain('near: show');
    expect(await run('help', 'frob')).toMatchObject({ code: 2, out: '' });
  });
});

describe('[C76] tilescope(1)', () => {
  withProgram('man')('man finds nothing to warn of', () => {
    const path = join(folder, 'tilescope.1');
    writeFileSync(path, manPage());
    const ran = spawnSync('man', ['--warnings', '-E', 'UTF-8', '-l', path], {
      encoding: 'utf8',
      env: { ...process.env, MANROFFSEQ: '', MANWIDTH: '100', LC_ALL: 'C.UTF-8', PAGER: 'cat' },
    });
    expect({ stderr: ran.stderr, status: ran.status }).toEqual({ stderr: '', status: 0 });
    const plain = ran.stdout.replaceAll(new RegExp(`.${String.fromCharCode(8)}`, 'g'), '');
    for (const { name } of VERBS) expect(plain).toMatch(new RegExp(`^ +${name}$`, 'm'));
    for (const { name } of OPTIONS) expect(plain).toContain(`--${name}`);
    expect(plain).toContain('tilescope completions bash');
    expect(plain).toMatch(/EXIT STATUS\n +0 +done/);
  });

  test('no text is taken for a request or an escape', () => {
    expect(roff('.SH x')).toBe('\\&.SH x');
    expect(roff("'a \\b -c")).toBe('\\(aqa \\eb \\-c');
    for (const line of manPage().split('\n'))
      expect(line).toMatch(/^([^.'].*|\.(TH|SH|SS|PP|TP|br|B|BR|I)\b.*|\\&\..*|)$/);
  });
});

const words = async (...typed: string[]): Promise<string[]> =>
  (await candidates(typed, async () => host)).map(({ word }) => word);

describe('[C77] completions', () => {
  test.each<[string[], string[]]>([
    [['ca'], ['capture', ':files']],
    [['show', '--pi'], ['--pid']],
    [['show', '--pid', ''], ['4242']],
    [
      ['show', '--pid', '4242', '--vcpu', ''],
      ['0', '1'],
    ],
    [
      ['show', '--pid', '4242', 'mxc'],
      ['mxcsr', 'mxcsr_mask'],
    ],
    [['show', 'a.json', 'mxcsr.R'], ['mxcsr.RC']],
    [
      ['show', 'a.json', 'tmm0:bf'],
      ['tmm0:bf16', 'tmm0:bf8'],
    ],
    [['set', '--pid', '4242', 'pkr'], ['pkru=']],
    [['check', 'a.json', '--preset', 'sapphire'], ['sapphire-rapids']],
    [['check', ''], [':files']],
    [['convert', 'a.json', '--to', 'co'], ['core']],
    [
      ['convert', 'a.json', '--path', 'zmm3', '--to', 'n'],
      ['numpy', 'npy'],
    ],
    [['restore', '--pid', '4242', '--only', 'avx,opm'], ['avx,opmask']],
    [
      ['diff', 'pid'],
      [':files', 'pid:4242/0', 'pid:4242/1'],
    ],
    [['product', 'a.json', 'tmm0', 'tmm7'], ['tmm7']],
    [['product', 'a.json', '--instruction', 'TDPBSS'], ['TDPBSSD']],
    [
      ['completions', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['journal', 'r'], ['restore']],
    [['help', 'pro'], ['product']],
    [['frob', ''], []],
  ])('%j', async (typed, expected) => {
    expect(await words(...typed)).toEqual(expected);
  });

  test('an option that was given is not offered again', async () => {
    expect(await words('show', '--json', '--')).not.toContain('--json');
  });

  test('every verb offers all of its options', async () => {
    for (const { name, options } of VERBS) {
      expect(await words(name, '--')).toEqual([...options, 'help'].map((option) => `--${option}`));
    }
  });

  /** A `tilescope` that answers like the real one, from what the test says. */
  const fakeProgram = (answers: string): string => {
    const path = join(folder, 'tilescope');
    writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' "$*" >>"${folder}/asked"\nprintf '${answers}'\n`);
    chmodSync(path, 0o755);
    return path;
  };

  const scriptFile = (shell: string): string => {
    const path = join(folder, `tilescope.${shell}`);
    writeFileSync(path, completionScript(shell) ?? '');
    return path;
  };

  const inShell = (shell: string, args: string[], code: string): string => {
    const ran = spawnSync(shell, [...args, code], {
      encoding: 'utf8',
      cwd: folder,
      env: { ...process.env, HOME: folder, PATH: `${folder}:${process.env.PATH}`, TERM: 'dumb', LC_ALL: 'C.UTF-8' },
    });
    expect(ran.stderr).toBe('');
    return ran.stdout;
  };

  withProgram('bash')('bash: words with ":" and "=" in them are replaced behind these alone', () => {
    fakeProgram('tmm0:bf16\\ta type\\ntmm0:bf8\\n');
    const line = 'tilescope show a.json tmm0:b';
    const said = inShell(
      'bash',
      ['--norc', '-c'],
      `. ${scriptFile('bash')}; COMP_LINE='${line}' COMP_POINT=${line.length}; _tilescope; printf '%s\\n' "\${COMPREPLY[@]}"`,
    );
    expect(said).toBe('bf16\nbf8\n');
    expect(inShell('cat', [], join(folder, 'asked'))).toBe('__complete show a.json tmm0:b\n');
  });

  withProgram('bash')('bash: files come from the shell', () => {
    fakeProgram(':files\\n');
    writeFileSync(join(folder, 'before.json'), '');
    const line = 'tilescope check bef';
    expect(
      inShell(
        'bash',
        ['--norc', '-c'],
        `. ${scriptFile('bash')}; COMP_LINE='${line}' COMP_POINT=${line.length}; _tilescope; printf '%s\\n' "\${COMPREPLY[@]}"`,
      ),
    ).toBe('before.json\n');
  });

  withProgram('shellcheck')('shellcheck finds nothing in the bash script', () => {
    const ran = spawnSync('shellcheck', ['--shell=bash', scriptFile('bash')], { encoding: 'utf8' });
    expect({ out: ran.stdout, status: ran.status }).toEqual({ out: '', status: 0 });
  });

  withProgram('fish')('fish', () => {
    fakeProgram('4242\\tQEMU debian\\n');
    expect(
      inShell('fish', ['--no-config', '-c'], `source ${scriptFile('fish')}; complete -C 'tilescope show --pid '`),
    ).toBe('4242\tQEMU debian\n');
    expect(inShell('cat', [], join(folder, 'asked'))).toBe('__complete show --pid \n');
  });

  withProgram('zsh')('zsh', () => {
    fakeProgram('tmm0:bf16\\ta type\\nk3\\t64 bits\\n:files\\n');
    // compsys needs a line editor; what is handed to it is looked at instead.
    const stubs = `compdef() { : }; _files() { print files }; _describe() { shift 3; print -rl \${(P)1} };`;
    const said = inShell(
      'zsh',
      ['-f', '-c'],
      `${stubs} source ${scriptFile('zsh')}; words=(tilescope show a.json ''); CURRENT=4; _tilescope`,
    );
    expect(said).toBe('files\ntmm0\\:bf16:a type\nk3:64 bits\n');
    expect(inShell('cat', [], join(folder, 'asked'))).toBe('__complete show a.json \n');
  });

  test('a script for each shell, and none for others', async () => {
    for (const shell of SHELLS) expect((await run('completions', shell)).out).toBe(completionScript(shell));
    expect(await run('completions', 'csh')).toMatchObject({ code: 2, out: '' });
  });
});
