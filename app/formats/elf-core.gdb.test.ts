import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readU64, toHexHighFirst } from '../bits/bytes.ts';
import { assert } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import { isDoubtful } from '../register/doubt.ts';
import { parsePath } from '../register/path.ts';
import { showText } from '../register/read.ts';
import { vectorBytes } from '../register/vector.ts';
import { BIT } from '../xsave/components.ts';
import { convertImage, restrictLayout } from '../xsave/convert.ts';
import { layoutFromCpuid } from '../xsave/layout.ts';
import { fcw, mxcsr, stBytes, stIsEmpty, top } from '../xsave/legacy.ts';
import { findPreset } from '../xsave/presets.ts';
import { componentBytesOrInit } from '../xsave/view.ts';
import { openBytes } from './detect.ts';
import { writeCore } from './elf-write.ts';
import { gdbCommands } from './export/gdb.ts';
import {
  extendedOf,
  KNOWN_FCW,
  KNOWN_MXCSR,
  KNOWN_X87_DEPTH,
  knownOpmask,
  knownSt,
  knownZmm,
} from './testdata/known-state.ts';
import { whyGdbWritesNoVectors } from './testing/gdb-here.ts';

/*
 * Cores of a process whose registers are known, and gdb as the stranger who reads them too. What is missing on a machine
 * is said by name before the tests are skipped.
 */
const SOURCE = fileURLToPath(new URL('testdata/known_state.c', import.meta.url));

const runs = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

const directory = mkdtempSync(join(tmpdir(), 'tilescope-core-'));
const program = join(directory, 'known_state');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const missing = ((): string | null => {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'this is not Linux on x86-64';
  if (!runs('cc', '--version')) return 'cc is not installed';
  if (!/\bavx512bw\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))) return 'this CPU has no AVX-512';
  const compiled = spawnSync('cc', ['-O1', '-Wall', '-Wextra', '-Werror', '-pthread', SOURCE, '-o', program]);
  assert(compiled.status === 0, `known_state.c does not compile: ${compiled.stderr}`);
  return null;
})();
const missingGdb = missing ?? (runs('gdb', '--version') ? null : 'gdb is not installed');
const missingProcess = missingGdb ?? whyGdbWritesNoVectors('gdb');

const corePattern = missing === null ? readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim() : '';
const missingCore =
  missing ??
  (/^[^|/]+$/.test(corePattern) ? null : `core_pattern is ${corePattern}: cores do not go to the current folder`) ??
  (runs('bash', '-c', 'ulimit -c unlimited') ? null : 'the limit on the size of cores cannot be raised');

for (const [what, why] of [
  ['Cores of gdb', missingGdb],
  ['Registers that gdb sets', missingProcess],
  ['Cores of the kernel', missingCore],
]) {
  if (why !== null) console.log(`${what} are not compared: ${why}`);
}

const gdb = (...commands: string[]): string => {
  const settings = ['set print repeats unlimited', 'set print elements unlimited', 'set height 0', 'set width 0'];
  const args = ['-q', '-nx', '-batch', ...[...settings, ...commands].flatMap((command) => ['-ex', command])];
  return spawnSync('gdb', args, { cwd: directory, encoding: 'utf8', timeout: 500_000 }).stdout;
};

/** `echo` marks each answer, so that gdb's own words around them do not matter. */
const ask = (core: string, thread: number, expressions: readonly string[]): string[] => {
  const commands = expressions.flatMap((expression, index) => [
    `echo <${index}>`,
    `output ${expression}`,
    'echo </>\\n',
  ]);
  const printed = gdb(`core-file ${core}`, `thread ${thread}`, ...commands);
  return expressions.map((_, index) => new RegExp(`<${index}>([^]*?)</>`).exec(printed)?.[1]?.trim() ?? 'no answer');
};

const open = (file: string): Capture[] => {
  const opened = openBytes(file, readFileSync(join(directory, file)));
  if (!opened.ok) throw new Error(JSON.stringify(opened.problem));
  expect(opened.value.kind).toBe('elf-core');
  return opened.value.states.map((state) => state.capture);
};

const opmask = ({ image }: Capture, register: number): bigint =>
  readU64(componentBytesOrInit(image, BIT.opmask), 8 * register);

