import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * Who may use the web host: whoever holds the token printed at its start, once, and from then on the page that was given the
 * secret for it. Neither is a cookie: a browser sends those to every port of this machine, other users' among them, and
 * lets whoever listens there read them. Both are words of the WebSocket's handshake, which a page of another origin does not
 * have: the token comes in the address behind #, which is sent to nobody, and the secret is kept by the page's own origin.
 */
export interface Gate {
  /** For the printed address; 32 random bytes. */
  readonly token: string;
  /** A fresh token in place of the one before, used or not: pages that have come in stay. */
  renew(): void;
  /** Whether the subprotocols offered hold the secret, or the token while it was not used. */
  knows(offered: string | undefined): boolean;
  /** The same, and uses the token up: the secret where it was the token that opened, '' where it was the secret; else null. */
  admit(offered: string | undefined): string | null;
}

/** The one subprotocol that is spoken: it is answered, so that what is secret never is. */
export const SUBPROTOCOL = 'tilescope';
const TOKEN_WORD = 'tilescope.token.';
const SECRET_WORD = 'tilescope.secret.';
const SECRET_BYTES = 32;
/** Spoken, token, secret: who offers more is not our page. */
const MOST_OFFERED = 3;

const sameSecret = (a: string, b: string): boolean => {
  // Equal lengths are what timingSafeEqual needs, and digests have them.
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
};

export const createGate = (): Gate => {
  let token = randomBytes(SECRET_BYTES).toString('base64url');
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  let isUsed = false;
  const find = (offered: string | undefined): 'token' | 'secret' | null => {
    const words = (offered ?? '').split(',').map((word) => word.trim());
    if (words.length > MOST_OFFERED || !words.includes(SUBPROTOCOL)) return null;
    const holds = (kind: string, value: string): boolean =>
      words.some((word) => word.startsWith(kind) && sameSecret(word.slice(kind.length), value));
    if (holds(SECRET_WORD, secret)) return 'secret';
    return !isUsed && holds(TOKEN_WORD, token) ? 'token' : null;
  };
  return {
    get token() {
      return token;
    },
    renew() {
      token = randomBytes(SECRET_BYTES).toString('base64url');
      isUsed = false;
    },
    knows: (offered) => find(offered) !== null,
    admit(offered) {
      const found = find(offered);
      if (found === 'token') isUsed = true;
      return found === null ? null : found === 'token' ? secret : '';
    },
  };
};
