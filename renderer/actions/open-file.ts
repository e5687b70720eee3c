import { toBase64 } from '../../app/bits/base64.ts';
import type { DebuggerStore } from '../store/debugger-store.ts';

/** Reads a file of the page and hands its bytes to main, which decides what it is. */
export const openPageFile = async (store: DebuggerStore, file: File): Promise<void> => {
  const bytes = new Uint8Array(await file.arrayBuffer());
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
