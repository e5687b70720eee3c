import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { messageOf } from '../../app/refusals/refusal.ts';
import { readPage, securityHeaders } from '../services/pages.ts';
import { createGate, type Gate } from '../services/tokens.ts';
import { MAX_FILE_BASE64_CHARACTERS } from '../services/verbs.ts';
import type { HostPage, HostPages } from './host-pages.ts';

/**
 * The page on 127.0.0.1. A web page of another origin, and another user of this machine, can both reach this port: the first
 * is kept out by Host, Origin and SameSite, the second by the token.
 */
export interface WebServer {
  /** With the token in it: for the one who started it, and good for one use. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

export interface WebServerOptions {
  /** Each socket is a page with sessions of its own, however many tabs there are. */
  readonly hostPages: HostPages;
  /** dist/renderer */
  readonly pages: string;
  /** 0: the usual one where it is free, else any. */
  readonly port: number;
  /** A browser keeps what a page remembers by its address: the same port again finds it again. */
  readonly usualPort?: number;
  readonly deterministic: boolean;
}

/** A whole file in one message, and its envelope. */
const MAX_MESSAGE_BYTES = MAX_FILE_BASE64_CHARACTERS + 65_536;
/** What may wait in one socket before the page counts as gone: some hundred captures. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;
/** More tabs than anyone has, and few enough that a page gone wild cannot fill the machine with sessions. */
const MAX_SOCKETS = 32;
const HEADERS = securityHeaders("'self'");

const send = (response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { ...HEADERS, 'Content-Type': 'text/plain; charset=utf-8', ...headers });
  response.end(text);
};

/** A name that resolves to 127.0.0.1 at an attacker's will (DNS rebinding) arrives with that name as Host. */
const hostIsOurs = (request: IncomingMessage, port: number): boolean => {
  const host = request.headers.host;
  return host === `127.0.0.1:${port}` || host === `localhost:${port}`;
};

const originIsOurs = (request: IncomingMessage): boolean => request.headers.origin === `http://${request.headers.host}`;

const answerRequest = async (
  request: IncomingMessage,
  response: ServerResponse,
  gate: Gate,
  port: number,
  options: WebServerOptions,
): Promise<void> => {
  if (!hostIsOurs(request, port)) return send(response, 403, 'Wrong Host\n');
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return send(response, 405, 'GET only\n', { Allow: 'GET, HEAD' });
  const url = new URL(request.url ?? '/', `http://127.0.0.1:${port}`);
  if (url.pathname === '/' && url.searchParams.has('token')) {
    const cookie = gate.exchange(url.searchParams.get('token'));
    if (cookie === null) {
      return send(response, 403, 'This token is wrong or was used before. Restart Tilescope for a new address.\n');
    }
    const attributes = 'HttpOnly; SameSite=Strict; Path=/';
    return send(response, 303, '', { Location: '/', 'Set-Cookie': `${gate.cookieName}=${cookie}; ${attributes}` });
  }
  if (!gate.admits(request.headers.cookie)) {
    return send(response, 403, 'Open the address that Tilescope printed at its start.\n');
  }
  const page = await readPage(options.pages, url.pathname, options.deterministic);
  if (page === null) return send(response, 404, 'Not here\n');
  response.writeHead(200, { ...HEADERS, 'Content-Type': page.type, 'Content-Length': String(page.body.length) });
  response.end(request.method === 'HEAD' ? undefined : page.body);
};

/** One text message of the page: {"id", "verb", "args"}, answered by {"id", "answer"}. */
const answerMessage = async (socket: WebSocket, text: string, page: HostPage): Promise<void> => {
  let message: { id?: unknown; verb?: unknown; args?: unknown } | null;
  try {
    message = JSON.parse(text);
  } catch {
    message = null;
  }
  const id = message?.id;
  if (typeof id !== 'number' || !Number.isSafeInteger(id)) {
    // Without an id there is nothing to answer to: this is not our page.
    return socket.close(1008, 'a request is {"id", "verb", "args"}');
  }
  const answer = await page.call(message?.verb, message?.args);
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ id, answer }));
};

const serveSocket = (socket: WebSocket, hostPages: HostPages): void => {
  const page = hostPages.open((event) => {
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.terminate();
    else if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ event }));
  });
  socket.on('message', (data, isBinary) => {
    if (isBinary) return socket.close(1003, 'text only');
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) return socket.terminate();
    void answerMessage(socket, data.toString(), page).catch((error: unknown) => {
      process.stderr.write(`Tilescope: the page's request failed: ${messageOf(error)}\n`);
      socket.close(1011);
    });
  });
  // A reload, a closed tab and a browser that crashed all end here.
  socket.on('close', () => void page.end());
  socket.on('error', () => socket.terminate());
};

const reject = (socket: Duplex, status: string): void => {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
};

export const startWebServer = async (options: WebServerOptions): Promise<WebServer> => {
  let gate: Gate | null = null;
  const server = createServer((request, response) => {
    if (gate === null) return send(response, 503, '');
    answerRequest(request, response, gate, port(), options).catch((error: unknown) => {
      process.stderr.write(`Tilescope: ${request.url ?? ''}: ${messageOf(error)}\n`);
      if (!response.headersSent) send(response, 500, 'A fault of Tilescope\n');
    });
  });
  const port = (): number => (server.address() as AddressInfo).port;
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname;
    if (path !== '/bridge') return reject(socket, '404 Not Found');
    if (!hostIsOurs(request, port()) || !originIsOurs(request)) return reject(socket, '403 Forbidden');
    if (gate === null || !gate.admits(request.headers.cookie)) return reject(socket, '403 Forbidden');
    if (sockets.clients.size >= MAX_SOCKETS) return reject(socket, '503 Service Unavailable');
    sockets.handleUpgrade(request, socket, head, (ready) => serveSocket(ready, options.hostPages));
  });
  server.headersTimeout = 10_000;
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, fail) => {
      server.once('error', fail);
      server.listen(port, '127.0.0.1', () => {
        server.removeListener('error', fail);
        resolve();
      });
    });
  if (options.port !== 0) await listen(options.port);
  else await listen(options.usualPort ?? 0).catch(() => listen(0));
  gate = createGate(port());
  return {
    url: `http://127.0.0.1:${port()}/?token=${gate.token}`,
    port: port(),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets.clients) socket.terminate();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
