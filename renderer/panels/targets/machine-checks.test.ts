import { expect, test } from 'vitest';
import type { HostFacts } from '../../../app/bridge.ts';
import { machineChecks, machineVerdict } from './machine-checks.ts';

const facts = (part: Partial<HostFacts>): HostFacts => ({
  ...{
    product: 'Tilescope 0.1.0',
    helper: { ok: true, version: 'protocol 9', problem: null },
    kernelRelease: '6.18.2',
  },
  ...{ host: 'web', cpu: null, openAtStart: null, machine: { cpuid: [], supportedXcr0: '0x602e7' }, ...part },
});

test('[U6] what this machine lacks stands first, and green is said only where nothing else is', () => {
  const good = machineChecks(facts({}));
  expect(good.map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
  expect(machineVerdict(good)).toEqual({ isGood: true, words: '3 checks pass' });
  const old = machineChecks(facts({ kernelRelease: '5.15.0-91' }));
  expect(old[0]).toMatchObject({ state: 'limited', remedy: 'tiles need Linux 5.17' });
  expect(machineVerdict(old)).toEqual({ isGood: false, words: '1 warning, 2 checks pass' });
  const none = machineChecks(
    facts({ helper: { ok: false, version: '', problem: 'it is not executable' }, kernelRelease: null, machine: null }),
  );
  expect(none.map(({ state }) => state)).toEqual(['missing', 'limited']);
  expect(none[0]?.remedy).toBe('it is not executable');
  expect(machineVerdict(none).words).toBe('2 warnings, 0 checks pass');
});

test('a CPU without tiles lacks nothing that could be mended', () => {
  const plain = machineChecks(facts({ machine: { cpuid: [], supportedXcr0: '0xe7' } }));
  expect(plain.map(({ state }) => state)).toEqual(['absent', 'ok', 'ok']);
  expect(machineVerdict(plain)).toEqual({ isGood: true, words: '2 checks pass' });
  expect(machineChecks(null)).toEqual([]);
});

test('[U6] what attaching hangs on is said before a target is chosen, with what mends it', () => {
  const reach = { kvmApiVersion: 12, yamaScope: 1, canTrace: true, canReadFilters: true };
  const machine = { cpuid: [{ leaf: 7, subleaf: 0, eax: 0, ebx: 0, ecx: 0, edx: 1 << 24 }], supportedXcr0: '0x602e7' };
  const root = machineChecks(facts({ machine: { ...machine, reach } }));
  expect(machineVerdict(root)).toEqual({ isGood: true, words: '8 checks pass' });
  expect(root.find(({ title }) => title === 'CPU has AMX')?.found).toBe('TILE');
  const user = machineChecks(
    facts({ machine: { ...machine, reach: { ...reach, kvmApiVersion: 0, canTrace: false, canReadFilters: false } } }),
  );
  expect(user.map(({ title, state }) => `${title}: ${state}`).slice(0, 4)).toEqual([
    'ptrace_scope: missing',
    '/dev/kvm cannot be opened: limited',
    'Your own VMMs alone: limited',
    'Seccomp filters cannot be read: limited',
  ]);
  expect(user.slice(0, 4).every(({ remedy }) => remedy !== null)).toBe(true);
});
