/** What was wrong with data that came from outside, and where. Every kind is something the user can act on. */
export type Problem =
  | { readonly kind: 'truncated'; readonly what: string; readonly neededBytes: number; readonly gotBytes: number }
  | { readonly kind: 'unknown-components'; readonly mask: bigint }
  | { readonly kind: 'reserved-not-zero'; readonly what: string; readonly offsetBytes: number }
  | { readonly kind: 'not-allowed'; readonly what: string; readonly why: string }
  | { readonly kind: 'syntax'; readonly what: string; readonly at: number; readonly expected: string };

/** Bad data is a value: whatever comes from a file, the pipe or the user decodes to one of these. */
export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: Problem };

export const decoded = <T>(value: T): Decoded<T> => ({ ok: true, value });
export const undecodable = <T = never>(problem: Problem): Decoded<T> => ({ ok: false, problem });

/** One sentence for a problem, without a full stop, ready for a log line or a screen. */
export const describeProblem = (problem: Problem): string => {
  switch (problem.kind) {
    case 'truncated':
      return `${problem.what} is cut short: ${problem.neededBytes} bytes needed, ${problem.gotBytes} there`;
    case 'unknown-components':
      return `state components without a place here: mask 0x${problem.mask.toString(16)}; name the CPU that has them with --from CPU`;
    case 'reserved-not-zero':
      return `${problem.what}: reserved byte at offset ${problem.offsetBytes} is not zero`;
    case 'not-allowed':
      return `${problem.what}: ${problem.why}`;
    case 'syntax':
      return `${problem.what}: expected ${problem.expected} at character ${problem.at + 1}`;
    default:
      return assertNever(problem);
  }
};

/** For what only a fault of our own can cause. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Tilescope fault: ${message}`);
}

/** Closes a switch over a union: a case that is forgotten does not compile. Throws where one comes all the same. */
export function assertNever(value: never): never {
  throw new Error(`Tilescope fault: unhandled case ${JSON.stringify(value)}`);
}
