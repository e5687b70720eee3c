import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { messageOf } from '../../../app/refusals/refusal.ts';
import { type MessageReader, readHere } from '../../services/message-reader.ts';
import { readPage, securityHeaders } from '../../services/pages.ts';
import { createGate, SUBPROTOCOL } from '../../services/tokens.ts';
import type { HostPages } from '../host-pages.ts';
import { say } from '../say.ts';
import { MAX_MESSAGE_BYTES, sendJson, serveSocket } from './socket.ts';

/**
 * The page on 127.0.0.1. A web page of another origin, and another user of this machine, can both reach this port. The page
 * itself is the program's own files, which anyone may read; everything else needs the token or the secret, see tokens.ts.
 */
export interface WebServer {
  /** With the token behind its #: for the one who started it, and good for one use. */
  readonly url: string;
  /** Another such address, which takes the place of every one before. */
  freshUrl(): string;
  readonly port: number;
  /** Nothing that anybody holds open keeps it from ending. */
  close(): Promise<void>;
}

export interface WebServerOptions {
  /** Each socket is a page with sessions of its own, however many tabs there are. */
  readonly hostPages: HostPages;
  readonly messages?: MessageReader;
  /** dist/renderer */
  readonly pages: string;
  /** 0: the usual one where it is free, else any. */
  readonly port: number;
  /** A browser keeps what a page remembers by its address: the same port again finds it again. */
  readonly usualPort?: number;
  readonly deterministic: boolean;
  /** For tests: how long an answer waits for who does not take it. */
  readonly answerTimeoutMs?: number;
  /** Told when the token has been used: what else holds it is of no more use. */
  readonly onEntered?: () => void;
}

/** More tabs than anyone has, and few enough that a page gone wild cannot fill the machine with sessions. */
const MAX_SOCKETS = 32;
/** A browser opens six at a time. Who fills them all has to let go soon, see below. */
const MAX_CONNECTIONS = 256;
/** A request has no body here: who has not said it by then is not asking. */
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 5_000;
/** Who does not take an answer by then, a byte of it at least, does not want it: it is kept in memory until it is taken. */
const ANSWER_TIMEOUT_MS = 10_000;
const CHECK_EVERY_MS = 1_000;
/** What is refused has its answer by then, or does not want it. */
const REJECTED_LIVES_MS = 1_000;
/** Of one connection at a time: the one under way, and one that was asked for as its last byte went out. */
const MOST_ANSWERS = 2;
const HEADERS = securityHeaders("'self'");

const send = (response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { ...HEADERS, 'Content-Type': 'text/plain; charset=utf-8', ...headers });
  response.end(text);
};

/** The path that is asked for; null where it is none: "//" and much else cannot be part of a URL. */
const pathOf = (request: IncomingMessage): string | null => {
  const url = request.url ?? '';
  return url.startsWith('/') && URL.canParse(url, 'http://127.0.0.1') && !url.startsWith('//')
    ? new URL(url, 'http://127.0.0.1').pathname
    : null;
};

const originOf = (port: number): string => `http://127.0.0.1:${port}`;

/** A name that resolves to 127.0.0.1 at an attacker's will (DNS rebinding) arrives with that name as Host. */
const hostIsOurs = (request: IncomingMessage, port: number): boolean => request.headers.host === `127.0.0.1:${port}`;

/**
 * `localhost` may as well be [::1], where another user may listen at the same port: a page is sent on to the address that
 * is ours alone, and what stands behind its # goes with it.
 */
const hostIsLocalhost = (request: IncomingMessage, port: number): boolean =>
  request.headers.host === `localhost:${port}`;

const answerRequest = async (
  request: IncomingMessage,
  response: ServerResponse,
  port: number,
  options: WebServerOptions,
): Promise<void> => {
  const path = pathOf(request);
  if (path === null) return send(response, 400, 'Bad request\n');
  if (hostIsLocalhost(request, port)) return send(response, 308, '', { Location: `${originOf(port)}/` });
  if (!hostIsOurs(request, port)) return send(response, 403, 'Wrong Host\n');
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return send(response, 405, 'GET only\n', { Allow: 'GET, HEAD' });
  const page = await readPage(options.pages, path, options.deterministic);
  if (page === null) return send(response, 404, 'Not here\n');
  response.writeHead(200, { ...HEADERS, 'Content-Type': page.type, 'Content-Length': String(page.body.length) });
  response.end(request.method === 'HEAD' ? undefined : page.body);
};

