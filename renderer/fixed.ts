/**
 * What differs between two runs of the same story, or two machines: clocks, pauses, pids, thread ids, addresses, users,
 * where programs lie. With `data-deterministic` on the root each has one fixed text, so that a screenshot is the same twice.
 */
export const isDeterministic = (): boolean =>
  // Without a page, as in unit tests, nothing is drawn.
  typeof document !== 'undefined' && document.documentElement.dataset.deterministic !== undefined;

export const FIXED = {
  pid: '48213',
  tid: '48220',
  clock: '12.418 s',
  date: '2026-02-14 09:30 UTC',
  opened: 'today 10:42',
  pause: '212 µs',
  running: '2 h 14 m',
  rate: '19400',
  address: '00000000_00401b2c',
  kernel: '6.18.2',
  cpu: 'Intel(R) Xeon(R) Platinum 8380',
  user: 'root',
  folder: '/usr/bin/',
  version: '7.2.22',
} as const;

/** Addresses within a sentence. */
export const fixedWithin = (text: string): string =>
  isDeterministic() ? text.replaceAll(/0x[0-9a-f]+/g, '0x401b2c') : text;

export const fixed = (kind: keyof typeof FIXED, text: string): string => (isDeterministic() ? FIXED[kind] : text);