const zmmHex = ({ image }: Capture, register: number): string => {
  const bytes = vectorBytes(image, 'zmm', register);
  return bytes === null ? 'absent' : toHexHighFirst(bytes);
};

const expectLegacyAndAvx = (capture: Capture, thread: number): void => {
  const { image } = capture;
  expect(fcw(image)).toBe(KNOWN_FCW[thread]);
  expect(mxcsr(image)).toBe(KNOWN_MXCSR[thread]);
  expect(top(image)).toBe(8 - KNOWN_X87_DEPTH);
  for (let stack = 0; stack < 8; stack += 1) {
    expect(stIsEmpty(image, stack)).toBe(stack >= KNOWN_X87_DEPTH);
    if (stack < KNOWN_X87_DEPTH) expect(stBytes(image, stack)).toEqual(extendedOf(knownSt(thread, stack)));
  }
  for (let register = 0; register < 16; register += 1) {
    expect(vectorBytes(image, 'ymm', register)).toEqual(knownZmm(thread, register).slice(0, 32));
  }
};

const expectAvx512 = (capture: Capture, thread: number): void => {
  for (let register = 0; register < 32; register += 1) {
    expect(zmmHex(capture, register)).toBe(toHexHighFirst(knownZmm(thread, register)));
  }
  for (let register = 0; register < 8; register += 1) {
    expect(opmask(capture, register)).toBe(knownOpmask(thread, register));
  }
};

/** gdb's "{0x1, 0x2}" of 64-bit lanes as one hex number, highest lane first. */
const joined = (answer: string): string => {
  const lanes = [...answer.matchAll(/0x([0-9a-f]+)/g)].map((match) => (match[1] ?? '').padStart(16, '0'));
  return lanes.reverse().join('');
};

const zmmExpressions = Array.from({ length: 32 }, (_, register) => `/x $zmm${register}.v8_int64`);
const opmaskExpressions = Array.from({ length: 8 }, (_, register) => `/x $k${register}`);
const stExpressions = Array.from({ length: KNOWN_X87_DEPTH }, (_, register) => `$st${register}`);

const converted = (capture: Capture): Capture => {
  const preset = findPreset('ice-lake-sp');
  const intel = preset === undefined ? undefined : layoutFromCpuid(preset.cpuid, preset.label);
  assert(intel?.ok, 'the preset has a layout');
  const place = capture.image.layout.components.some(({ bit }) => bit === BIT.PKRU) ? 0x2e7n : 0xe7n;
  const result = convertImage(capture.image, restrictLayout(intel.value, place));
  if (!result.ok) throw new Error(JSON.stringify(result.problem));
  expect(result.value.lost).toEqual([]);
  return { ...capture, image: result.value.image };
};

