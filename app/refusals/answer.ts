import type { RefusalCode } from './codes.ts';

/** An answer that says no: what failed, why, what to do. Text is one sentence each, without a full stop. */
export interface Refusal {
  /** Stable, for tests and scripts. */
  readonly code: RefusalCode;
  readonly what: string;
  readonly where: string | null;
  readonly remedy: string | null;
  /** The call refused and its errno's name, where a call was. */
  readonly call: string | null;
  readonly errno: string | null;
}

export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal };
