import type { RawData, WebSocket } from 'ws';
import { surveyJson } from '../../../app/formats/json-survey.ts';
import { messageOf } from '../../../app/refusals/refusal.ts';
import { MAX_FILE_BASE64_CHARACTERS } from '../../services/verbs.ts';
import type { HostPage, HostPages } from '../host-pages.ts';
import { say } from '../say.ts';

/** A whole file in one message, and its envelope. */
export const MAX_MESSAGE_BYTES = MAX_FILE_BASE64_CHARACTERS + 65_536;
/** What may wait in one socket before the page counts as gone: some hundred captures. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;

/** Sends, and lets go of a page that does not read what it is sent, or of which no text can be made. */
export const sendJson = (socket: WebSocket, value: unknown): void => {
  if (socket.readyState !== socket.OPEN) return;
  try {
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.terminate();
    else socket.send(JSON.stringify(value));
  } catch (error) {
    say(`a page could not be told: ${messageOf(error)}`);
    socket.terminate();
  }
};

const bytesOf = (data: RawData): Uint8Array => {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
};

/** One text message of the page: {"id", "verb", "args"}, answered by {"id", "answer"}. */
const answerMessage = async (socket: WebSocket, data: RawData, page: HostPage): Promise<void> => {
  let message: { id?: unknown; verb?: unknown; args?: unknown } | null;
  try {
    // Counted first: some megabytes of brackets are no request, and would become gigabytes.
    message = surveyJson('message', bytesOf(data)).ok ? JSON.parse(data.toString()) : null;
  } catch {
    message = null;
  }
  const id = message?.id;
  if (typeof id !== 'number' || !Number.isSafeInteger(id)) {
    // Without an id there is nothing to answer to: this is not our page.
    return socket.close(1008, 'a request is {"id", "verb", "args"}');
  }
  sendJson(socket, { id, answer: await page.call(message?.verb, message?.args) });
};

/** A page with sessions of its own, for as long as its socket is open. Nothing that it sends throws out of here. */
export const serveSocket = (socket: WebSocket, hostPages: HostPages): void => {
  const page = hostPages.open((event) => sendJson(socket, { event }));
  socket.on('message', (data, isBinary) => {
    if (isBinary) return socket.close(1003, 'text only');
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) return socket.terminate();
    answerMessage(socket, data, page).catch((error: unknown) => {
      say(`the page's request failed: ${messageOf(error)}`);
      socket.close(1011);
    });
  });
  // A reload, a closed tab and a browser that crashed all end here; which of them it was, only the next page tells.
  socket.on('close', () => page.leave());
  socket.on('error', () => socket.terminate());
};
