import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { answer } from '../../../app/refusals/refusal.ts';
import { type FakeSessions, fakeSessions } from '../../testing/fake-sessions.ts';
import { createHostPages } from '../host-pages.ts';
import { startWebServer, type WebServer } from './server.ts';

interface Got {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

let folder: string;
let server: WebServer;
/** Those of each page, in the order in which they came. */
let made: FakeSessions[] = [];

const start = (deterministic = false) =>
  startWebServer({
    hostPages: createHostPages(() => {
      const sessions = fakeSessions({
        listTargets: async () => answer({ targets: [], skippedCount: 3 }),
        resume: async () => {
          throw new Error('a fault');
        },
      });
      made.push(sessions);
      return sessions;
    }),
    pages: join(folder, 'renderer'),
    port: 0,
    deterministic,
  });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-web-'));
  const { mkdirSync } = await import('node:fs');
  mkdirSync(join(folder, 'renderer', 'assets'), { recursive: true });
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  writeFileSync(join(folder, 'renderer', 'index.html'), '<!doctype html>\n<html lang="en"></html>');
  writeFileSync(join(folder, 'renderer', 'assets', 'index.js'), '1');
  server = await start();
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
  made = [];
});

/** Not fetch(): it forbids setting Host, and resolves dots before sending. */
const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Got> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: server.port, path, method, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    sent.on('error', reject);
    sent.end();
  });

const tokenWord = () => `tilescope.token.${new URL(server.url).hash.slice(1)}`;
const origin = () => `http://127.0.0.1:${server.port}`;

/** @param words the subprotocols offered behind the one that is spoken; null: none at all */
const connect = (
  words: readonly string[] | null,
  headers: Record<string, string> = { Origin: origin() },
  path = '/bridge',
): Promise<WebSocket | number> =>
  new Promise((resolve) => {
    const url = `ws://127.0.0.1:${server.port}${path}`;
    const socket =
      words === null ? new WebSocket(url, { headers }) : new WebSocket(url, ['tilescope', ...words], { headers });
    // The first message may be there with the answer to the handshake.
    socket.once('message', (data) => firstOf.set(socket, JSON.parse(data.toString())));
    socket.on('open', () => resolve(socket));
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.on('error', () => undefined);
  });
const firstOf = new WeakMap<WebSocket, unknown>();

const sure = (socket: WebSocket | number): WebSocket => {
  if (typeof socket === 'number') throw new Error(`refused with ${socket}`);
  return socket;
};

/** Comes in by the token; the word by which the page comes in from then on. */
const enter = async (): Promise<{ socket: WebSocket; word: string }> => {
  const socket = sure(await connect([tokenWord()]));
  await expect.poll(() => firstOf.get(socket)).toMatchObject({ secret: expect.stringMatching(/^[\w-]{43}$/) });
  const { secret } = firstOf.get(socket) as { secret: string };
  return { socket, word: `tilescope.secret.${secret}` };
};

const open = async (): Promise<WebSocket> => (await enter()).socket;

const nextMessage = (socket: WebSocket): Promise<unknown> =>
  new Promise((resolve) => socket.once('message', (data) => resolve(JSON.parse(data.toString()))));
const closed = (socket: WebSocket): Promise<number> => new Promise((resolve) => socket.once('close', resolve));

describe('[C10] a fresh token', () => {
  const word = (url: string): string => `tilescope.token.${new URL(url).hash.slice(1)}`;

  test('takes the place of one that was used, and of one that was not', async () => {
    const first = tokenWord();
    expect(await connect([first])).toBeInstanceOf(WebSocket);
    const second = word(server.freshUrl());
    const third = word(server.freshUrl());
    expect(new Set([first, second, third]).size).toBe(3);
    for (const old of [first, second]) expect(await connect([old])).toBe(403);
    expect(await connect([third])).toBeInstanceOf(WebSocket);
    expect(await connect([third])).toBe(403);
  });

  test('leaves the pages that have come in', async () => {
    const { word: entered, socket } = await enter();
    server.freshUrl();
    expect(socket.readyState).toBe(WebSocket.OPEN);
    expect(await connect([entered])).toBeInstanceOf(WebSocket);
  });
});

