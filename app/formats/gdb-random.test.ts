import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readU64, toHexHighFirst, writeU16, writeU32, writeU64 } from '../bits/bytes.ts';
import type { Capture } from '../capture/capture.ts';
import { makeCapture, makeImage, presetLayout } from '../fixtures/preset-captures.ts';
import { vectorBytes } from '../register/vector.ts';
import { BIT } from '../xsave/components.ts';
import { restrictLayout } from '../xsave/convert.ts';
import { fcw, fsw, ftw, mxcsr, stBytes } from '../xsave/legacy.ts';
import { componentBytesOrInit } from '../xsave/view.ts';
import { openBytes } from './detect.ts';
import { writeCore } from './elf-write.ts';
import { gdbCommands } from './export/gdb.ts';
import { whyGdbWritesNoVectors } from './testing/gdb-here.ts';

/*
 * Random images against gdb, in both directions: a core that is written here and read by gdb, and registers that gdb sets
 * from the exported commands, writes as a core of its own, and that are read here. gdb is one process for all of them.
 */
const missing = ((): string | null => {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'this is not Linux on x86-64';
  if (spawnSync('gdb', ['--version']).status !== 0) return 'gdb is not installed';
  return null;
})();
const missingProcess =
  missing ??
  (spawnSync('cc', ['--version']).status === 0 ? null : 'cc is not installed') ??
  (/\bavx\b/.test(readFileSync('/proc/cpuinfo', 'utf8')) ? null : 'this CPU has no AVX');
if (missing !== null) console.log(`Random images are not read by gdb: ${missing}`);

/** In each direction. One gdb takes a hundred in a row: starting it and its first look at a core are what costs. */
const RUNS = Number(process.env.TILESCOPE_GDB_RUNS ?? 1000);
const RUNS_AT_ONCE = 100;
const seed = Number(process.env.TILESCOPE_GDB_SEED ?? 20260921);

