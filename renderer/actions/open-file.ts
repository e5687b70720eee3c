import { toBase64 } from '../../app/bits/base64.ts';
import type { DebuggerStore } from '../store/debugger-store.ts';

/** What main takes of a page, as bytes. */
export const MOST_PAGE_BYTES = 24 * 1024 * 1024;

const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46];

/**
 * Reads a file of the page and hands its bytes to main, which decides what it is. Of a large core the beginning alone: its
 * notes stand there, and the memory behind them is not looked at.
 */
export const openPageFile = async (store: DebuggerStore, file: File): Promise<void> => {
  const head = new Uint8Array(await file.slice(0, ELF_MAGIC.length).arrayBuffer());
  const isCore = ELF_MAGIC.every((byte, index) => head[index] === byte);
  if (file.size > MOST_PAGE_BYTES && !isCore) {
    store.getState().refuse({
      code: 'file',
      what: `${file.name} has ${file.size} bytes; at most ${MOST_PAGE_BYTES} are read here`,
      where: null,
      mend: 'Choose the file of the vCPU state, not that of the guest’s memory',
      call: null,
      errno: null,
    });
    return;
  }
  const bytes = new Uint8Array(await file.slice(0, MOST_PAGE_BYTES).arrayBuffer());
  await store.getState().openFile(file.name, toBase64(bytes));
};

export const chooseFile = (store: DebuggerStore): void => {
  const input = document.createElement('input');
  input.type = 'file';
  input.addEventListener('change', () => {
    const file = input.files?.[0];
    if (file !== undefined) void openPageFile(store, file);
  });
  input.click();
};
