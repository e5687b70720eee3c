import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * Who may use the web host: whoever holds the token printed at its start, once. The token is exchanged for a cookie, so that
 * it is worthless in a history, a log or over a shoulder.
 */
export interface Gate {
  /** For the printed address; 32 random bytes. */
  readonly token: string;
  /** The cookie's value where the token is right and was never used before, else null. */
  exchange(token: string | null): string | null;
  /** Whether a Cookie header holds the cookie given. */
  admits(cookieHeader: string | undefined): boolean;
  readonly cookieName: string;
}

const SECRET_BYTES = 32;

const sameSecret = (a: string, b: string): boolean => {
  // Equal lengths are what timingSafeEqual needs, and digests have them.
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
};

/** @param port cookies do not know ports: two web hosts on one machine need two names */
export const createGate = (port: number): Gate => {
  const token = randomBytes(SECRET_BYTES).toString('base64url');
  const cookie = randomBytes(SECRET_BYTES).toString('base64url');
  const cookieName = `tilescope-${port}`;
  let used = false;
  return {
    token,
    cookieName,
    exchange(given) {
      if (used || given === null || !sameSecret(given, token)) return null;
      used = true;
      return cookie;
    },
    admits(header) {
      for (const pair of (header ?? '').split(';')) {
        const [name, ...value] = pair.trim().split('=');
        if (name === cookieName && sameSecret(value.join('='), cookie)) return true;
      }
      return false;
    },
  };
};
