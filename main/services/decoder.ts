import { Worker } from 'node:worker_threads';
import type { Answer } from '../../app/bridge.ts';
import { messageOf, refuse } from '../../app/refusals/refusal.ts';
import { isPacked } from '../io/unpack.ts';
import { type ChosenState, type Decode, type DecodeRequest, decodeHere } from './file-states.ts';
import { createSlots } from './slots.ts';

/**
 * Files are hostile until they are read, and reading one may take long: it is done in threads of its own, so that every
 * session goes on meanwhile, within bounds of memory and time, and it can be called off.
 */
export interface Decoder {
  readonly decode: Decode;
  /** Ends what is being read, for everybody; nothing is read after that. */
  close(): Promise<void>;
}

export interface DecoderOptions {
  readonly worker: URL;
  /** Shorter files are read at once: starting a thread takes longer. */
  readonly leastBytes?: number;
  readonly timeoutMs?: number;
  readonly memoryMb?: number;
}

/** Every capture and raw image: none of them takes long. */
const LEAST_BYTES = 256 * 1024;
const TIMEOUT_MS = 60_000;
/** A session of 50,000 stops takes some hundred megabytes. */
const MEMORY_MB = 1_536;
const MOST_AT_ONCE = 2;
const MOST_WAITING = 16;
const TOLD_EVERY_MS = 1_000;

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | null)?.code;

export const createDecoder = ({
  worker: url,
  leastBytes = LEAST_BYTES,
  timeoutMs = TIMEOUT_MS,
  memoryMb = MEMORY_MB,
}: DecoderOptions): Decoder => {
  const waiting: (() => void)[] = [];
  const atWork = new Set<() => void>();
  let isClosed = false;

  const inWorker = ({ onReading, ...request }: DecodeRequest): Promise<Answer<ChosenState>> =>
    new Promise((resolve) => {
      const { name, bytes } = request;
      const startedMs = performance.now();
      const worker = new Worker(url, {
        resourceLimits: { maxOldGenerationSizeMb: memoryMb },
        // Of this process's own switches some are for no thread, and then none starts; and it needs nothing of the environment.
        execArgv: [],
        env: {},
      });
      const end = (result: Answer<ChosenState>): void => {
        clearTimeout(patience);
        clearInterval(telling);
        atWork.delete(cancel);
        resolve(result);
        void worker.terminate();
      };
      const no = (what: string, remedy: string | null = null): void =>
        end(refuse('file', what, { where: name, remedy }));
      const cancel = (): void => no('reading the file was called off');
      const patience = setTimeout(() => no(`the file cannot be read within ${timeoutMs} ms`), timeoutMs);
      const telling = setInterval(() => {
        const elapsedMs = Math.round(performance.now() - startedMs);
        onReading?.({ name, sizeBytes: bytes.length, elapsedMs, cancel });
      }, TOLD_EVERY_MS);
      atWork.add(cancel);
      worker.on('message', end);
      worker.on('messageerror', () => no('what the file holds cannot be handed over'));
      worker.on('error', (error) =>
        codeOf(error) === 'ERR_WORKER_OUT_OF_MEMORY'
          ? no(`reading the file takes more than ${memoryMb} MB of memory`, 'Choose the file of the vCPU state')
          : no(`the file cannot be read: ${messageOf(error)}`),
      );
      worker.on('exit', () => no('the file cannot be read: its reader ended'));
      worker.postMessage(request);
    });

  /** Whoever is done hands the turn on to the next, who then need not take one. */
  const turns = createSlots(MOST_AT_ONCE);
  const turn = async (): Promise<boolean> => {
    if (turns.take()) return true;
    if (waiting.length >= MOST_WAITING) return false;
    await new Promise<void>((resolve) => waiting.push(resolve));
    return true;
  };
  const handOn = (): void => {
    const next = waiting.shift();
    if (next === undefined) turns.give();
    else next();
  };

  return {
    decode: async (request) => {
      // A few packed kilobytes can be megabytes of work.
      if (request.bytes.length < leastBytes && !isPacked(request.bytes)) return decodeHere(request);
      const busy = refuse('busy', 'too many files are being read', { where: request.name, remedy: 'Try again' });
      if (!(await turn())) return busy;
      try {
        if (isClosed) return refuse('file', 'reading the file was called off', { where: request.name });
        return await inWorker(request);
      } finally {
        handOn();
      }
    },
    close: async () => {
      isClosed = true;
      for (const cancel of [...atWork]) cancel();
    },
  };
};
