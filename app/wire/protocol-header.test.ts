import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { MSR_INDEX, MSRS } from '../cpu/msrs.ts';
import { HELPER_REASONS } from '../refusals/helper-reasons.ts';
import { KVM_REGS_BYTES } from '../session/kvm-regs.ts';
import { SECTION_KIND } from './capture-reply.ts';
import { FRAME_HEADER_BYTES, MAX_PAYLOAD_BYTES, PROTOCOL_VERSION, STATUS } from './frames.ts';
import { MAX_READ_BYTES, MAX_TRANSLATIONS } from './memory.ts';
import { ATTACH_SUSPEND_SECCOMP, EVENTS, MESSAGES, MSR_PUT_TO_INIT_FIRST } from './messages.ts';
import { LOOKUP_STATES, MOST_LOOKUPS, MOST_STEPS_AT_ONCE, RECORD } from './run.ts';
import { STRUCTS } from './structs.ts';

/** The head of calls.ts, which `vitest -u` over this file writes. */
const CALLS_HEAD = `/** A call that a thread of the VMM is made to make. */
interface InjectedCall {
  /** As on the wire, in verdicts and in refusals. */
  readonly call: string;
  /** An ioctl's request (Linux uapi/linux/kvm.h, x86-64); null: a system call of its own. */
  readonly request: number | null;
  /** What a session makes it for first. */
  readonly when: 'attach' | 'capture' | 'write' | 'memory' | 'step';
}

/** The rows of native/inject/calls.h, in its order; written from them by \`vitest -u\` over protocol-header.test.ts. */
export const INJECTED_CALLS: readonly InjectedCall[] = [
`;

