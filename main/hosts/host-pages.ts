import type { Answer, SessionEvent } from '../../app/bridge.ts';
import { messageOf, refuse } from '../../app/refusals/refusal.ts';
import type { Sessions } from '../services/sessions.ts';
import { shown } from '../services/shown.ts';
import { callVerb } from '../services/verbs.ts';

/**
 * Sessions belong to the page that opened them, in the window and in the browser: a page that is reloaded, closed or that
 * crashes cannot come back to them. They end with it, and what was written and not restored is offered to the next page.
 */
export interface HostPage {
  /** Checks a call of this page and makes it; refused once the page has ended. */
  call(verb: unknown, args: unknown): Promise<Answer<unknown>>;
  /** Lets go of its vCPUs once the calls in flight have ended, so that a write is whole or rolled back. Never rejects. */
  end(): Promise<void>;
}

export interface HostPages {
  /** A page with sessions of its own; `tell` hears of them until it ends. */
  open(tell: (event: SessionEvent) => void): HostPage;
  /** Ends every page. */
  close(): Promise<void>;
}

/** Verbs whose answer depends on what the pages before still hold: a reloaded page is here before they have let go. */
const AFTER_FORMER_PAGES: readonly unknown[] = [
  'listTargets',
  'attach',
  'leftOvers',
  'putBack',
  'compareLeftOver',
  'forgetLeftOver',
];
/** Calls of one page that wait for their answers: far more than a page makes, and few enough to be kept. */
const MOST_CALLS = 256;
/** A helper that hangs holds its own page's end up, not every other page. */
const FORMER_PAGES_TIMEOUT_MS = 3_000;

export const createHostPages = (openSessions: () => Sessions): HostPages => {
  const pages = new Set<HostPage>();
  const ending = new Set<Promise<void>>();
  let isClosed = false;

  const formerPages = async (): Promise<void> => {
    if (ending.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const timedOut = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FORMER_PAGES_TIMEOUT_MS);
    });
    await Promise.race([Promise.all(ending), timedOut]);
    clearTimeout(timer);
  };

  const open = (tell: (event: SessionEvent) => void): HostPage => {
    const sessions = openSessions();
    const unsubscribe = sessions.onEvent((event) => tell(shown(event)));
    const inFlight = new Set<Promise<unknown>>();
    let ended: Promise<void> | null = null;

    const refused = (): Answer<never> | null => {
      if (ended !== null || isClosed) return refuse('page-gone', 'the page that asked has gone');
      if (inFlight.size < MOST_CALLS) return null;
      return refuse('busy', `${MOST_CALLS} calls of this page wait for their answers`, { mend: 'Try again' });
    };

    const make = async (verb: unknown, args: unknown): Promise<Answer<unknown>> => {
      if (AFTER_FORMER_PAGES.includes(verb)) await formerPages();
      return ended === null
        ? shown(await callVerb(sessions, verb, args))
        : refuse('page-gone', 'the page that asked has gone');
    };

    const close = async (): Promise<void> => {
      // An attach in flight makes a session when it is done: only then are all of them known.
      await Promise.allSettled(inFlight);
      try {
        await sessions.close();
      } catch (error) {
        process.stderr.write(`Tilescope: the sessions of a page did not end in order: ${messageOf(error)}\n`);
      }
    };

    const page: HostPage = {
      call: async (verb, args) => {
        const no = refused();
        if (no !== null) return no;
        const made = make(verb, args);
        inFlight.add(made);
        return made.finally(() => inFlight.delete(made));
      },
      end: () => {
        if (ended !== null) return ended;
        pages.delete(page);
        unsubscribe();
        const done = close();
        ended = done;
        ending.add(done);
        return done.finally(() => ending.delete(done));
      },
    };
    pages.add(page);
    return page;
  };

  return {
    open,
    close: async () => {
      isClosed = true;
      await Promise.all([...[...pages].map((page) => page.end()), ...ending]);
    },
  };
};