describe.skipIf(missingCore !== null)('a core of the kernel', () => {
  let captures: Capture[] = [];
  let file = '';
  beforeAll(() => {
    const shell = `ulimit -c unlimited && cd "${directory}" && "${program}"`;
    const ended = spawnSync('bash', ['-c', shell], { timeout: 500_000 });
    assert(ended.status === 134 || ended.signal === 'SIGABRT', `it ended with ${ended.status}`);
    file = readdirSync(directory).find((name) => name.startsWith('core')) ?? '';
    assert(file !== '', `no core in the folder, core_pattern is ${corePattern}`);
    captures = open(file);
  });

  test('[F5] every lane of both threads is the one that was loaded', () => {
    expect(captures).toHaveLength(2);
    for (const [thread, capture] of captures.entries()) {
      expectLegacyAndAvx(capture, thread);
      expectAvx512(capture, thread);
    }
  });

  test('[F5] the layout is the one the kernel wrote beside it, where it does', () => {
    const release = readFileSync('/proc/sys/kernel/osrelease', 'utf8').split('.').map(Number.parseFloat);
    const writesLayout = (release[0] ?? 0) > 6 || (release[0] === 6 && (release[1] ?? 0) >= 12);
    const source = captures[0]?.image.layout.source ?? '';
    if (writesLayout) expect(source).toBe('NT_X86_XSAVE_LAYOUT');
    else expect(source).toContain('guessed');
  });

  test('[F6] without its layout note the same lanes come from the guess', () => {
    const bytes = Uint8Array.from(readFileSync(join(directory, file)));
    // The note's type, with the size and name before it: turned into a type that nobody reads.
    const at = Buffer.from(bytes).indexOf(Buffer.from(`05020000${Buffer.from('LINUX\0').toString('hex')}`, 'hex'));
    if (at >= 0) bytes[at] = 0xff;
    const opened = openBytes(file, bytes);
    assert(opened.ok, 'the core still opens');
    for (const [thread, { capture }] of opened.value.states.entries()) {
      expect(capture.image.layout.source).toContain('guessed');
      expectAvx512(capture, thread);
    }
  });

  test('[F5] one thread by its id', () => {
    const tid = captures[1]?.facts.target.tid ?? -1;
    const opened = openBytes(file, readFileSync(join(directory, file)), { thread: tid });
    assert(opened.ok, 'the core opens');
    expect(opened.value.states.map((state) => state.label)).toEqual([`thread ${tid}`]);
    expect(openBytes(file, readFileSync(join(directory, file)), { thread: 1 }).ok).toBe(false);
  });

  test.skipIf(missingGdb !== null)('[F5] general registers and XMM are those that gdb reads', () => {
    for (const [thread, capture] of captures.entries()) {
      const registers = [
        '/x $rip',
        '/x $rsp',
        '/x $rdi',
        '/x $r12',
        '/x $eflags',
        '/x $xmm7.uint128',
        '/x $xmm15.uint128',
      ];
      const [rip, rsp, rdi, r12, eflags, xmm7, xmm15] = ask(file, thread + 1, registers).map((answer) =>
        BigInt(answer),
      );
      const general = capture.facts.general;
      expect([general?.rip, general?.rsp, general?.rdi, general?.r12]).toEqual([rip, rsp, rdi, r12]);
      expect(general?.rflags).toBe(eflags);
      const xmm = (register: number) => vectorBytes(capture.image, 'xmm', register) ?? new Uint8Array(0);
      expect(BigInt(`0x${toHexHighFirst(xmm(7))}`)).toBe(xmm7);
      expect(BigInt(`0x${toHexHighFirst(xmm(15))}`)).toBe(xmm15);
    }
  });

  test.skipIf(missingGdb !== null)('[R2] gdb’s names mean here what they mean in gdb', () => {
    const names = [
      ...['ftag', 'fctrl', 'fstat', 'fiseg', 'fioff', 'foseg', 'fooff', 'fop'],
      ...['pc', 'sp', 'eax', 'ax', 'al', 'ah', 'esi', 'sil', 'r9d', 'r9w', 'r9l'],
      ...['cs', 'ss', 'ds', 'fs_base', 'gs_base', 'eflags'],
      ...['xmm3.v4_int32[2]', 'xmm5.v2_int64[1]', 'xmm1.uint128'],
    ];
    for (const [thread, capture] of captures.entries()) {
      const answers = ask(
        file,
        thread + 1,
        names.map((name) => `/x $${name}`),
      );
      for (const [index, name] of names.entries()) {
        const path = parsePath(`$${name}`);
        assert(path.ok, `${name} is a path`);
        // Signed elements are numbers here and bits there.
        const widthBits = Number(/_int(\d+)/.exec(name)?.[1] ?? 128);
        const shown = BigInt.asUintN(widthBits, BigInt(showText(capture, path.value)));
        expect([name, `0x${shown.toString(16)}`]).toEqual([name, answers[index]]);
      }
    }
  });

  test.skipIf(missingGdb !== null)(
    '[F7] converted to the Intel layout and written as a core, gdb reads every lane',
    () => {
      for (const [thread, capture] of captures.entries()) {
        const core = writeCore(converted(capture));
        assert(core.ok, 'a standard image can be written');
        writeFileSync(join(directory, 'written.core'), core.value);
        const reopened = open('written.core');
        expect(reopened[0]?.image.layout.source).toBe('NT_X86_XSAVE_LAYOUT');
        expectAvx512(reopened[0] as Capture, thread);

        const answers = ask('written.core', 1, [
          ...zmmExpressions,
          ...opmaskExpressions,
          ...stExpressions,
          '/x $rip',
          '/x $fctrl',
          '$mxcsr',
        ]);
        for (let register = 0; register < 32; register += 1) {
          expect(joined(answers[register] ?? '')).toBe(toHexHighFirst(knownZmm(thread, register)));
        }
        for (let register = 0; register < 8; register += 1) {
          expect(BigInt(answers[32 + register] ?? '')).toBe(knownOpmask(thread, register));
        }
        for (let stack = 0; stack < KNOWN_X87_DEPTH; stack += 1) {
          expect(Number(answers[40 + stack])).toBe(knownSt(thread, stack));
        }
        expect(BigInt(answers[46] ?? '')).toBe(capture.facts.general?.rip);
        expect(Number(answers[47])).toBe(KNOWN_FCW[thread]);
        // gdb names the bits that are set; RC is two of them.
        expect(answers[48]).toBe(thread === 0 ? '[ IM DM ZM OM UM PM FZ ]' : '[ IM DM ZM OM UM PM ]');
      }
    },
    60_000,
  );

  test.skipIf(missingProcess !== null)(
    '[F11] set commands put the state into another process',
    () => {
      const capture = captures[1];
      assert(capture !== undefined, 'there are two threads');
      writeFileSync(join(directory, 'set.gdb'), gdbCommands(capture));
      const printed = gdb(
        `file ${program}`,
        'set disable-randomization off',
        'break main',
        'run',
        'source set.gdb',
        'echo <xmm>',
        'output /x $xmm9.uint128',
        'echo </><ymm>',
        'output /x $ymm9.v4_int64',
        'echo </><st>',
        'output $st2',
        'echo </><mxcsr>',
        'output $mxcsr',
        'echo </>',
        'kill',
      );
      const answer = (name: string): string =>
        new RegExp(`<${name}>([^]*?)</>`).exec(printed)?.[1]?.trim() ?? 'no answer';
      expect(joined(answer('ymm'))).toBe(toHexHighFirst(knownZmm(1, 9).slice(0, 32)));
      expect(BigInt(answer('xmm'))).toBe(BigInt(`0x${toHexHighFirst(knownZmm(1, 9).slice(0, 16))}`));
      expect(Number(answer('st'))).toBe(knownSt(1, 2));
      expect(answer('mxcsr')).toBe('[ IM DM ZM OM UM PM ]');
    },
    60_000,
  );
});