describe('[C10] the token', () => {
  test('stands behind the #, which no browser sends, and is exchanged for a secret that is no cookie', async () => {
    expect(new URL(server.url)).toMatchObject({
      pathname: '/',
      search: '',
      hash: expect.stringMatching(/^#[\w-]{43}$/),
    });
    const { socket, word } = await enter();
    expect(socket.protocol).toBe('tilescope');
    expect(await connect([word])).toBeInstanceOf(WebSocket);
    expect(word).not.toContain(new URL(server.url).hash.slice(1));
  });

  test('is good for one use', async () => {
    await enter();
    expect(await connect([tokenWord()])).toBe(403);
  });

  test('that is wrong does not use up the right one', async () => {
    expect(await connect([`tilescope.token.${'x'.repeat(43)}`])).toBe(403);
    expect(await connect([`tilescope.secret.${'x'.repeat(43)}`])).toBe(403);
    expect(await connect([])).toBe(403);
    expect(await connect(null)).toBe(403);
    expect(await connect([tokenWord()])).toBeInstanceOf(WebSocket);
  });

  test('is used up by nobody whose Origin or Host is another', async () => {
    expect(await connect([tokenWord()], { Origin: 'http://evil.example' })).toBe(403);
    expect(await connect([tokenWord()], { Origin: origin(), Host: 'evil.example' })).toBe(403);
    expect(await connect([tokenWord()])).toBeInstanceOf(WebSocket);
  });

  test('no answer sets a cookie, and none is looked at: a browser sends those to every port of this machine', async () => {
    const { word } = await enter();
    const pages = [await get('/'), await get('/nothing'), await get('/', { Host: 'evil.example' })];
    expect(pages.map(({ headers }) => headers['set-cookie'])).toEqual([undefined, undefined, undefined]);
    const value = word.slice('tilescope.secret.'.length);
    const cookie = `tilescope-${server.port}=${value}; tilescope=${value}; tilescope-secret=${value}`;
    expect(await connect(null, { Origin: origin(), Cookie: cookie })).toBe(403);
    expect(await connect([], { Origin: origin(), Cookie: cookie })).toBe(403);
  });
});

describe('[C11] the pages', () => {
  test('are the program’s own files, served to whoever asks, under a strict policy', async () => {
    const { status, headers, body } = await get('/');
    expect(status).toBe(200);
    expect(body).toContain('<html lang');
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; /);
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'content-type': 'text/html; charset=utf-8',
    });
  });

  test.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/%00',
    '/%ff',
    '/assets',
  ])('do not reach outside their folder: %s', async (path) => {
    const { status, body } = await get(path);
    expect(status).toBe(404);
    expect(body).not.toContain('secret');
  });

  test('are read only', async () => {
    expect((await get('/', {}, 'POST')).status).toBe(405);
  });

  test('carry the deterministic mark where asked', async () => {
    await server.close();
    server = await start(true);
    expect((await get('/')).body).toContain('<html data-deterministic lang="en">');
  });
});

describe('[C12] Host and Origin', () => {
  test('a Host that is not this address is refused', async () => {
    for (const host of ['evil.example', `evil.example:${server.port}`, '127.0.0.1', `127.0.0.1:${server.port + 1}`]) {
      expect((await get('/', { Host: host })).status).toBe(403);
    }
  });

  test('localhost may be [::1] and somebody else’s: the page is sent on, and no socket opens there', async () => {
    const { status, headers } = await get('/', { Host: `localhost:${server.port}` });
    expect([status, headers.location]).toEqual([308, `${origin()}/`]);
    const local = `localhost:${server.port}`;
    expect(await connect([tokenWord()], { Host: local, Origin: `http://${local}` })).toBe(403);
  });

  test('the socket opens for our page alone', async () => {
    const { word } = await enter();
    expect(await connect([word], {})).toBe(403);
    expect(await connect([word], { Origin: 'http://evil.example' })).toBe(403);
    expect(await connect([word], { Origin: 'null' })).toBe(403);
    expect(await connect([word], { Origin: `http://127.0.0.1:${server.port + 1}` })).toBe(403);
    expect(await connect([word], { Origin: origin(), Host: 'evil.example' })).toBe(403);
    expect(await connect([word], { Origin: origin() }, '/other')).toBe(404);
    expect(await connect([word])).toBeInstanceOf(WebSocket);
  });
});

