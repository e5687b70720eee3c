/**
 * How a page of the web host shows that it may come in. The address that Tilescope prints holds a token behind its #, which
 * no browser sends anywhere, good for one use; the page is given a secret for it and keeps that, for its tabs and reloads.
 * Both travel as words of the WebSocket's handshake. A cookie would go to every port of this machine.
 */

/** What is needed of the page, so that a test hands in its own. */
export interface EntryPage {
  readonly hash: string;
  /** Takes what stands behind the # out of the address and of the history. */
  clearHash(): void;
  readonly memory: { getItem(name: string): string | null; setItem(name: string, value: string): void };
}

const NAME = 'tilescope-secret';
const WORD = /^[A-Za-z0-9_-]{43}$/;

const kept = ({ memory }: EntryPage): string | null => {
  try {
    return memory.getItem(NAME);
  } catch {
    return null;
  }
};

/** Whether what stands behind a # is a token: an address that differs by nothing else does not load the page anew by itself. */
export const isToken = (hash: string): boolean => WORD.test(hash.slice(1));

/** The subprotocols to offer. */
export const entryWords = (page: EntryPage): readonly string[] => {
  const [token, secret] = [page.hash.slice(1), kept(page)];
  const words = ['tilescope'];
  if (isToken(page.hash)) {
    words.push(`tilescope.token.${token}`);
    page.clearHash();
  }
  if (secret !== null && WORD.test(secret)) words.push(`tilescope.secret.${secret}`);
  return words;
};

export const keepSecret = ({ memory }: EntryPage, secret: string): void => {
  if (!WORD.test(secret)) return;
  try {
    memory.setItem(NAME, secret);
  } catch {
    // A browser that keeps nothing: this page works until it is loaded again.
  }
};
