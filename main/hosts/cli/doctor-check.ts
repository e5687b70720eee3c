/**
 * ok; limited: it works, and not for everything; missing: attaching does not work without it; absent: this machine does not
 * have it, and there is nothing to remedy; not-known: it could not be found out.
 */
export type CheckState = 'ok' | 'limited' | 'missing' | 'absent' | 'not-known';

export interface Check {
  readonly id: string;
  readonly title: string;
  readonly state: CheckState;
  readonly found: string;
  /** A command, or what else is to be done; null: nothing. */
  readonly remedy: string | null;
}