describe('[C13] the bridge over the socket', () => {
  test('answers by id, and tells events', async () => {
    const socket = await open();
    socket.send(JSON.stringify({ id: 7, verb: 'listTargets', args: [] }));
    expect(await nextMessage(socket)).toEqual({ id: 7, answer: { ok: true, value: { targets: [], skippedCount: 3 } } });
    const heard = nextMessage(socket);
    for (const listener of made[0]?.listeners ?? []) listener({ kind: 'helper', problem: 'it died' });
    expect(await heard).toEqual({ event: { kind: 'helper', problem: 'it died' } });
  });

  test('refuses what is no verb, and survives a fault', async () => {
    const socket = await open();
    socket.send(JSON.stringify({ id: 1, verb: 'constructor', args: [] }));
    expect(await nextMessage(socket)).toMatchObject({ id: 1, answer: { ok: false, refusal: { code: 'bad-call' } } });
    socket.send(JSON.stringify({ id: 2, verb: 'resume', args: ['0'.repeat(32)] }));
    expect(await nextMessage(socket)).toMatchObject({ id: 2, answer: { ok: false, refusal: { code: 'fault' } } });
  });

  test('closes on what is no request: no JSON, no id, bytes', async () => {
    for (const [message, code] of [
      ['{', 1008],
      ['null', 1008],
      ['{"verb":"listTargets"}', 1008],
    ] as const) {
      await server.close();
      server = await start();
      const socket = await open();
      socket.send(message);
      expect(await closed(socket)).toBe(code);
    }
    await server.close();
    server = await start();
    const socket = await open();
    socket.send(Buffer.of(1, 2, 3));
    expect(await closed(socket)).toBe(1003);
  });

  test('more tabs than anyone has are refused', async () => {
    const { word } = await enter();
    const all = await Promise.all(Array.from({ length: 40 }, () => connect([word])));
    expect(all.filter((socket) => socket instanceof WebSocket)).toHaveLength(31);
    expect(all.filter((socket) => socket === 503)).toHaveLength(9);
  });
});

describe('[C50] each socket is a page with sessions of its own', () => {
  const tabs = async (): Promise<[WebSocket, WebSocket]> => {
    const { socket, word } = await enter();
    return [socket, sure(await connect([word]))];
  };

  test.each(['close', 'terminate'] as const)('a page that goes by %s ends its own alone', async (way) => {
    const [one, other] = await tabs();
    one[way]();
    await expect.poll(() => made.map((sessions) => sessions.closed)).toEqual([true, false]);
    expect(made.map((sessions) => sessions.listeners.size)).toEqual([0, 1]);
    other.send(JSON.stringify({ id: 1, verb: 'listTargets', args: [] }));
    expect(await nextMessage(other)).toMatchObject({ id: 1, answer: { ok: true } });
  });

  test('what one page is told the other does not hear', async () => {
    const [one, other] = await tabs();
    const heard: unknown[] = [];
    one.on('message', (data) => heard.push(JSON.parse(data.toString())));
    const told = nextMessage(other);
    for (const listener of made[1]?.listeners ?? []) listener({ kind: 'helper', problem: 'it died' });
    expect(await told).toEqual({ event: { kind: 'helper', problem: 'it died' } });
    one.send(JSON.stringify({ id: 1, verb: 'listTargets', args: [] }));
    await expect.poll(() => heard).toHaveLength(1);
    expect(heard[0]).toMatchObject({ id: 1 });
  });
});
