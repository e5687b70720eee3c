import type { Answer, CameBack, SessionEvent } from '../../app/bridge.ts';
import { messageOf, refuse } from '../../app/refusals/refusal.ts';
import type { Sessions } from '../services/sessions.ts';
import { shown } from '../services/shown.ts';
import { callVerb, isTabName } from '../services/verbs.ts';

/**
 * Sessions belong to the page that opened them, in the window and in the browser. A page that goes without a word may be
 * loaded again: what it held waits for it, under the name that it gave itself, and is let go after a while. What was written
 * and not restored is then offered to the next page.
 */
export interface HostPage {
  /** Checks a call of this page and makes it; refused once the page has ended. */
  call(verb: unknown, args: unknown): Promise<Answer<unknown>>;
  /** The page has gone, and may come back as another one. */
  leave(): void;
  /** Lets go of its vCPUs once the calls in flight have ended, so that a write is whole or rolled back. Never rejects. */
  end(): Promise<void>;
}

export interface HostPages {
  /** A page with sessions of its own; `tell` hears of them until it ends. */
  open(tell: (event: SessionEvent) => void): HostPage;
  /** Ends every page. */
  close(): Promise<void>;
}

/** Verbs whose answer depends on what the pages before still hold: the next page is here before they have let go. */
const AFTER_PREVIOUS_PAGES: readonly unknown[] = [
  'listTargets',
  'attach',
  'orphans',
  'recover',
  'compareOrphan',
  'forgetOrphan',
];
/** Calls of one page that wait for their answers: far more than a page makes, and few enough to be kept. */
const MOST_CALLS = 256;
/** A helper that hangs holds its own page's end up, not every other page. */
const PREVIOUS_PAGES_TIMEOUT_MS = 3_000;
/** A page that is loaded again over a slow line is back by then; a vCPU that stands still is let go soon. */
const COMES_BACK_WITHIN_MS = 15_000;
/** Where another page was opened since, somebody is there who would rather have what is left. */
const ANOTHER_PAGE_WAITS_MS = 2_000;
/** Events that are told to a page which comes back. */
const MOST_EVENTS = 64;

/** The sessions of one page, which may outlive it. */
interface Hold {
  readonly sessions: Sessions;
  readonly inFlight: Set<Promise<unknown>>;
  /** Who hears of them. */
  tell: (event: SessionEvent) => void;
  readonly unsubscribe: () => void;
}

/** A hold without a page. */
interface Waiting {
  readonly hold: Hold;
  /** What would have been told. */
  readonly heard: SessionEvent[];
  /** How many pages had been opened when it began to wait. */
  readonly since: number;
  /** It is let go no later than so many milliseconds from now. */
  within(ms: number): void;
  /** A page has it, or it is being let go. */
  readonly over: Promise<void>;
  /** False: it is being let go already. */
  take(): boolean;
  letGo(): Promise<void>;
}

interface Letting {
  /** Until sessions have let go of their vCPUs. */
  readonly ending: Set<Promise<void>>;
}

const bounded = async (work: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PREVIOUS_PAGES_TIMEOUT_MS);
  });
  await Promise.race([work, timedOut]);
  clearTimeout(timer);
};

const letGo = ({ sessions, inFlight, unsubscribe }: Hold, { ending }: Letting): Promise<void> => {
  unsubscribe();
  const close = async (): Promise<void> => {
    // An attach in flight makes a session when it is done: only then are all of them known.
    await Promise.allSettled(inFlight);
    try {
      await sessions.close();
    } catch (error) {
      process.stderr.write(`Tilescope: the sessions of a page did not end in order: ${messageOf(error)}\n`);
    }
  };
  const done = close();
  ending.add(done);
  return done.finally(() => ending.delete(done));
};

const createWaiting = (hold: Hold, since: number, letting: Letting): Waiting => {
  let state: 'waits' | 'taken' | 'ended' = 'waits';
  let finish: () => void = () => undefined;
  let timer: NodeJS.Timeout | undefined;
  let lastMs = Number.POSITIVE_INFINITY;
  const over = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const heard: SessionEvent[] = [];
  hold.tell = (event) => {
    if (heard.length < MOST_EVENTS) heard.push(event);
  };
  const leaveAs = (next: 'taken' | 'ended'): boolean => {
    if (state !== 'waits') return false;
    state = next;
    clearTimeout(timer);
    finish();
    return true;
  };
  const waiting: Waiting = {
    hold,
    heard,
    since,
    over,
    within(ms) {
      if (state !== 'waits' || ms >= lastMs) return;
      lastMs = ms;
      clearTimeout(timer);
      timer = setTimeout(() => void waiting.letGo(), ms);
    },
    take: () => leaveAs('taken'),
    letGo: async () => {
      if (leaveAs('ended')) await letGo(hold, letting);
    },
  };
  waiting.within(COMES_BACK_WITHIN_MS);
  return waiting;
};

