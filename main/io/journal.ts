import { constants, statSync } from 'node:fs';
import { open, readdir, rm, stat } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { describeProblem } from '../../app/bits/decoded.ts';
import type { Answer } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { answer, messageOf, refuse } from '../../app/refusals/refusal.ts';
import { decodeJournalEntry, encodeJournalEntry, type JournalEntry } from '../../app/session/journal-entry.ts';
import { PRODUCT } from '../product.ts';
import { HALF, makeFolder, writeWhole } from './files.ts';
import { bootId, startTimeOf } from './processes.ts';

/**
 * The state found at attach, on disk before the first write: should Tilescope die, what the vCPU held is not lost with it.
 * One file a session, `journal/PID-STARTTIME-vcpuN-SESSION.json`, removed by a clean detach.
 */

/** Root's own, where HOME is another user's, as under `sudo -E`: what root keeps there nobody else could read or remove. */
const homeOf = (named: string | undefined): string => {
  if (!named) return homeFolder();
  try {
    return process.geteuid?.() === 0 && statSync(named).uid !== 0 ? userInfo().homedir : named;
  } catch {
    return named;
  }
};

/** A user id that no list of users names has none: then a folder at the root is named, where a write is refused or kept. */
const homeFolder = (): string => {
  try {
    return homedir();
  } catch {
    return '/';
  }
};

/** XDG Base Directory Specification: a relative XDG_STATE_HOME is ignored. */
export const journalFolder = (environment: Readonly<Record<string, string | undefined>> = process.env): string => {
  const named = environment.XDG_STATE_HOME;
  const state = named?.startsWith('/') ? named : join(homeOf(environment.HOME), '.local', 'state');
  return join(state, 'tilescope', 'journal');
};

/** Where an entry lies. */
export interface JournalFile {
  readonly path: string;
}

const entryName = (session: string, capture: Capture): string => {
  const { pid, startTimeTicks, vcpu } = capture.facts.target;
  return `${pid ?? 0}-${startTimeTicks ?? 0}-vcpu${vcpu}-${session}.json`;
};

/**
 * Writes the entry so that it is whole on disk when this returns, or as it was before: not there, or what stood there.
 *
 * @param general the general registers that are or will be written
 * @param memory guest memory that is or will be written
 */
export const writeJournal = async (
  folder: string,
  session: string,
  attached: Capture,
  general: JournalEntry['general'] = [],
  memory: JournalEntry['memory'] = [],
): Promise<Answer<JournalFile>> => {
  const path = join(folder, entryName(session, attached));
  const entry = encodeJournalEntry({
    product: PRODUCT,
    session,
    owner: { pid: process.pid, startTimeTicks: startTimeOf('self') ?? 0n },
    bootId: bootId(),
    general,
    memory,
    capture: attached,
  });
  try {
    // The state may hold the guest's secrets: AES round keys live in vector registers.
    await makeFolder(folder);
    await writeWhole(path, new TextEncoder().encode(`${JSON.stringify(entry)}\n`));
    return answer({ path });
  } catch (error) {
    return refuse('journal', `the state found at attach could not be put on disk, so nothing was written`, {
      where: `${path}: ${messageOf(error)}`,
      remedy: 'Make room there and the folder writable, or name another with XDG_STATE_HOME',
    });
  }
};

/** One that cannot be removed, as in a folder that is read-only now, will be offered once more: that has to be said. */
export const removeJournal = async (entry: JournalFile): Promise<Answer<null>> => {
  try {
    await rm(entry.path, { force: true });
    return answer(null);
  } catch (error) {
    return refuse('file', `what was kept cannot be removed from the journal: ${messageOf(error)}`, {
      where: entry.path,
      remedy: 'Remove the file: until then it is offered again',
    });
  }
};

// ---- reading what an earlier run left ----------------------------------------------------------------------------------

/** An entry's file, by what its name says; what is inside is checked against that. */
export interface KeptFile extends JournalFile {
  readonly session: string;
  readonly pid: number;
  readonly startTimeTicks: bigint;
  readonly vcpu: number;
}

const NAME = /^([1-9]\d{0,9})-(\d{1,20})-vcpu(\d{1,5})-([0-9a-f]{32})\.json$/;
const PREVIOUS_HALF = /-vcpu\d{1,5}-[0-9a-f]{32}\.json\.new$/;
const isHalf = (name: string): boolean => HALF.test(name) || PREVIOUS_HALF.test(name);
/** An image of at most 1 MiB as base64, the tables around it, and 1024 pages of memory twice, in hex. */
const MAX_ENTRY_BYTES = 32 * 1024 * 1024;
/** Halves that are looked at in one go. */
const MAX_HALVES = 1024;
/** Writing one takes milliseconds: a half that is older belongs to a run that died over it, before any write. */
const HALF_KEPT_MS = 60_000;

/** The entries of a folder, by name. A folder that is not there holds none. Halves that a dead run left are removed. */
export const keptFiles = async (folder: string): Promise<Answer<readonly KeptFile[]>> => {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return answer([]);
    return refuse('file', `the journal cannot be read: ${messageOf(error)}`, { where: folder });
  }
  for (const name of names.filter(isHalf).slice(0, MAX_HALVES)) {
    const path = join(folder, name);
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > HALF_KEPT_MS) await rm(path, { force: true }).catch(() => undefined);
  }
  const kept = names.flatMap((name) => {
    const [, pid, ticks, vcpu, session] = NAME.exec(name) ?? [];
    if (pid === undefined || ticks === undefined || vcpu === undefined || session === undefined) return [];
    const path = join(folder, name);
    return [{ path, session, pid: Number(pid), startTimeTicks: BigInt(ticks), vcpu: Number(vcpu) }];
  });
  return answer(kept.sort((a, b) => (a.path < b.path ? -1 : 1)));
};

const unreadable = (file: JournalFile, why: string) =>
  refuse('journal-entry', `what was kept cannot be used: ${why}`, { where: file.path, remedy: 'Forget it' });

/** Only a plain file of this user's that nobody else can change decides what is written to a process. */
const trusted = (facts: { isFile(): boolean; uid: number; mode: number; size: number }): string | null => {
  if (!facts.isFile()) return 'it is not a plain file';
  if (facts.uid !== process.getuid?.()) return 'it belongs to another user';
  if ((facts.mode & 0o022) !== 0) return 'others may write to it';
  return facts.size > MAX_ENTRY_BYTES ? `it has ${facts.size} bytes` : null;
};

/** Reads one entry, and holds what it says against the name of its file. */
export const readJournal = async (file: KeptFile): Promise<Answer<JournalEntry>> => {
  try {
    const handle = await open(file.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const problem = trusted(await handle.stat());
      if (problem !== null) return unreadable(file, problem);
      const entry = decodeJournalEntry(JSON.parse(await handle.readFile('utf8')));
      if (!entry.ok) return unreadable(file, describeProblem(entry.problem));
      const { target } = entry.value.capture.facts;
      const agrees =
        entry.value.session === file.session &&
        target.pid === file.pid &&
        target.startTimeTicks === file.startTimeTicks &&
        target.vcpu === file.vcpu;
      return agrees ? answer(entry.value) : unreadable(file, 'its name and what it says differ');
    } finally {
      await handle.close();
    }
  } catch (error) {
    return unreadable(file, messageOf(error));
  }
};
