import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { MessageReader } from '../../services/message-reader.ts';
import { readLongMessage } from '../../services/read-message.ts';
import { fakeSessions } from '../../testing/fake-sessions.ts';
import { createHostPages, type HostPages } from '../host-pages.ts';
import { startWebServer, type WebServer } from './server.ts';

/** Bytes of a client that is no browser, as they stand. Whatever they are: an answer or an end, and everybody else goes on. */

let server: WebServer;
let hostPages: HostPages;
let openFails = false;

/** A message of a KiB is a long one here, and is read once the test says so. */
let longReads: (() => void)[] = [];
const messages: MessageReader = {
  isLong: (sizeBytes) => sizeBytes >= 1024,
  read: (bytes) =>
    new Promise((resolve) => {
      longReads.push(() => resolve(readLongMessage(bytes)));
    }),
  close: () => undefined,
};

beforeEach(async () => {
  openFails = false;
  hostPages = createHostPages(() => {
    if (openFails) throw new Error('no session can be made');
    return fakeSessions();
  });
  longReads = [];
  server = await startWebServer({ hostPages, messages, pages: tmpdir(), port: 0, deterministic: false });
});
afterEach(() => server.close());

interface Said {
  readonly socket: Socket;
  /** Everything that came back, once the other side has ended. */
  readonly all: Promise<string>;
}

const say = (text: string | Uint8Array): Said => {
  const socket = connect({ host: '127.0.0.1', port: server.port, allowHalfOpen: true });
  let heard = '';
  socket.on('data', (bytes: Buffer) => {
    heard += bytes.toString('latin1');
  });
  const all = new Promise<string>((resolve) => {
    socket.on('end', () => resolve(heard));
    socket.on('close', () => resolve(heard));
    socket.on('error', () => resolve(heard));
  });
  socket.write(text);
  return { socket, all };
};

const upgrade = (target: string, more: Record<string, string> = {}): string => {
  const headers = {
    Host: `127.0.0.1:${server.port}`,
    Origin: `http://127.0.0.1:${server.port}`,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    ...more,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${target} HTTP/1.1\r\n${lines.join('')}\r\n`;
};

let secret = '';

const page = async (): Promise<WebSocket> => {
  const { hash, origin } = new URL(server.url);
  const socket = new WebSocket(
    `ws://127.0.0.1:${server.port}/bridge`,
    ['tilescope', `tilescope.token.${hash.slice(1)}`],
    {
      headers: { Origin: origin },
    },
  );
  const first = await new Promise<string>((resolve) => socket.once('message', (data) => resolve(data.toString())));
  secret = (JSON.parse(first) as { secret: string }).secret;
  return socket;
};

