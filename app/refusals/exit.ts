/** The command line's exit codes, and what each says. */
export const EXIT_CODES = [
  { name: 'done', code: 0, says: 'done' },
  {
    name: 'refused',
    code: 1,
    says: 'refused by the target, the kernel or Tilescope’s own checks; or: it does not fit, it differs',
  },
  { name: 'usage', code: 2, says: 'wrong usage, or a path that names no register' },
  { name: 'file', code: 3, says: 'a file that cannot be read, written or understood' },
  { name: 'noTarget', code: 4, says: 'no such process, vCPU or journal entry' },
  { name: 'helper', code: 5, says: 'the helper is missing, or does not answer' },
  { name: 'doubtful', code: 6, says: 'the layout of a file is in doubt, and --strict was given' },
  { name: 'conversion', code: 7, says: 'check: it fits once it is converted, and not as it is' },
] as const;

/** Exit codes by name. */
export const EXIT = Object.fromEntries(EXIT_CODES.map(({ name, code }) => [name, code])) as {
  readonly [Row in (typeof EXIT_CODES)[number] as Row['name']]: Row['code'];
};
/** One of them. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
