import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { BRIDGE_VERBS } from '../../app/bridge.ts';
import { refuse } from '../../app/refusals/refusal.ts';
import { createHostPages } from '../hosts/host-pages.ts';
import { startWebServer, type WebServer } from '../hosts/web/server.ts';
import { createShared } from '../services/opening.ts';
import { createSessions } from '../services/sessions.ts';
import type { FuzzTarget } from './target.ts';

/**
 * Bytes for a web host: as a client that nobody knows, and as the page once it is let in. Whatever they are, the host goes
 * on: a page that was there before is asked after each, and answered.
 */
export interface WebFuzz {
  readonly targets: readonly FuzzTarget[];
  close(): Promise<void>;
}

/** For what hangs: what is only slow is slow tenfold beside others. */
const ANSWER_TIMEOUT_MS = 100_000;

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

/** A client's frame of text, its mask zero. (RFC 6455, 5.2) */
const frame = (words: string, opcode = 1): Buffer => {
  const payload = Buffer.from(words);
  const head = payload.length < 126 ? Buffer.alloc(6) : Buffer.alloc(8);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | Math.min(payload.length, 126);
  if (payload.length >= 126) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
};

const handshake = (server: WebServer, word: string): string =>
  [
    'GET /bridge HTTP/1.1',
    `Host: 127.0.0.1:${server.port}`,
    `Origin: http://127.0.0.1:${server.port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    `Sec-WebSocket-Protocol: tilescope, ${word}`,
    '\r\n',
  ].join('\r\n');

const open = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', reject);
  });

/** What comes back until it holds what is looked for, or the other side ends. */
const until = (socket: Socket, wanted: RegExp): Promise<string> =>
  new Promise((resolve) => {
    let heard = '';
    const timer = setTimeout(() => done(), ANSWER_TIMEOUT_MS);
    const hear = (bytes: Buffer): void => {
      heard += bytes.toString('latin1');
      if (wanted.test(heard)) done();
    };
    const done = (): void => {
      clearTimeout(timer);
      for (const name of ['data', 'close', 'error'] as const)
        socket.removeListener(name, name === 'data' ? hear : done);
      resolve(heard);
    };
    socket.on('data', hear);
    socket.on('close', done);
    socket.on('error', done);
  });

export const startWebFuzz = async (): Promise<WebFuzz> => {
  const nothing = async () => refuse('not-a-vmm', 'nothing to attach to here');
  const hostPages = createHostPages(() =>
    createSessions({
      ...{ startDemo: nothing, hostFacts: nothing, listTargets: nothing, openLive: nothing },
      ...{ openAtStart: null, journalFolder: '/nowhere', shared: createShared() },
    }),
  );
  const server = await startWebServer({ hostPages, pages: tmpdir(), port: 0, deterministic: false });
  const witness = await open(server.port);
  witness.on('error', () => undefined);
  witness.write(handshake(server, `tilescope.token.${new URL(server.url).hash.slice(1)}`));
  const secret = /"secret":"([\w-]{43})"/.exec(await until(witness, /"secret":"[\w-]{43}"/))?.[1];
  if (secret === undefined) throw new Error('the page is not let in');
  let asked = 0;

  const goesOn = async (): Promise<void> => {
    asked += 1;
    witness.write(frame(`{"id":${asked},"verb":"listTargets","args":[]}`));
    const heard = await until(witness, new RegExp(`"id":${asked},`));
    if (!heard.includes(`"id":${asked},`)) throw new Error('the page that was there before is not answered any more');
  };

  const feed = async (before: string | null, bytes: Uint8Array): Promise<string> => {
    const socket = await open(server.port);
    socket.on('error', () => undefined);
    if (before !== null) {
      socket.write(before);
      await until(socket, /\r\n\r\n/);
    }
    const back = until(socket, /./s);
    socket.end(bytes);
    const heard = await back;
    socket.destroy();
    await goesOn();
    return heard.slice(0, 14).replaceAll(/[^\x20-\x7e]/g, '.');
  };

  return {
    targets: [
      {
        name: 'web: a client that nobody knows',
        seeds: () => [
          text(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`),
          text(handshake(server, `tilescope.secret.${'x'.repeat(43)}`)),
          text('GET // HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
        ],
        run: (bytes) => feed(null, bytes),
      },
      {
        name: 'web: frames of a page',
        seeds: () => [
          ...BRIDGE_VERBS.map((verb) => frame(`{"id":1,"verb":"${verb}","args":["${'0'.repeat(32)}"]}`)),
          ...[frame('', 8), frame('x', 9), frame('{}', 2)],
        ],
        run: (bytes) => feed(handshake(server, `tilescope.secret.${secret}`), bytes),
      },
    ],
    close: async () => {
      witness.destroy();
      await server.close();
      await hostPages.close();
    },
  };
};