describe.skipIf(missingGdb !== null)('a core of gdb', () => {
  let captures: Capture[] = [];
  beforeAll(() => {
    gdb(`file ${program}`, 'set disable-randomization off', 'run', 'generate-core-file written-by-gdb', 'kill');
    captures = open('written-by-gdb');
  });

  test('[F6] x87, MXCSR and YMM are those that were loaded', () => {
    expect(captures).toHaveLength(2);
    for (const capture of captures) {
      expectLegacyAndAvx(capture, mxcsr(capture.image) === KNOWN_MXCSR[0] ? 0 : 1);
      expect(capture.image.layout.source).toContain('guessed');
    }
  });

  test('[F6] ZMM and opmask are those that were loaded, as far as gdb has copied them', () => {
    // gdb before 14 takes Intel's offsets on every CPU: on AMD it leaves out k0 to k7 and a part of zmm0 to zmm5, and reads
    // the others from its own core wrong.
    const first = captures[0];
    assert(first !== undefined, 'there is a thread');
    const isOldOnAmd = first.image.layout.lost !== undefined;
    const thread = mxcsr(first.image) === KNOWN_MXCSR[0] ? 0 : 1;
    for (let register = isOldOnAmd ? 6 : 0; register < 32; register += 1) {
      expect(zmmHex(first, register)).toBe(toHexHighFirst(knownZmm(thread, register)));
    }
    for (let register = 0; register < 8; register += 1) {
      const path = parsePath(`k${register}`);
      const shown = path.ok ? showText(first, path.value) : '';
      if (isOldOnAmd) expect(shown).toContain('lost');
      else expect(opmask(first, register)).toBe(knownOpmask(thread, register));
    }
  });

  test('[F6] the process’s AT_MINSIGSTKSZ leaves no doubt whose offsets they are', ({ skip }) => {
    const auxv = new Uint8Array(readFileSync('/proc/self/auxv'));
    const pairs = Array.from({ length: auxv.length / 16 }, (_, index) => 16 * index);
    const saysSize = pairs.some((at) => readU64(auxv, at) === 51n);
    skip(!saysSize, 'this kernel gives no AT_MINSIGSTKSZ');
    for (const { image } of captures) {
      expect(image.layout.source).toContain('AT_MINSIGSTKSZ');
      expect(isDoubtful(image.layout)).toBe(false);
    }
  });
});
