import { parentPort } from 'node:worker_threads';
import { chooseFrom, type DecodeRequest } from './file-states.ts';
import { readInThread } from './message-reader.ts';

/**
 * Reads files, and long messages of pages, away from the thread that keeps the sessions: one request, one answer. See
 * services/decoder.ts and services/message-reader.ts.
 */
parentPort?.on('message', async (request: DecodeRequest | { readonly message: Uint8Array }) => {
  if ('message' in request) {
    const { read, transfer } = readInThread(request.message);
    parentPort?.postMessage(read, transfer);
    return;
  }
  const { name, bytes, wanted, preset } = request;
  parentPort?.postMessage(await chooseFrom(name, bytes, wanted, preset));
});
