import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import type { HelloReply } from '../../../app/wire/messages.ts';
import { fakeHost, runOn } from '../../testing/command-line.ts';
import { diagnose } from './doctor.ts';
import type { Check } from './doctor-check.ts';
import { type MachineFacts, machineFacts } from './doctor-facts.ts';
import { CAPABILITIES, readCapabilities } from './doctor-kvm.ts';

const BOTH = (1n << 19n) | (1n << 21n);

const HELLO: HelloReply = {
  ...{ version: 1, pid: 7, uid: 1000, yamaScope: 0, capabilities: BOTH, hostXcr0Supported: 0x602e7n },
  ...{ kvmApiVersion: 12, kvmErrno: 0, debugfsKvm: 1, cpuidCount: 2, kernelRelease: '6.18.44' },
  cpuid: [
    { leaf: 7, subleaf: 0, eax: 0, ebx: 0, ecx: 0, edx: (1 << 24) | (1 << 25) | (1 << 22) },
    { leaf: 0xd, subleaf: 1, eax: 0x1f, ebx: 0, ecx: 0, edx: 0 },
  ],
};

const FACTS: MachineFacts = {
  ...{ helperPath: '/opt/a b/tilescope-helper', uid: 1000, hasVirtualization: true, hasDisplay: true },
  userNamespaces: { most: 15000, unprivileged: 1, appArmor: null },
  kvmCapabilities: null,
  ...{ electron: '/opt/electron', journalFolder: '/home/u/.local/state/tilescope/journal', journalProblem: null },
};

const of = (hello: Partial<HelloReply>, facts: Partial<MachineFacts> = {}): readonly Check[] =>
  diagnose(answer({ ...HELLO, ...hello }), { ...FACTS, ...facts });

const one = (id: string, checks: readonly Check[]): Check | undefined => checks.find((check) => check.id === id);

