import type { CallVerdict } from './call-verdict.ts';

type Verdict = CallVerdict['verdict'];

interface ActionRow {
  readonly value: number;
  readonly name: string;
  readonly verdict: Verdict;
  readonly effect: string;
}

// linux/seccomp.h; the low half of a filter's answer is data. What a notifier or tracer would say is not known.
const ACTIONS: readonly ActionRow[] = [
  { value: 0x80000000, name: 'KILL_PROCESS', verdict: 'kills', effect: 'the process would be killed' },
  { value: 0x00000000, name: 'KILL_THREAD', verdict: 'kills', effect: 'the thread would be killed' },
  { value: 0x00030000, name: 'TRAP', verdict: 'refused', effect: 'the thread would get SIGSYS' },
  { value: 0x00050000, name: 'ERRNO', verdict: 'refused', effect: 'the call would fail with an errno' },
  { value: 0x7fc00000, name: 'USER_NOTIF', verdict: 'not known', effect: 'a supervisor would be asked' },
  { value: 0x7ff00000, name: 'TRACE', verdict: 'not known', effect: 'a tracer would be asked' },
  { value: 0x7ffc0000, name: 'LOG', verdict: 'allowed', effect: 'the call would be logged and made' },
  { value: 0x7fff0000, name: 'ALLOW', verdict: 'allowed', effect: 'the call would be made' },
];

const actionRow = (action: number): ActionRow | undefined =>
  ACTIONS.find((row) => row.value === (action & 0xffff0000) >>> 0);

/** "SECCOMP_RET_TRAP: the thread would get SIGSYS". The kernel takes an unknown action for KILL_PROCESS. */
export const describeAction = (action: number): string => {
  const row = actionRow(action);
  return row === undefined
    ? `unknown action 0x${action.toString(16)}: the process would be killed`
    : `SECCOMP_RET_${row.name}: ${row.effect}`;
};

/** A row of the verdicts reply as the bridge carries it. */
export const callVerdict = (row: {
  readonly call: string;
  readonly number: bigint;
  readonly action: number;
  readonly known: boolean;
}): CallVerdict => ({
  call: row.call,
  number: `0x${row.number.toString(16)}`,
  action: row.action,
  verdict: row.known ? (actionRow(row.action)?.verdict ?? 'kills') : 'not known',
});

/** /proc/PID/status Seccomp. */
export const seccompMode = (mode: number): 'none' | 'strict' | 'filter' =>
  mode === 0 ? 'none' : mode === 1 ? 'strict' : 'filter';
