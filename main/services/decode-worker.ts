import { parentPort } from 'node:worker_threads';
import { chooseFrom, type DecodeRequest } from './file-states.ts';

/** Reads files away from the thread that keeps the sessions: one request, one answer. See services/decoder.ts. */
parentPort?.on('message', async ({ name, bytes, wanted, preset }: DecodeRequest) => {
  parentPort?.postMessage(await chooseFrom(name, bytes, wanted, preset));
});
