import { join } from 'node:path';
import { refuse } from '../../app/refusals/refusal.ts';
import { runCommand } from '../hosts/cli/run.ts';
import { answerFromTables } from '../hosts/cli/tables.ts';
import type { Host } from '../services/host.ts';

const refused = async () => refuse('fault', 'not in this test');

/** A host that refuses everything but what a test gives it; its journal is inside `folder`. */
export const fakeHost = (folder: string, given: Partial<Host>): Host => ({
  journalFolder: join(folder, 'journal'),
  openAtStart: null,
  helperPath: '/nowhere/tilescope-helper',
  hello: refused,
  isOffered: () => false,
  offer: () => undefined,
  hostFacts: refused,
  listTargets: refused,
  openLive: refused,
  startDemo: refused,
  close: async () => undefined,
  ...given,
});

/** What a command said, and its exit code. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export const runOn = async (host: Host, args: readonly string[]): Promise<Ran> => {
  let [out, err] = ['', ''];
  const streams = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
  };
  const code = (await answerFromTables(args, streams)) ?? (await runCommand(args, async () => host, streams));
  return { code, out, err };
};
