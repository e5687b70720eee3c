import type { Answer } from '../../refusals/answer.ts';
import type { GeneralName } from '../../register/registers.ts';
import type { KeptMemory } from '../../session/journal-entry.ts';
import type { SessionJournal } from '../journal.ts';

/** A journal that ends with the test. */
export const memoryJournal = (): SessionJournal & {
  readonly names: readonly GeneralName[];
  readonly memory: readonly KeptMemory[];
} => {
  let memory: readonly KeptMemory[] = [];
  let names: readonly GeneralName[] | null = null;
  const done: Answer<null> = { ok: true, value: null };
  return {
    get names() {
      return names ?? [];
    },
    get memory() {
      return memory;
    },
    readyMemory: async (patches) => {
      names ??= [];
      memory = patches;
      return done;
    },
    get exists() {
      return names !== null;
    },
    ready: async (general) => {
      names = [...new Set([...(names ?? []), ...general])];
      return done;
    },
    settle: async (general) => {
      if (names !== null) names = general;
    },
    forget: async () => {
      names = null;
      memory = [];
    },
  };
};