/** Another tab, by the secret that the first was told. */
const anotherPage = async (): Promise<WebSocket> => {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/bridge`, ['tilescope', `tilescope.secret.${secret}`], {
    headers: { Origin: new URL(server.url).origin },
  });
  await new Promise((resolve) => socket.once('open', resolve));
  return socket;
};

/** The page that was there before is still answered. */
const goesOn = async (socket: WebSocket): Promise<void> => {
  const heard = new Promise((resolve) => socket.once('message', (data) => resolve(JSON.parse(data.toString()))));
  socket.send('{"id":5,"verb":"listModels","args":[]}');
  expect(await heard).toMatchObject({ id: 5, answer: { ok: false } });
};

const TARGETS = [
  ...[
    '//',
    '///',
    '//evil.example',
    '//[',
    '//:',
    '//%',
    '//@',
    '/\\',
    '\\\\',
    '*',
    'http://',
    'http://[',
    'x:',
    ':',
    '?',
  ],
  ...[
    '/%',
    '/%zz',
    '/%c0%af',
    '/..',
    '/bridge/..',
    '/bridge?x=[',
    '/bridge#',
    '//bridge',
    '/bridge%2f',
    '//127.0.0.1/bridge',
  ],
];

describe('[C12] a request that is none ends by itself', () => {
  test.each(TARGETS)('an upgrade of %s', async (target) => {
    const before = await page();
    const { all, socket } = say(upgrade(target));
    expect(await all).toMatch(/^HTTP\/1\.1 (400|403|404) /);
    socket.destroy();
    await goesOn(before);
  });

  test.each(TARGETS)('a page called %s', async (target) => {
    const before = await page();
    const { all, socket } = say(
      `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nConnection: close\r\n\r\n`,
    );
    expect(await all).toMatch(/^HTTP\/1\.1 (400|403|404) /);
    socket.destroy();
    await goesOn(before);
  });

  test.each([
    ['no HTTP', '\0\0\0\0\r\n\r\n'],
    ['TLS', Uint8Array.of(0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3)],
    ['CONNECT', 'CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a second length', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ['a header without end', `GET / HTTP/1.1\r\nX: ${'a'.repeat(100_000)}`],
    ['two hosts', 'GET /bridge HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ])('%s', async (_name, bytes) => {
    const before = await page();
    const { all, socket } = say(bytes);
    expect(await all).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
    socket.destroy();
    await goesOn(before);
  });

  test.each([
    ['Sec-WebSocket-Key', 'x'],
    ['Sec-WebSocket-Version', '99'],
    ['Sec-WebSocket-Protocol', 'tilescope, tilescope'],
    ['Sec-WebSocket-Protocol', ',,,'],
    ['Sec-WebSocket-Protocol', 'a,'.repeat(4_000)],
    ['Upgrade', 'h2c'],
  ])('a handshake whose %s is %s', async (name, value) => {
    const before = await page();
    const { all, socket } = say(upgrade('/bridge', { [name]: value }));
    expect(await all).toMatch(/^HTTP\/1\.1 4\d\d /);
    socket.destroy();
    await goesOn(before);
  });

  test('a page of which no sessions can be made is let go, and the others are not', async () => {
    const before = await page();
    openFails = true;
    const { origin } = new URL(server.url);
    const url = `ws://127.0.0.1:${server.port}/bridge`;
    const other = new WebSocket(url, ['tilescope', `tilescope.secret.${secret}`], { headers: { Origin: origin } });
    other.on('error', () => undefined);
    await new Promise((resolve) => other.once('close', resolve));
    await goesOn(before);
  });

  test.each([
    ['no frame', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['a frame of 2^63 bytes', Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])],
    ['text that is no UTF-8', Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xff])],
    ['a control frame that is too long', Buffer.from([0x89, 0xfe, 0xff, 0xff, 0, 0, 0, 0])],
  ])('%s ends its own socket alone', async (_name, bytes) => {
    const before = await page();
    const raw = (before as unknown as { _socket: Socket })._socket;
    const ended = new Promise((resolve) => before.once('close', resolve));
    raw.write(bytes);
    await ended;
    expect(await say(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`).all).toMatch(/^HTTP\/1\.1 403 /);
  });
});

test('[C12] an upgrade of what is no URL is answered by 400', async () => {
  for (const target of ['//', '//[', '*', 'http://', ':']) {
    expect(await say(upgrade(target)).all, target).toMatch(/^HTTP\/1\.1 400 /);
  }
});

test('256 connections are held at most; one that is let go makes room for another', async () => {
  const dial = (): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = connect({ port: server.port, host: '127.0.0.1' }, () => resolve(socket));
      socket.on('error', () => undefined);
    });
  const held: Socket[] = [];
  for (let count = 0; count < 256; count += 1) held.push(await dial());
  const beyond = await dial();
  // Those that are held end too once they have said nothing for long, in the order in which they came.
  const closed = (socket: Socket | undefined, which: string): Promise<string> =>
    new Promise((resolve) => socket?.resume().once('close', () => resolve(which)));
  expect(await Promise.race([closed(beyond, 'the last'), closed(held[0], 'the first')])).toBe('the last');
  held.pop()?.destroy();
  const heard = async (): Promise<string> => say('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n').all;
  await expect.poll(heard).toMatch(/^HTTP\/1\.1 403 /);
  for (const socket of held) socket.destroy();
});

describe('[C12] answers are not piled up for who does not take them', () => {
  let folder: string;
  let other: WebServer;
  const large = 'x'.repeat(24 << 20);
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tilescope-pages-'));
    writeFileSync(join(folder, 'large.js'), large);
    other = await startWebServer({ hostPages, pages: folder, port: 0, deterministic: false, answerTimeoutMs: 300 });
  });
  afterEach(async () => {
    await other.close();
    rmSync(folder, { recursive: true });
  });
  const request = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${other.port}\r\n\r\n`;
  const dial = (): Socket => connect({ host: '127.0.0.1', port: other.port }).on('error', () => undefined);

  test('a thousand requests in one packet end the connection, not a thousand answers', async () => {
    const socket = dial();
    socket.write(request('/large.js').repeat(1000));
    let heard = 0;
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.length;
    });
    await new Promise((resolve) => socket.once('close', resolve));
    expect(heard).toBeLessThan(3 * large.length);
  });

  test('one after the other they are answered', async () => {
    const socket = dial();
    for (let asked = 0; asked < 3; asked += 1) {
      const heard = new Promise<string>((resolve) => socket.once('data', (bytes) => resolve(bytes.toString('latin1'))));
      socket.write(request('/nothing'));
      expect(await heard).toMatch(/^HTTP\/1\.1 404 /);
    }
    socket.destroy();
  });

  test('an answer that is not taken is let go', async () => {
    const socket = dial();
    socket.pause();
    socket.write(request('/large.js'));
    const ended = new Promise((resolve) => socket.once('close', resolve));
    // The host has cut it: what is in the pipe comes, and then the end, before all of it.
    await new Promise<void>((resolve) => {
      const look = setInterval(() => {
        socket.write('x', (error) => {
          if (error === null || error === undefined) return;
          clearInterval(look);
          resolve();
        });
      }, 20);
    });
    let bytes = 0;
    socket.on('data', (part) => {
      bytes += part.length;
    });
    socket.resume();
    await ended;
    expect(bytes).toBeLessThan(large.length);
  });

  test('a WebSocket that is silent for longer stays', async () => {
    const { hash, origin } = new URL(other.url);
    const words = ['tilescope', `tilescope.token.${hash.slice(1)}`];
    const silent = new WebSocket(`ws://127.0.0.1:${other.port}/bridge`, words, { headers: { Origin: origin } });
    await new Promise((resolve) => silent.once('message', resolve));
    const socket = dial();
    await new Promise((resolve) => socket.once('close', resolve));
    await goesOn(silent);
    silent.terminate();
  });
});