/** Says no, and does not wait for whoever asked to hang up. */
const reject = (socket: Duplex, status: string): void => {
  const destroy = (): void => {
    socket.destroy();
  };
  setTimeout(destroy, REJECTED_LIVES_MS).unref();
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, destroy);
};

/** Serves page and calls on 127.0.0.1; rejects where the port is taken. */
export const startWebServer = async (options: WebServerOptions): Promise<WebServer> => {
  const gate = createGate();
  /** Every connection, what became a WebSocket or was refused as one among them: Node forgets those. */
  const connections = new Set<Socket>();
  let isClosing = false;
  const port = (): number => (server.address() as AddressInfo | null)?.port ?? 0;
  const fault = (where: string, error: unknown): void => say(`${where}: ${messageOf(error)}`);

  /** Answers that are not yet given whole, by their connection. */
  const answering = new Map<Socket, number>();
  const server = createServer({ connectionsCheckingInterval: CHECK_EVERY_MS }, (request, response) => {
    response.on('error', () => response.destroy());
    // No browser asks again before it has its answer; thousands of requests in one packet would each have theirs in memory.
    const { socket } = request;
    const before = answering.get(socket) ?? 0;
    if (before >= MOST_ANSWERS) {
      socket.destroy();
      return;
    }
    answering.set(socket, before + 1);
    response.on('close', () => {
      const left = (answering.get(socket) ?? 1) - 1;
      if (left === 0) answering.delete(socket);
      else answering.set(socket, left);
    });
    answerRequest(request, response, port(), options).catch((error: unknown) => {
      fault('a request failed', error);
      if (!response.headersSent) send(response, 500, 'A fault of Tilescope\n');
      else response.destroy();
    });
  });
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  // Of a WebSocket, which may be silent for hours, ws takes it away.
  server.timeout = options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS;
  server.maxConnections = MAX_CONNECTIONS;
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => connections.delete(socket));
  });
  // What is no HTTP at all, and a CONNECT.
  server.on('clientError', (_error, socket) => reject(socket, '400 Bad Request'));
  server.on('connect', (_request, socket) => reject(socket, '400 Bad Request'));

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: () => SUBPROTOCOL,
  });

  const serve = (socket: WebSocket, offered: string | undefined): void => {
    const secret = gate.admit(offered);
    if (secret === null) {
      socket.terminate();
      return;
    }
    if (secret !== '') {
      sendJson(socket, { secret });
      options.onEntered?.();
    }
    try {
      serveSocket(socket, options.hostPages, options.messages ?? readHere);
    } catch (error) {
      fault('a page could not be served', error);
      socket.terminate();
    }
  };

  /** The status that an upgrade is refused with; null: it may be made. */
  const refusedUpgrade = (request: IncomingMessage): string | null => {
    const path = pathOf(request);
    if (path === null) return '400 Bad Request';
    if (path !== '/bridge') return '404 Not Found';
    const isOurs = hostIsOurs(request, port()) && request.headers.origin === originOf(port());
    if (!isOurs || !gate.knows(request.headers['sec-websocket-protocol'])) return '403 Forbidden';
    return isClosing || sockets.clients.size >= MAX_SOCKETS ? '503 Service Unavailable' : null;
  };
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    try {
      const refused = refusedUpgrade(request);
      if (refused !== null) reject(socket, refused);
      else {
        const offered = request.headers['sec-websocket-protocol'];
        sockets.handleUpgrade(request, socket, head, (ready) => serve(ready, offered));
      }
    } catch (error) {
      // Whatever a request brings about ends with it, and nobody else's session does.
      fault('a socket could not be opened', error);
      reject(socket, '400 Bad Request');
    }
  });
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
  server.on('error', (error) => fault('the port', error));
  const address = (): string => `${originOf(port())}/#${gate.token}`;
  return {
    url: address(),
    freshUrl: () => {
      gate.renew();
      return address();
    },
    port: port(),
    close: () =>
      new Promise((resolve) => {
        isClosing = true;
        server.close(() => resolve());
        for (const socket of connections) socket.destroy();
      }),
  };
};