const nativeFolder = fileURLToPath(new URL('../../native/wire', import.meta.url));
const header = ['protocol.h', 'protocol_memory.h', 'protocol_run.h']
  .map((name) => readFileSync(join(nativeFolder, name), 'utf8').replace(/\/\*[\s\S]*?\*\//g, ''))
  .join('');

/** The members of an enum, without their prefix. */
const enumOf = (name: string, prefix: string): Record<string, number> => {
  const body = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(header)?.[1] ?? '';
  const members = [...body.matchAll(/(\w+)\s*=\s*(0x[0-9a-f]+|\d+)/gi)];
  return Object.fromEntries(
    members.flatMap(([, member = '', value]) =>
      member.startsWith(prefix) ? [[member.slice(prefix.length), Number(value)]] : [],
    ),
  );
};

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const constantNames = (rows: Readonly<Record<string, { readonly code: number }>>): Record<string, number> =>
  Object.fromEntries(Object.entries(rows).map(([name, { code }]) => [snake(name).toUpperCase(), code]));

describe('the catalogue agrees with native/wire/protocol.h', () => {
  test('[W3] version, limits and flags', () => {
    const define = (name: string): string => new RegExp(`#define ${name} (.+)`).exec(header)?.[1]?.trim() ?? '';
    expect(define('PROTOCOL_VERSION')).toBe(`${PROTOCOL_VERSION}u`);
    expect(define('MAX_PAYLOAD_BYTES')).toBe(`(1u << ${Math.log2(MAX_PAYLOAD_BYTES)})`);
    expect(define('ATTACH_SUSPEND_SECCOMP')).toBe(`${ATTACH_SUSPEND_SECCOMP}u`);
    expect(define('MSR_PUT_TO_INIT_FIRST')).toBe(`${MSR_PUT_TO_INIT_FIRST}u`);
    expect(define('MAX_TRANSLATIONS')).toBe(`${MAX_TRANSLATIONS}u`);
    expect(define('MAX_READ_BYTES')).toBe(`(MAX_PAYLOAD_BYTES / ${MAX_PAYLOAD_BYTES / MAX_READ_BYTES})`);
    expect(define('REGS_BYTES')).toBe(`${KVM_REGS_BYTES}u`);
    expect(define('MOST_LOOKUPS')).toBe(`${MOST_LOOKUPS}u`);
    expect(define('LOOKUP_STATES')).toBe(`${LOOKUP_STATES}u`);
    expect(define('MOST_STEPS_AT_ONCE')).toBe(`${MOST_STEPS_AT_ONCE}u`);
    for (const [name, offset] of Object.entries(RECORD))
      expect(define(`RECORD_${name.toUpperCase()}`)).toBe(`${offset}u`);
  });

  test('[W3] the MSRs that are read and may be written, each once', () => {
    const list = /#define MSR_LIST\(row\)((?:.*\\\n)*.*\n)/.exec(header)?.[1] ?? '';
    const rows = [...list.matchAll(/row\((0x[0-9a-f]+), (\w+)\)/g)].map(([, index, name]) => [name, Number(index)]);
    expect(rows).toHaveLength(MSRS.length);
    expect(Object.fromEntries(rows)).toEqual(MSR_INDEX);
    expect(MSRS.map(({ name }) => name).sort()).toEqual(Object.keys(MSR_INDEX).sort());
  });

  test('[W3] every message, event, status, reason and section', () => {
    expect(constantNames(MESSAGES)).toEqual(enumOf('message', 'MSG_'));
    expect(constantNames(EVENTS)).toEqual(enumOf('message', 'EVENT_'));
    expect(STATUS).toEqual(enumOf('status', 'STATUS_'));
    const numbers = Object.entries(HELPER_REASONS).map(([name, { number }]) => [name, number]);
    expect(Object.fromEntries(numbers)).toEqual(enumOf('reason', 'REASON_'));
    expect(SECTION_KIND).toEqual(enumOf('section_kind', 'SECTION_'));
  });

  test('[W3] every struct is in the catalogue, with the size that the header asserts', () => {
    const declared = [...header.matchAll(/^struct (\w+) \{/gm)].map((match) => match[1]);
    expect([...STRUCTS.map((struct) => struct.name), 'frame_header'].sort()).toEqual(declared.sort());
    const sizes = new Map(
      [...header.matchAll(/sizeof\(struct (\w+)\) == (\d+)/g)].map(([, name, size]) => [name, Number(size)]),
    );
    expect(sizes.get('frame_header')).toBe(FRAME_HEADER_BYTES);
    expect(sizes.size).toBeGreaterThan(10);
    for (const struct of STRUCTS) {
      if (sizes.has(struct.name)) expect(struct.bytes, struct.name).toBe(sizes.get(struct.name));
    }
  });

  const compiler = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0);
  if (compiler === undefined) console.log('skipped: offsets of native/wire/protocol.h, for no C compiler is installed');

  /** What a program of these lines prints, compiled against the helper's headers. */
  const printed = (headers: readonly string[], lines: readonly string[]): string => {
    const folder = mkdtempSync(join(tmpdir(), 'tilescope-protocol-'));
    try {
      const [source, program] = [join(folder, 'print.c'), join(folder, 'print')];
      const includes = ['<stdio.h>', '"kernel.h"', ...headers].map((name) => `#include ${name}`);
      writeFileSync(source, [...includes, 'int main(void) {', ...lines, 'return 0; }'].join('\n'));
      const folders = ['', '../host', '../inject'].flatMap((name) => ['-I', join(nativeFolder, name)]);
      execFileSync(compiler ?? '', ['-std=c17', '-D_GNU_SOURCE', ...folders, '-o', program, source]);
      return execFileSync(program, { encoding: 'utf8' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  test.skipIf(compiler === undefined)('[W3] every field lies where a C compiler puts it', () => {
    const nested = (struct: string): boolean =>
      new RegExp(`struct ${struct} \\{\\s*struct vcpu_ref vcpu;`).test(header);
    const lines = STRUCTS.flatMap((struct) => [
      `printf("${struct.name} %zu\\n", sizeof(struct ${struct.name}));`,
      ...struct.fields.map((field) => {
        const name = snake(field.name);
        const member = nested(struct.name) && /^(pid|vcpu_index)$/.test(name) ? `vcpu.${name}` : name;
        return (
          `printf("${struct.name}.${field.name} %zu %zu\\n", offsetof(struct ${struct.name}, ${member}), ` +
          `sizeof(((struct ${struct.name} *)0)->${member}));`
        );
      }),
    ]);
    const fieldBytes = (type: string | number): number => (typeof type === 'number' ? type : type === 'u64' ? 8 : 4);
    const expected = STRUCTS.flatMap((struct) => [
      `${struct.name} ${struct.bytes}`,
      ...struct.fields.map((field) => `${struct.name}.${field.name} ${field.offsetBytes} ${fieldBytes(field.type)}`),
    ]);
    expect(printed(['"protocol.h"'], lines).trim().split('\n')).toEqual(expected);
  });

  test.skipIf(compiler === undefined)(
    '[W3] the calls that are injected are those of native/inject/calls.h',
    async () => {
      const row = (call: string, request: string): string => `{ call: '${call}', request: ${request}, when: '%s' },`;
      const rows = printed(
        ['"calls.h"'],
        [
          `#define PLAIN(call, when, ...) printf("${row('%s', 'null')}\\n", #call, #when);`,
          `#define OF_KVM(call, when, ...) printf("${row('%s', '0x%llx')}\\n", #call, (unsigned long long)call, #when);`,
          'INJECTED_CALLS(PLAIN, OF_KVM)',
        ],
      );
      await expect(`${CALLS_HEAD + rows.replaceAll(/^/gm, '  ').trimEnd()}\n];\n`).toMatchFileSnapshot('calls.ts');
    },
  );
});
