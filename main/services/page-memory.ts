import type { Answer } from '../../app/bridge.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';
import type { Slots } from './slots.ts';

/**
 * Text that a page gives to its host, so that the same page loaded again has it: stops, labels, what is staged. It holds a
 * guest's registers, so it stays in this process's memory, and nothing here looks into it.
 */
export interface PageMemory {
  keep(name: string, text: string): Answer<null>;
  all(): Readonly<Record<string, string>>;
  clear(): void;
}

/** A name for each vCPU that a page may hold, and for the page itself. */
const MOST_NAMES = 128;

export const createPageMemory = (characters: Slots): PageMemory => {
  const kept = new Map<string, string>();
  const drop = (name: string): void => {
    characters.give(kept.get(name)?.length ?? 0);
    kept.delete(name);
  };
  return {
    keep(name, text) {
      drop(name);
      if (text === '') return answer(null);
      if (kept.size >= MOST_NAMES || !characters.take(text.length)) {
        return refuse('too-many-stops', 'what pages have to be kept takes all the room that there is for it', {
          remedy: 'Save the session',
        });
      }
      kept.set(name, text);
      return answer(null);
    },
    all: () => Object.fromEntries(kept),
    clear() {
      for (const name of [...kept.keys()]) drop(name);
    },
  };
};