describe('[C74] doctor', () => {
  test('a machine that has everything', () => {
    expect(of({}).map(({ id, state }) => [id, state])).toEqual([
      ...['helper', 'kvm', 'kernel', 'kvm-components', 'amx', 'xfd', 'yama', 'capabilities'].map((id) => [id, 'ok']),
      ...['seccomp', 'user-namespaces', 'window', 'journal'].map((id) => [id, 'ok']),
    ]);
    expect(one('amx', of({}))?.found).toBe('AMX-TILE AMX-INT8 AMX-BF16');
    expect(one('kvm-components', of({}))?.found).toBe(
      '0x602e7: x87 SSE AVX opmask ZMM_Hi256 Hi16_ZMM PKRU XTILECFG XTILEDATA',
    );
  });

  test.each<[string, string, string, Partial<HelloReply>, Partial<MachineFacts>, string]>([
    ['no device', 'kvm', 'missing', { kvmApiVersion: 0, kvmErrno: 2 }, {}, 'modprobe'],
    [
      'no virtualization',
      'kvm',
      'missing',
      { kvmApiVersion: 0, kvmErrno: 2 },
      { hasVirtualization: false },
      'firmware',
    ],
    ['no right to the device', 'kvm', 'missing', { kvmApiVersion: 0, kvmErrno: 13 }, {}, 'usermod -aG kvm'],
    ['an old kernel', 'kernel', 'limited', { kernelRelease: '5.15.0-91' }, {}, '5.17'],
    ['Yama, no capability', 'yama', 'missing', { yamaScope: 1, capabilities: 0n }, {}, 'setup-privileges --yes'],
    ['Yama 3', 'yama', 'missing', { yamaScope: 3 }, {}, 'boot with another value'],
    ['no capability', 'capabilities', 'limited', { capabilities: 0n }, {}, 'setup-privileges --yes'],
    ['no CAP_SYS_ADMIN', 'seccomp', 'limited', { capabilities: 1n << 19n }, {}, 'setup-privileges --seccomp --yes'],
    [
      'no namespaces',
      'user-namespaces',
      'limited',
      {},
      { userNamespaces: { most: 0, unprivileged: null, appArmor: null } },
      'sysctl',
    ],
    [
      'Debian’s switch',
      'user-namespaces',
      'limited',
      {},
      { userNamespaces: { most: 9, unprivileged: 0, appArmor: null } },
      'clone=1',
    ],
    [
      'Ubuntu’s switch',
      'user-namespaces',
      'limited',
      {},
      { userNamespaces: { most: 9, unprivileged: null, appArmor: 1 } },
      'apparmor_restrict',
    ],
    ['no Electron', 'window', 'limited', {}, { electron: null }, 'tilescope web'],
    ['no display', 'window', 'limited', {}, { hasDisplay: false }, 'tilescope web --no-open'],
    ['no journal', 'journal', 'missing', {}, { journalProblem: 'EACCES' }, 'writable'],
  ])('%s', (_what, id, state, hello, facts, remedy) => {
    const found = one(id, of(hello, facts));
    expect(found?.state).toBe(state);
    expect(found?.remedy).toContain(remedy);
  });

  test.each<[string, Partial<HelloReply>]>([
    ['amx', { cpuid: [{ leaf: 7, subleaf: 0, eax: 0, ebx: 0, ecx: 0, edx: 0 }] }],
    ['xfd', { cpuid: [{ leaf: 0xd, subleaf: 1, eax: 0xf, ebx: 0, ecx: 0, edx: 0 }] }],
  ])('a CPU without %s needs no remedy', (id, hello) => {
    expect(one(id, of(hello))).toMatchObject({ state: 'absent', remedy: null });
  });

  test('KVM’s capabilities: what each is for, and what is so without it', () => {
    const all = new Map(CAPABILITIES.map(({ number }) => [number, 1]));
    const states = (changes: readonly (readonly [number, number])[]) =>
      of({}, { kvmCapabilities: new Map([...all, ...changes]) }).filter(({ id }) => id.startsWith('kvm-cap-'));
    expect(states([]).map(({ state }) => state)).toEqual(CAPABILITIES.map(() => 'ok'));
    expect(one('kvm-cap-xsave2', states([[208, 11008]]))?.found).toContain('11008 bytes');
    expect(one('kvm-cap-xsave2', states([[208, 0]]))).toMatchObject({ state: 'limited', remedy: 'a newer kernel' });
    expect(one('kvm-cap-xsave', states([[55, 0]]))?.state).toBe('missing');
    expect(one('kvm-cap-nested-state', states([[157, 0]]))).toMatchObject({ state: 'absent', remedy: null });
  });

  test.each<[number | null, number | null, string, string]>([
    [1, 1, 'ok', 'ok'],
    [1, 0, 'ok', 'limited'],
    [0, 0, 'limited', 'limited'],
    [null, null, 'not-known', 'not-known'],
  ])(
    '[RC14] breakpoints %s and watchpoints %s of a VM of the helper’s own',
    (breakpoints, watchpoints, first, second) => {
      const said = [
        ...(breakpoints === null ? [] : ([['breakpoints', breakpoints]] as const)),
        ...(watchpoints === null ? [] : ([['watchpoints', watchpoints]] as const)),
      ];
      const kvmCapabilities = new Map<number | 'breakpoints' | 'watchpoints' | 'faults', number>([[23, 1], ...said]);
      const checks = of({}, { kvmCapabilities });
      expect([one('breakpoints', checks)?.state, one('watchpoints', checks)?.state]).toEqual([first, second]);
    },
  );

  test('[RC14] what the helper says of them is read', () => {
    expect(readCapabilities('23 1\nbreakpoints 1\nwatchpoints 0\nfaults 1\n')).toEqual(
      new Map<number | string, number>([
        [23, 1],
        ['breakpoints', 1],
        ['watchpoints', 0],
        ['faults', 1],
      ]),
    );
  });

  test('what the helper says of KVM is read, and nothing else is', () => {
    expect(readCapabilities('208 4096\n157 0\n')).toEqual(
      new Map([
        [208, 4096],
        [157, 0],
      ]),
    );
    for (const text of ['', 'x', '208 4096\nx\n', '208\n']) expect(readCapabilities(text)).toBeNull();
  });

  test('the helper asks for those that are told of, and no other', () => {
    const source = readFileSync(join(import.meta.dirname, '../../../native/host/kvm_report.c'), 'utf8');
    const asked = /numbers\[\] = \{ ([^}]+) \}/.exec(source)?.[1]?.split(', ').map(Number);
    expect(asked).toEqual(CAPABILITIES.map(({ number }) => number).sort((a, b) => a - b));
  });

  test('what was not read is not known', () => {
    const checks = of({ cpuid: [], hostXcr0Supported: 0n });
    for (const id of ['amx', 'xfd', 'kvm-components']) expect(one(id, checks)?.state).toBe('not-known');
  });

  test('a helper that is not there is the first thing missing; the rest is looked at all the same', () => {
    const checks = diagnose(refuse('helper-missing', 'the helper is not there', { remedy: 'build it' }), FACTS);
    expect(checks[0]).toMatchObject({
      id: 'helper',
      state: 'missing',
      found: 'the helper is not there',
      remedy: 'build it',
    });
    expect(checks.map(({ id }) => id)).toEqual(['helper', 'user-namespaces', 'window', 'journal']);
  });
});

describe('[C74] doctor on the command line', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tilescope-doctor-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test.each([
    ['says what KVM answers', 'echo "$1" >&2; echo 208 4096', new Map([[208, 4096]])],
    ['is older, and waits for requests', 'exec cat', null],
    ['cannot open /dev/kvm', 'exit 1', null],
  ])('a helper that %s', async (_what, script, expected) => {
    const helperPath = join(folder, 'helper');
    writeFileSync(helperPath, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    expect((await machineFacts(fakeHost(folder, { helperPath }))).kvmCapabilities).toEqual(expected);
  });

  test.each<[number, Partial<HelloReply>]>([
    [0, {}],
    [1, { kvmApiVersion: 0, kvmErrno: 2 }],
  ])('exit code %i', async (code, hello) => {
    const host = fakeHost(folder, { hello: async () => answer({ ...HELLO, ...hello }) });
    const ran = await runOn(host, ['doctor', '--json']);
    expect(ran).toMatchObject({ code, err: '' });
    const said = JSON.parse(ran.out) as { ok: boolean; checks: Check[] };
    expect(said.ok).toBe(code === 0);
    for (const check of said.checks) expect(Object.keys(check)).toEqual(['id', 'title', 'state', 'found', 'remedy']);
    const inWords = await runOn(host, ['doctor']);
    expect(inWords.code).toBe(code);
    expect(inWords.out).toMatch(code === 0 ? /nothing that attaching needs is missing\n$/ : /missing: \/dev\/kvm\n$/);
  });
});
