import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { answer } from '../../app/refusals/refusal.ts';
import { type FakeSessions, fakeSessions } from '../testing/fake-sessions.ts';
import { createHostPages } from './host-pages.ts';
import { startWebServer, type WebServer } from './web-server.ts';

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

const tokenPath = () => {
  const url = new URL(server.url);
  return url.pathname + url.search;
};

const enter = async (): Promise<string> => {
  const { headers } = await get(tokenPath());
  return String(headers['set-cookie']?.[0]).split(';')[0] ?? '';
};

const origin = () => `http://127.0.0.1:${server.port}`;

const connect = (headers: Record<string, string>, path = '/bridge'): Promise<WebSocket | number> =>
  new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, { headers });
    socket.on('open', () => resolve(socket));
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.on('error', () => undefined);
  });

const open = async (): Promise<WebSocket> => {
  const socket = await connect({ Cookie: await enter(), Origin: origin() });
  if (typeof socket === 'number') throw new Error(`refused with ${socket}`);
  return socket;
};

const nextMessage = (socket: WebSocket): Promise<unknown> =>
  new Promise((resolve) => socket.once('message', (data) => resolve(JSON.parse(data.toString()))));
const closed = (socket: WebSocket): Promise<number> => new Promise((resolve) => socket.once('close', resolve));

describe('[C10] the token', () => {
  test('is exchanged for a cookie that scripts and other sites do not get', async () => {
    const { status, headers } = await get(tokenPath());
    expect(status).toBe(303);
    expect(headers.location).toBe('/');
    expect(headers['set-cookie']?.[0]).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/);
    expect(new URL(server.url).searchParams.get('token')).toMatch(/^[\w-]{43}$/);
  });

  test('is good for one use', async () => {
    await get(tokenPath());
    const again = await get(tokenPath());
    expect(again.status).toBe(403);
    expect(again.headers['set-cookie']).toBeUndefined();
  });

  test('that is wrong gives no cookie and does not use up the right one', async () => {
    expect((await get('/?token=x')).status).toBe(403);
    expect((await get(tokenPath())).status).toBe(303);
  });
});

describe('[C11] the pages', () => {
  test('are refused without the cookie, and with a wrong one', async () => {
    expect((await get('/')).status).toBe(403);
    expect((await get('/assets/index.js')).status).toBe(403);
    expect((await get('/', { Cookie: `tilescope-${server.port}=AAAA` })).status).toBe(403);
  });

  test('are served with the cookie, under a strict policy', async () => {
    const { status, headers, body } = await get('/', { Cookie: `other=1; ${await enter()}` });
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
    const { status, body } = await get(path, { Cookie: await enter() });
    expect(status).toBe(404);
    expect(body).not.toContain('secret');
  });

  test('are read only', async () => {
    expect((await get('/', { Cookie: await enter() }, 'POST')).status).toBe(405);
  });

  test('carry the deterministic mark where asked', async () => {
    await server.close();
    server = await start(true);
    expect((await get('/', { Cookie: await enter() })).body).toContain('<html data-deterministic lang="en">');
  });
});

describe('[C12] Host and Origin', () => {
  test('a Host that is not this address is refused, token and cookie or not', async () => {
    for (const host of ['evil.example', `evil.example:${server.port}`, '127.0.0.1', `127.0.0.1:${server.port + 1}`]) {
      expect((await get(tokenPath(), { Host: host })).status).toBe(403);
    }
    expect((await get(tokenPath(), { Host: `localhost:${server.port}` })).status).toBe(303);
  });

  test('the socket opens for our page alone', async () => {
    const cookie = await enter();
    expect(await connect({ Origin: origin() })).toBe(403);
    expect(await connect({ Cookie: cookie })).toBe(403);
    expect(await connect({ Cookie: cookie, Origin: 'http://evil.example' })).toBe(403);
    expect(await connect({ Cookie: cookie, Origin: 'null' })).toBe(403);
    expect(await connect({ Cookie: cookie, Origin: origin(), Host: 'evil.example' })).toBe(403);
    expect(await connect({ Cookie: cookie, Origin: origin() }, '/other')).toBe(404);
    const socket = await connect({ Cookie: cookie, Origin: origin() });
    expect(socket).toBeInstanceOf(WebSocket);
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
    const headers = { Cookie: await enter(), Origin: origin() };
    const all = await Promise.all(Array.from({ length: 32 }, () => connect(headers)));
    expect(all.every((socket) => socket instanceof WebSocket)).toBe(true);
    expect(await connect(headers)).toBe(503);
  });
});

describe('[C50] each socket is a page with sessions of its own', () => {
  const tabs = async (): Promise<[WebSocket, WebSocket]> => {
    const headers = { Cookie: await enter(), Origin: origin() };
    const [one, other] = [await connect(headers), await connect(headers)];
    if (typeof one === 'number' || typeof other === 'number') throw new Error(`refused with ${one}, ${other}`);
    return [one, other];
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
