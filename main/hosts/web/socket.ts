import type { RawData, WebSocket } from 'ws';
import { messageOf } from '../../../app/refusals/refusal.ts';
import type { MessageReader } from '../../services/message-reader.ts';
import { type PageMessage, readMessage } from '../../services/read-message.ts';
import { badCall, MAX_FILE_BASE64_CHARACTERS } from '../../services/verbs.ts';
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

/** Bytes of their own: those of a long message are handed over to a thread. */
const bytesOf = (data: RawData): Uint8Array<ArrayBuffer> => {
  const bytes = Array.isArray(data) ? Buffer.concat(data) : data instanceof ArrayBuffer ? new Uint8Array(data) : data;
  const isOwn = bytes.buffer instanceof ArrayBuffer && bytes.length === bytes.buffer.byteLength;
  return isOwn ? new Uint8Array(bytes.buffer as ArrayBuffer) : Uint8Array.from(bytes);
};

/** A message that was read: {"id", "verb", "args"}, answered by {"id", "answer"}. */
const answerMessage = async (socket: WebSocket, message: PageMessage | null, page: HostPage): Promise<void> => {
  if (message === null) return socket.close(1008, 'a request is {"id", "verb", "args"}');
  const { id, verb, args, problem } = message;
  sendJson(socket, { id, answer: problem === null ? await page.call(verb, args) : badCall(problem) });
};

/** A page with sessions of its own, for as long as its socket is open. Nothing that it sends throws out of here. */
export const serveSocket = (socket: WebSocket, hostPages: HostPages, reader: MessageReader): void => {
  const page = hostPages.open((event) => sendJson(socket, { event }));
  /** What came behind a long message, which is read first: calls are made in the order in which they came. */
  const behind: RawData[] = [];
  let isReading = false;

  const answer = (message: PageMessage | null): void => {
    if (socket.readyState !== socket.OPEN) return;
    answerMessage(socket, message, page).catch((error: unknown) => {
      say(`the page's request failed: ${messageOf(error)}`);
      socket.close(1011);
    });
  };
  const readLong = async (bytes: Uint8Array<ArrayBuffer>): Promise<void> => {
    // Nothing more is taken from this page meanwhile; the other pages go on.
    isReading = true;
    socket.pause();
    answer(await reader.read(bytes));
    isReading = false;
    socket.resume();
    for (let next = behind.shift(); next !== undefined; next = behind.shift()) {
      take(next);
      if (isReading) return;
    }
  };
  const take = (data: RawData): void => {
    const bytes = bytesOf(data);
    if (reader.isLong(bytes.length)) void readLong(bytes);
    else answer(readMessage(bytes));
  };

  socket.on('message', (data, isBinary) => {
    if (isBinary) return socket.close(1003, 'text only');
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) return socket.terminate();
    if (isReading) behind.push(data);
    else take(data);
  });
  // A reload, a closed tab and a browser that crashed all end here; which of them it was, only the next page tells.
  socket.on('close', () => page.leave());
  socket.on('error', () => socket.terminate());
};