export const createHostPages = (openSessions: () => Sessions): HostPages => {
  const pages = new Set<HostPage>();
  const letting: Letting = { ending: new Set() };
  const waiting = new Map<string, Waiting>();
  /** How a page that is there gives up what it holds, by what it is called. */
  const takenFrom = new Map<string, () => void>();
  let opened = 0;
  let isClosed = false;

  const previousPages = async (number: number): Promise<void> => {
    const before = [...waiting.values()].filter(({ since }) => since < number);
    for (const one of before) one.within(ANOTHER_PAGE_WAITS_MS);
    if (before.length > 0) await bounded(Promise.all(before.map(({ over }) => over)));
    if (letting.ending.size > 0) await bounded(Promise.all(letting.ending));
  };

  /** Without a page, until the one of that name comes back: where nothing is open, or nobody has a name, there is nothing to wait for. */
  const setAside = (hold: Hold, tab: string | null): void => {
    if (tab === null || isClosed) {
      void letGo(hold, letting);
      return;
    }
    const one = createWaiting(hold, opened, letting);
    waiting.set(tab, one);
    void one.over.then(() => {
      if (waiting.get(tab) === one) waiting.delete(tab);
    });
    void Promise.allSettled(hold.inFlight).then(() => {
      if (isClosed || !hold.sessions.holds()) void one.letGo();
    });
  };

  const newHold = (tell: (event: SessionEvent) => void): Hold => {
    const sessions = openSessions();
    const unsubscribe = sessions.onEvent((event) => hold.tell(shown(event)));
    const hold: Hold = { sessions, inFlight: new Set(), tell, unsubscribe };
    return hold;
  };

  const open = (tell: (event: SessionEvent) => void): HostPage => {
    opened += 1;
    const number = opened;
    let hold = newHold(tell);
    let tab: string | null = null;
    let gone: Promise<void> | null = null;

    const refused = (): Answer<never> | null => {
      if (gone !== null || isClosed) return refuse('page-gone', 'the page that asked has gone');
      if (hold.inFlight.size < MOST_CALLS) return null;
      return refuse('busy', `${MOST_CALLS} calls of this page wait for their answers`, { remedy: 'Try again' });
    };

    const giveUp = (): void => {
      if (tab === null) return;
      tell({ kind: 'taken' });
      const [given, name] = [hold, tab];
      takenFrom.delete(name);
      tab = null;
      hold = newHold(tell);
      setAside(given, name);
    };

    /** What the page of that name held is this page's, if it holds nothing itself. */
    const takeOver = async (name: string, take: boolean): Promise<readonly SessionEvent[]> => {
      if (take && name !== tab) takenFrom.get(name)?.();
      const one = waiting.get(name);
      if (!hold.sessions.holds() && one?.take() === true) {
        // A step or a write in flight is whole first: then what is told of the sessions is what they hold.
        await Promise.allSettled(one.hold.inFlight);
        if (gone !== null) setAside(one.hold, name);
        else {
          void letGo(hold, letting);
          hold = one.hold;
        }
      }
      // Two pages of one name are a tab and its copy: the second has none.
      if (!takenFrom.has(name)) {
        if (tab !== null) takenFrom.delete(tab);
        tab = name;
        takenFrom.set(name, giveUp);
      }
      return one?.hold === hold ? one.heard : [];
    };

    const make = async (verb: unknown, args: unknown): Promise<Answer<unknown>> => {
      if (AFTER_PREVIOUS_PAGES.includes(verb)) await previousPages(number);
      if (gone !== null) return refuse('page-gone', 'the page that asked has gone');
      const answered = await callVerb(hold.sessions, verb, args);
      // The page's own text, as it was given, and nothing that it shows: line ends and all.
      const kept = verb === 'comeBack' && answered.ok ? (answered.value as CameBack).kept : null;
      return kept === null || !answered.ok
        ? shown(answered)
        : { ok: true, value: { ...shown({ ...(answered.value as CameBack), kept: {} }), kept } };
    };

    const comeBack = async (args: unknown): Promise<Answer<unknown>> => {
      const [name, take] = Array.isArray(args) ? args : [];
      // Only asked for what it is where it is of its form; the sessions say what is wrong with it.
      const heard = isTabName(name) ? await takeOver(name, take === true) : [];
      const answered = await make('comeBack', args);
      hold.tell = tell;
      // Behind the answer, which says what there is.
      setImmediate(() => {
        for (const event of heard) tell(event);
      });
      return answered;
    };

    const goneWith = (done: Promise<void>): void => {
      gone = done;
      pages.delete(page);
      if (tab !== null && takenFrom.get(tab) === giveUp) takenFrom.delete(tab);
    };

    const page: HostPage = {
      call: async (verb, args) => {
        const no = refused();
        if (no !== null) return no;
        const { inFlight } = hold;
        const made = verb === 'comeBack' ? comeBack(args) : make(verb, args);
        // It waits for the calls of the page before, and must not wait for itself.
        if (verb === 'comeBack') return made;
        inFlight.add(made);
        return made.finally(() => inFlight.delete(made));
      },
      leave: () => {
        if (gone !== null) return;
        goneWith(Promise.resolve());
        setAside(hold, tab);
      },
      end: () => {
        if (gone !== null) return gone;
        const done = letGo(hold, letting);
        goneWith(done);
        return done;
      },
    };
    pages.add(page);
    return page;
  };

  return {
    open,
    close: async () => {
      isClosed = true;
      await Promise.all([
        ...[...pages].map((page) => page.end()),
        ...[...waiting.values()].map((one) => one.letGo()),
        ...letting.ending,
      ]);
    },
  };
};
