import { mkdir, open, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Answer } from '../app/bridge.ts';
import type { Capture } from '../app/session/capture.ts';
import { encodeCapture } from '../app/session/document.ts';
import { PRODUCT } from './product.ts';
import { answer, messageOf, refuse } from './services/refusals.ts';

/**
 * The state found at attach, on disk before the first write: should Tilescope die, what the vCPU held is not lost with it.
 * One file a session, `journal/PID-STARTTIME-vcpuN-SESSION.json`, removed by a clean detach.
 */
export const JOURNAL_VERSION = 1;

/** XDG Base Directory Specification: a relative XDG_STATE_HOME is ignored. */
export const journalFolder = (environment: Readonly<Record<string, string | undefined>> = process.env): string => {
  const named = environment.XDG_STATE_HOME;
  const state = named?.startsWith('/') ? named : join(environment.HOME || homedir(), '.local', 'state');
  return join(state, 'tilescope', 'journal');
};

export interface JournalEntry {
  readonly path: string;
}

const entryName = (session: string, capture: Capture): string => {
  const { pid, startTimeTicks, vcpu } = capture.facts.target;
  return `${pid ?? 0}-${startTimeTicks ?? 0}-vcpu${vcpu}-${session}.json`;
};

const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Writes the entry so that it is whole on disk, or not there, when this returns. */
export const writeJournal = async (
  folder: string,
  session: string,
  attached: Capture,
): Promise<Answer<JournalEntry>> => {
  const path = join(folder, entryName(session, attached));
  const half = `${path}.new`;
  const entry = {
    format: 'tilescope-journal',
    version: JOURNAL_VERSION,
    product: PRODUCT,
    session,
    capture: encodeCapture(attached),
  };
  try {
    // The state may hold the guest's secrets: AES round keys live in vector registers.
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const handle = await open(half, 'w', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(entry)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(half, path);
    await syncFolder(folder);
    return answer({ path });
  } catch (error) {
    await rm(half, { force: true }).catch(() => undefined);
    return refuse('journal', `the state found at attach could not be put on disk, so nothing was written`, {
      where: `${path}: ${messageOf(error)}`,
      mend: 'Make the folder writable, or name another with XDG_STATE_HOME',
    });
  }
};

export const removeJournal = async (entry: JournalEntry): Promise<void> => {
  await rm(entry.path, { force: true });
};
