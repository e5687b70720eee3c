import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { HELPER_REASONS, type Reason } from '../../app/refusals/helper-reasons.ts';

/** Where what a refusal advises is done as it is advised, and is seen to work: file, and words that stand there. */
const CARRIED_OUT: Partial<Record<Reason, readonly [path: string, words: string]>> = {
  OTHER_USER: ['e2e/live/privileges.spec.ts', 'another user’s, and a list that could not look into it: --allow'],
  NOT_DUMPABLE: ['e2e/live/privileges.spec.ts', 'not dumpable: as root'],
  NOT_AUTHORISED: ['e2e/live/privileges.spec.ts', 'not authorised: --allow of that user'],
  YAMA: ['e2e/live/privileges.spec.ts', 'Yama: setup-privileges'],
  SECCOMP_UNREADABLE: ['e2e/live/privileges.spec.ts', 'may not be read: setup-privileges --seccomp'],
  SECCOMP: ['e2e/live/limits.spec.ts', 'a filter that refuses the call: suspended by the explicit word'],
  ALREADY_TRACED: ['e2e/live/limits.spec.ts', 'a tracer: ended'],
  STOPPED: ['e2e/live/limits.spec.ts', 'stopped by a signal: let go on'],
  CGROUP_FROZEN: ['e2e/live/limits.spec.ts', 'a frozen control group: thawed'],
  NO_MEMORY: ['e2e/live/limits.spec.ts', 'the VMM’s own limit of memory: raised'],
  THREAD_NOT_FOUND: ['e2e/live/held-vcpus.spec.ts', 'no thread was seen running the vCPU: each advice works'],
  OUTSIDE_KVM_RUN: ['e2e/live/held-vcpus.spec.ts', 'paused by its monitor: cont'],
  OTHER_HELPER: ['e2e/live/two-at-once.spec.ts', 'works once that one is gone'],
  STOP_TIMEOUT: ['native/test/test_lifetimes.c', 'The advice of that refusal is to try again then.'],
  CHAIN_TIMEOUT: ['native/test/test_lifetimes.c', 'a chain that ends late does not answer for the next one'],
  EVENT_PENDING: ['native/test/test_waiting.c', 'are once the guest has run'],
  MEMORY_CHANGED: ['native/test/test_live_demo.c', 'read and tried again it is'],
  GUARD_ARMING_OVER_STATE: ['native/test/kill_scenes.c', 'IA32_XFD armed over tiles'],
  GUARD_XFD_COVERS_IMAGE: ['main/services/session.test.ts', 'XFD is disarmed before the image'],
};

/** Of reasons that have several remedies, those that are carried out beside the one above. */
const CARRIED_OUT_TOO: readonly (readonly [Reason, string, string])[] = [
  ['NO_MEMORY', 'e2e/live/most-mappings.spec.ts', 'vm.max_map_count: raised, as advised'],
  ['NO_MEMORY', 'e2e/live/limits.spec.ts', 'what it may lock, where it locks all that it maps: raised'],
  ['NO_MEMORY', 'e2e/live/limits.spec.ts', 'a control group without room'],
];

/** Advice that no test carries out, and why. */
const NOT_CARRIED_OUT: Partial<Record<Reason, string>> = {
  NONE: 'a fault of ours, to be reported',
  BAD_FRAME: 'a fault of ours, to be reported',
  UNKNOWN_MESSAGE: 'a build of one source is what all tests have',
  VERSION: 'a build of one source is what all tests have',
  NOT_ATTACHED: 'every host attaches and detaches by itself',
  ALREADY_ATTACHED: 'every host attaches and detaches by itself',
  NO_SUCH_PROCESS: 'another target is to be chosen',
  NOT_THE_SAME_PROCESS: 'another target is to be chosen',
  NOT_A_VMM: 'another target is to be chosen',
  NO_SUCH_VCPU: 'another target is to be chosen',
  TARGET_GONE: 'another target is to be chosen',
  SELF: 'another target is to be chosen',
  PERMISSION: 'which security module it is, is the machine’s',
  CHAIN_CHANGED: 'what else writes to a VMM is to be found out',
};

const facts = { errno: 0, otherPid: 1, seccompAction: 0, mask: 0n, call: 'mmap', detail: '' } as const;
const advises = (reason: Reason): boolean =>
  HELPER_REASONS[reason].words({ ...facts, errno: 12 }, { helperPath: '/helper' }).remedy !== null;

describe('[C66] each remedy of the helper’s refusals', () => {
  const advising = (Object.keys(HELPER_REASONS) as Reason[]).filter(advises);

  test('is carried out by a test, or it is said why not', () => {
    expect([...Object.keys(CARRIED_OUT), ...Object.keys(NOT_CARRIED_OUT)].sort()).toEqual([...advising].sort());
  });

  const tests = [
    ...Object.entries(CARRIED_OUT).map(([reason, [path, words]]) => [reason, path, words] as const),
    ...CARRIED_OUT_TOO,
  ];
  test.each(tests)('%s: the test in %s is there', (_reason, path, words) => {
    expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).toContain(words);
  });
});
