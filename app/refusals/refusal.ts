import { describeProblem, type Problem } from '../bits/decoded.ts';
import { errnoName } from '../wire/errno.ts';
import type { Answer, Refusal } from './answer.ts';
import type { RefusalCode } from './codes.ts';

interface RefusalParts {
  readonly where?: string | null;
  readonly remedy?: string | null;
  readonly call?: string | null;
  readonly errno?: number;
}

/** A refusal of the catalogue. Texts are phrases without a full stop; errno 0 is none. */
export const refusal = (code: RefusalCode, what: string, parts: RefusalParts = {}): Refusal => ({
  code,
  what,
  where: parts.where ?? null,
  remedy: parts.remedy ?? null,
  call: parts.call ?? null,
  errno: parts.errno ? errnoName(parts.errno) : null,
});

export type Refused = Extract<Answer<never>, { ok: false }>;

/** A refusal as an answer. */
export const refuse = (code: RefusalCode, what: string, parts: RefusalParts = {}): Refused => ({
  ok: false,
  refusal: refusal(code, what, parts),
});

export const noSuchSession = (): Refused =>
  refuse('no-such-session', 'this session has ended', { remedy: 'Choose the target again' });

/** Data from outside that does not decode, as a refusal. */
export const refuseProblem = (code: RefusalCode, problem: Problem, parts: RefusalParts = {}): Refused =>
  refuse(code, describeProblem(problem), parts);

export const answer = <T>(value: T): Answer<T> => ({ ok: true, value });

/** What an exception of Node's own says, without a stack. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