const folder = mkdtempSync(join(tmpdir(), 'tilescope-gdb-random-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The one on PATH, and others that are named: TILESCOPE_GDB=/opt/gdb-16/bin/gdb:… */
const GDBS = ['gdb', ...(process.env.TILESCOPE_GDB ?? '').split(':').filter((path) => path !== '')];
const missingWriters = GDBS.map((gdb) => ({ gdb, why: missingProcess ?? whyGdbWritesNoVectors(gdb) }));
const WRITERS = missingWriters.filter(({ why }) => why === null).map(({ gdb }) => gdb);
for (const { why } of missingWriters) {
  if (why !== null) console.log(`Random registers are not set by gdb: ${why}`);
}

const gdb = (program: string, commands: readonly string[]): string => {
  const settings = ['set print repeats unlimited', 'set print elements unlimited', 'set height 0', 'set width 0'];
  const script = join(folder, 'commands.gdb');
  writeFileSync(script, [...settings, 'set confirm off', ...commands].join('\n'));
  const ran = spawnSync(program, ['-q', '-nx', '-batch', '-x', script], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  return ran.stdout;
};

/** xorshift: the same images for the same seed. */
const randomFrom = (start: number): (() => number) => {
  let state = start | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
};

/** x87 registers that every debugger can write: normal numbers and zeros; control and status words that raise nothing. */
const randomX87 = (random: () => number): Uint8Array => {
  const bytes = new Uint8Array(160);
  writeU16(bytes, 0, 0x7f | ((random() & 3) << 10) | (([0, 2, 3][random() % 3] ?? 3) << 8));
  writeU16(bytes, 2, ((random() & 7) << 11) | ((random() & 7) << 8));
  bytes[4] = random() & 0xff;
  for (let stack = 0; stack < 8; stack += 1) {
    const at = 32 + 16 * stack;
    if (random() % 5 === 0) continue;
    writeU64(bytes, at, (1n << 63n) | (BigInt(random()) << 31n) | BigInt(random()));
    writeU16(bytes, at + 8, ((random() & 1) << 15) | (0x3fff - 200 + (random() % 400)));
  }
  return bytes;
};

const randomCapture = (random: () => number, mask: bigint): Capture => {
  const layout = restrictLayout(presetLayout('ice-lake-sp'), mask);
  const contents = new Map<number, Uint8Array>();
  for (const { bit, sizeBytes } of layout.components) {
    if (random() % 4 === 0) continue;
    const bytes = new Uint8Array(sizeBytes).map(() => random() >>> 8);
    if (bit === BIT.PKRU) bytes.fill(0, 4);
    contents.set(bit, bit === BIT.x87 ? randomX87(random) : bytes);
  }
  const image = makeImage(
    layout,
    contents,
    0x1f80 | ((random() & 3) << 13) | ((random() & 1) << 15) | (random() & 0x3f),
  );
  // KVM keeps MXCSR with SSE or AVX alone.
  if (!contents.has(1) && !contents.has(2)) writeU32(image.bytes, 24, 0x1f80);
  return makeCapture('ice-lake-sp', { ...image, bytes: image.bytes.slice(0, layout.totalBytes) });
};

const joined = (answer: string): string =>
  [...answer.matchAll(/0x([0-9a-f]+)/g)]
    .map((match) => (match[1] ?? '').padStart(16, '0'))
    .reverse()
    .join('');

/** By gdb's names, what each register of the capture holds; hex digits, highest first. */
const zmmOf = ({ image }: Capture, register: number): string =>
  toHexHighFirst(vectorBytes(image, 'zmm', register) ?? new Uint8Array(0));

const batches = (random: () => number, mask: bigint): (readonly Capture[])[] =>
  Array.from({ length: Math.ceil(RUNS / RUNS_AT_ONCE) }, (_, batch) =>
    Array.from({ length: Math.min(RUNS_AT_ONCE, RUNS - batch * RUNS_AT_ONCE) }, () => randomCapture(random, mask)),
  );

describe.skipIf(missing !== null)('[F7] random images written as cores', () => {
  test.each(GDBS)(
    `%s reads what is read here, ${RUNS} times`,
    (program) => {
      for (const captures of batches(randomFrom(seed), 0x2e7n)) readsAlike(program, captures);
    },
    600_000,
  );

  const readsAlike = (program: string, captures: readonly Capture[]): void => {
    const commands = captures.flatMap((capture, index) => {
      const core = writeCore(capture);
      if (!core.ok) throw new Error(JSON.stringify(core.problem));
      writeFileSync(join(folder, `${index}.core`), core.value);
      return [
        `core-file ${index}.core`,
        `echo <${index}>\\n`,
        ...Array.from({ length: 32 }, (_, zmm) => `output/x $zmm${zmm}.v8_int64`).flatMap((line) => [line, 'echo \\n']),
        `info registers st0 st1 st2 st3 st4 st5 st6 st7 fctrl fstat mxcsr k0 k1 k2 k3 k4 k5 k6 k7 pkru`,
        `echo </${index}>\\n`,
      ];
    });
    const printed = gdb(program, commands);
    for (const [index, capture] of captures.entries()) {
      const start = printed.indexOf(`<${index}>\n`);
      const lines = printed.slice(start, printed.indexOf(`</${index}>`, start)).split('\n');
      const vectors = lines.filter((line) => line.startsWith('{'));
      expect(vectors, `seed ${seed}, image ${index}`).toHaveLength(32);
      for (const [register, line] of vectors.entries()) {
        expect(joined(line), `seed ${seed}, image ${index}, zmm${register}`).toBe(zmmOf(capture, register));
      }
      const { image } = capture;
      const answer = (name: string): string => lines.find((line) => line.startsWith(`${name} `)) ?? '';
      for (let stack = 0; stack < 8; stack += 1) {
        const raw = /raw 0x([0-9a-f]{20})/.exec(answer(`st${stack}`))?.[1];
        expect(raw, `seed ${seed}, image ${index}, st${stack}`).toBe(toHexHighFirst(stBytes(image, stack)));
      }
      const number = (name: string): bigint => BigInt(/0x[0-9a-f]+/.exec(answer(name))?.[0] ?? '-1');
      expect(number('fctrl')).toBe(BigInt(fcw(image)));
      expect(number('fstat')).toBe(BigInt(fsw(image)));
      expect(number('mxcsr')).toBe(BigInt(mxcsr(image)));
      const opmask = componentBytesOrInit(image, BIT.opmask);
      for (let k = 0; k < 8; k += 1) expect(number(`k${k}`)).toBe(readU64(opmask, 8 * k));
      expect(number('pkru')).toBe(readU64(componentBytesOrInit(image, BIT.PKRU), 0));
    }
  };
});

describe.skipIf(WRITERS.length === 0)('[F11] random registers set by the exported commands', () => {
  test.each(WRITERS.length === 0 ? GDBS : WRITERS)(
    `are those in the core that %s writes, ${RUNS} times`,
    (writer) => {
      const program = join(folder, 'program');
      // Without a library: what gdb looks up in one, and writes of its memory, is what a core of it costs.
      writeFileSync(`${program}.c`, 'void _start(void) { for (;;) ; }\n');
      expect(spawnSync('cc', ['-nostdlib', '-static', '-o', program, `${program}.c`]).status).toBe(0);
      const random = randomFrom(seed ^ 0x5eed);
      // ymm at most: gdb up to 13 writes AVX-512 at Intel's offsets into a process on any CPU.
      for (const captures of batches(random, 7n)) setsAlike(writer, program, captures);
    },
    600_000,
  );

  const setsAlike = (writer: string, program: string, captures: readonly Capture[]): void => {
    const commands = captures.flatMap((capture, index) => {
      writeFileSync(join(folder, `set-${index}.gdb`), gdbCommands(capture));
      return [`source set-${index}.gdb`, `generate-core-file gcore-${index}`];
    });
    gdb(writer, [`file ${program}`, 'set disable-randomization off', 'starti', ...commands, 'kill']);
    for (const [index, capture] of captures.entries()) {
      const file = join(folder, `gcore-${index}`);
      const opened = openBytes(file, readFileSync(file));
      rmSync(file);
      if (!opened.ok) throw new Error(JSON.stringify(opened.problem));
      const found = opened.value.states[0]?.capture.image;
      if (found === undefined) throw new Error('no thread');
      const { image } = capture;
      const where = `seed ${seed}, image ${index}`;
      for (let register = 0; register < 16; register += 1) {
        expect(vectorBytes(found, 'ymm', register), `${where}, ymm${register}`).toEqual(
          vectorBytes(image, 'ymm', register),
        );
      }
      for (let stack = 0; stack < 8; stack += 1) {
        expect(toHexHighFirst(stBytes(found, stack)), `${where}, st${stack}`).toBe(
          toHexHighFirst(stBytes(image, stack)),
        );
      }
      expect([fcw(found), fsw(found), ftw(found), mxcsr(found)], where).toEqual([
        ...[fcw(image), fsw(image), ftw(image), mxcsr(image)],
      ]);
    }
  };
});
