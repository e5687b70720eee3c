import { toBase64 } from '../../app/bits/base64.ts';
import { shownText } from '../../app/bits/text.ts';
import type { Answer } from '../../app/bridge.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';
import type { DebuggerStore } from '../store/debugger-store.ts';
import { fileWords } from '../store/select/recent-files.ts';

/** What main takes of a page, as bytes. */
export const MOST_PAGE_BYTES = 24 * 1024 * 1024;

const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46];

export interface PageFile {
  readonly name: string;
  readonly base64: string;
}

/**
 * Reads a file of the page for main, which decides what it is. Of a large core the beginning alone: its notes stand there,
 * and the memory behind them is not looked at.
 */
export const readPageFile = async (file: File): Promise<Answer<PageFile>> => {
  const head = new Uint8Array(await file.slice(0, ELF_MAGIC.length).arrayBuffer());
  const isCore = ELF_MAGIC.every((byte, index) => head[index] === byte);
  if (file.size > MOST_PAGE_BYTES && !isCore) {
    return refuse('file', `${shownText(file.name)} has ${file.size} bytes; at most ${MOST_PAGE_BYTES} are read here`, {
      remedy: 'Choose the file of the vCPU state, not that of the guest’s memory',
    });
  }
  const bytes = new Uint8Array(await file.slice(0, MOST_PAGE_BYTES).arrayBuffer());
  return answer({ name: shownText(file.name), base64: toBase64(bytes) });
};

export const openPageFile = async (store: DebuggerStore, file: File): Promise<void> => {
  const read = await readPageFile(file);
  if (!read.ok) {
    store.getState().refuse(read.refusal);
    return;
  }
  const previous = store.getState().session;
  await store.getState().openFile(read.value.name, read.value.base64);
  const { session, stops, noteRecentFile } = store.getState();
  if (session?.file === undefined || session.id === previous?.id) return;
  noteRecentFile({ name: read.value.name, what: fileWords(session.file, stops.length), openedAtMs: Date.now() });
};

/** What is being asked for a file: the browser itself does not keep an element that is nowhere in the page. */
const asking = new Set<HTMLInputElement>();

/** The page's own file picker. */
export const pickFile = (onFile: (file: File) => void): void => {
  const input = document.createElement('input');
  input.type = 'file';
  const done = (): void => {
    asking.delete(input);
  };
  input.addEventListener('cancel', done);
  input.addEventListener('change', () => {
    done();
    const file = input.files?.[0];
    if (file !== undefined) onFile(file);
  });
  asking.add(input);
  input.click();
};

export const chooseFile = (store: DebuggerStore): void => pickFile((file) => void openPageFile(store, file));

/** The same for a state to restore from: nothing is opened. */
export const readToRestore = async (store: DebuggerStore, file: File): Promise<void> => {
  const read = await readPageFile(file);
  if (read.ok) await store.getState().readRestoreFile(read.value.name, read.value.base64, null, '');
  else store.getState().refuseRestoreFile(read.refusal);
};

/** A file of symbols, whose names the code of the guest on screen is given. */
export const chooseSymbols = (store: DebuggerStore): void =>
  pickFile(async (file) => {
    const read = await readPageFile(file);
    if (read.ok) await store.getState().takeSymbols(read.value.name, read.value.base64);
    else store.getState().refuse(read.refusal);
  });
