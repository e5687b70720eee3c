import { Worker } from 'node:worker_threads';
import { type PageMessage, readLongMessage, readMessage } from './read-message.ts';
import { createSlots } from './slots.ts';

/** Reads what pages send. A long message is read in a thread of its own, so that nobody else waits for it. */
export interface MessageReader {
  /** Whether `read` takes a thread for a message of that length; a shorter one is read at once. */
  isLong(sizeBytes: number): boolean;
  /** Null: it is no message, or cannot be read. Takes the bytes away from whoever hands them over. Never rejects. */
  read(bytes: Uint8Array<ArrayBuffer>): Promise<PageMessage | null>;
  /** Ends what is being read. */
  close(): void;
}

/** Starting a thread takes longer than reading less. */
const LEAST_BYTES = 256 * 1024;
const TIMEOUT_MS = 30_000;
const MEMORY_MB = 1_024;
const MOST_AT_ONCE = 2;

/** In this thread, whatever the length. */
export const readHere: MessageReader = {
  isLong: () => false,
  read: async (bytes) => readMessage(bytes),
  close: () => undefined,
};

export const createMessageReader = (url: URL, leastBytes = LEAST_BYTES): MessageReader => {
  const turns = createSlots(MOST_AT_ONCE);
  const waiting: (() => void)[] = [];
  const atWork = new Set<() => void>();
  let isClosed = false;

  const inWorker = (message: Uint8Array<ArrayBuffer>): Promise<PageMessage | null> =>
    new Promise((resolve) => {
      const worker = new Worker(url, {
        resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
        execArgv: [],
        env: {},
      });
      const end = (read: PageMessage | null): void => {
        clearTimeout(patience);
        atWork.delete(cancel);
        resolve(read);
        void worker.terminate();
      };
      const cancel = (): void => end(null);
      const patience = setTimeout(cancel, TIMEOUT_MS);
      atWork.add(cancel);
      worker.on('message', end);
      for (const event of ['messageerror', 'error', 'exit'] as const) worker.on(event, cancel);
      worker.postMessage({ message }, [message.buffer]);
    });

  return {
    isLong: (sizeBytes) => sizeBytes >= leastBytes,
    read: async (bytes) => {
      if (!turns.take()) await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return isClosed ? null : await inWorker(bytes);
      } finally {
        const next = waiting.shift();
        if (next === undefined) turns.give();
        else next();
      }
    },
    close: () => {
      isClosed = true;
      for (const cancel of [...atWork]) cancel();
    },
  };
};

/** What the thread does with one. */
export const readInThread = (message: Uint8Array): { read: PageMessage | null; transfer: ArrayBuffer[] } => {
  const read = readLongMessage(message);
  const file = Array.isArray(read?.args) ? read.args[1] : undefined;
  return { read, transfer: file instanceof Uint8Array ? [file.buffer as ArrayBuffer] : [] };
};