describe('[C56] nothing that anybody holds open keeps the host from ending', () => {
  test.each([
    ['a rejected upgrade', () => upgrade('/bridge')],
    ['an upgrade of no path', () => upgrade('//')],
    ['half a request', () => 'GET / HT'],
    ['nothing at all', () => ''],
    [
      'a body that does not come',
      () => `POST / HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Length: 9\r\n\r\n`,
    ],
  ])('%s', async (_name, bytes) => {
    const held = Array.from({ length: 20 }, () => say(bytes()));
    await Promise.all(
      held.map(
        ({ socket }) => new Promise((resolve) => (socket.connecting ? socket.once('connect', resolve) : resolve(null))),
      ),
    );
    await page();
    await server.close();
    expect(await Promise.all(held.map(({ all }) => all))).toHaveLength(20);
    for (const { socket } of held) socket.destroy();
  });

  test('what is rejected is let go, though the other side does not hang up', async () => {
    const { socket } = say(upgrade('/bridge'));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    // Half open on our side: only the host can end it wholly, and a write then finds it gone.
    await new Promise((resolve) => socket.once('end', resolve));
    const timer = setInterval(() => socket.write('x'), 20);
    socket.on('error', () => undefined);
    await closed;
    clearInterval(timer);
    expect(socket.destroyed).toBe(true);
  });
});

describe('[C13] while a long message is read', () => {
  const ids = (socket: WebSocket, count: number): Promise<number[]> =>
    new Promise((resolve) => {
      const heard: number[] = [];
      socket.on('message', (data) => {
        heard.push((JSON.parse(data.toString()) as { id: number }).id);
        if (heard.length === count) resolve(heard);
      });
    });
  const call = (id: number, filling = ''): string => JSON.stringify({ id, verb: 'listModels', args: [], filling });
  const reading = async (): Promise<() => void> => {
    for (;;) {
      const [first] = longReads.splice(0, 1);
      if (first !== undefined) return first;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };

  test('other pages are answered, and what comes behind it in its own page waits', async () => {
    const [one, other] = [await page(), await anotherPage()];
    const [ofOne, ofOther] = [ids(one, 4), ids(other, 2)];
    one.send(call(1, 'x'.repeat(2000)));
    one.send(call(2));
    one.send(call(3, 'x'.repeat(2000)));
    one.send(call(4));
    const read = await reading();
    other.send(call(5));
    other.send(call(6));
    expect(await ofOther).toEqual([5, 6]);
    expect(longReads).toHaveLength(0);
    read();
    (await reading())();
    expect(await ofOne).toEqual([1, 2, 3, 4]);
  });

  test('a page that goes meanwhile is not answered, and nothing of it is called', async () => {
    const [one, other] = [await page(), await anotherPage()];
    const closed = new Promise((resolve) => one.once('close', resolve));
    one.send(call(1, 'x'.repeat(2000)));
    const read = await reading();
    one.terminate();
    await closed;
    read();
    const heard = ids(other, 1);
    other.send(call(9));
    expect(await heard).toEqual([9]);
  });
});
