import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { electronBinary, fetchElectron, proxyOf, releasesAnswer } from './electron-binary.mjs';

let folder: string;
let said: string[];
const at = (...path: string[]): string => join(folder, 'electron', ...path);
const put = (path: string, text: string): void => writeFileSync(at(path), text);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-binary-'));
  said = [];
  mkdirSync(at('dist'), { recursive: true });
  put('package.json', '{"version":"45.4.1"}');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('[C83] Electron’s binary', () => {
  test('counts once everything is unpacked, and of the version asked for', () => {
    expect(electronBinary(at(), {})).toBeNull();
    put('dist/electron', 'half of it');
    expect(electronBinary(at(), {})).toBeNull();
    put('dist/version', '45.4.1');
    expect(electronBinary(at(), {})).toBeNull();
    put('path.txt', 'electron');
    expect(electronBinary(at(), {})).toBe(at('dist/electron'));
    put('dist/version', 'v44.0.0');
    expect(electronBinary(at(), {})).toBeNull();
    expect(electronBinary(at(), { ELECTRON_OVERRIDE_DIST_PATH: at('dist') })).toBe(at('dist/electron'));
  });
});

describe('[C83] the fetch', () => {
  let server: Server;
  let asked: string[];
  let proxy: string;
  beforeEach(async () => {
    asked = [];
    server = createServer().on('connect', (request, socket) => {
      asked.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
      socket.end('HTTP/1.1 200 Connection established\r\n\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    proxy = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => server.close());

  const options = (environment: Record<string, string>, installer: string) => {
    put('install.js', installer);
    const PATH = process.env.PATH ?? '';
    return {
      folder: at(),
      memo: join(folder, 'dist', 'memo'),
      environment: { PATH, ...environment },
      say: (text: string) => said.push(text),
    };
  };
  /** CommonJS, as the package's own is. */
  const INSTALLS = `const fs = require('node:fs'); const at = (name) => require('node:path').join(__dirname, name);
    fs.mkdirSync(at('dist'), { recursive: true });
    fs.writeFileSync(at('dist/seen'), JSON.stringify(process.env));
    fs.writeFileSync(at('dist/electron'), 'binary'); fs.writeFileSync(at('dist/version'), '45.4.1'); fs.writeFileSync(at('path.txt'), 'electron');`;

  test.each(['HTTPS_PROXY', 'https_proxy', 'npm_config_https_proxy', 'npm_config_proxy'])(
    'goes through the proxy that %s names',
    async (name) => {
      expect(proxyOf({ [name]: proxy })).toBe(proxy);
      expect(await releasesAnswer({ [name]: proxy })).toBe(true);
      expect(asked).toEqual(['github.com:443']);
    },
  );

  test('with its user and password, and by its name alone', async () => {
    const named = proxy.replace('//', '//me:p%40ss@');
    expect(await releasesAnswer({ HTTPS_PROXY: named, ELECTRON_MIRROR: 'https://mirror.example:8443/x/' })).toBe(true);
    expect(asked).toEqual([`mirror.example:8443 Basic ${Buffer.from('me:p@ss').toString('base64')}`]);
    expect(await releasesAnswer({ HTTPS_PROXY: proxy.replace('http://', '') })).toBe(true);
  });

  test('the installer is told of the proxy, and what it left is whole', async () => {
    put('dist/electron', 'half of an earlier one');
    expect(await fetchElectron(options({ HTTPS_PROXY: proxy }, INSTALLS))).toBeNull();
    const { readFileSync } = await import('node:fs');
    expect(JSON.parse(readFileSync(at('dist/seen'), 'utf8'))).toMatchObject({
      ELECTRON_GET_USE_PROXY: 'true',
      HTTPS_PROXY: proxy,
    });
    expect(said.join()).toMatch(/fetching Electron 45\.4\.1/);
  });

  test('that fails is said with the installer’s own words, and tried again at the next start', async () => {
    const broken = "process.stderr.write('ENOSPC: no space left\\n'); process.exit(1);";
    expect(await fetchElectron(options({ HTTPS_PROXY: proxy }, broken))).toMatch(/the next start tries again/);
    expect(said.at(-1)).toMatch(/ENOSPC/);
    expect(await fetchElectron(options({ HTTPS_PROXY: proxy }, INSTALLS))).toBeNull();
  });

  test('an installer that ends well and leaves half is no Electron', async () => {
    const half = "require('node:fs').mkdirSync(__dirname + '/dist', { recursive: true });";
    expect(await fetchElectron(options({ HTTPS_PROXY: proxy }, half))).toMatch(/not whole/);
  });

  test('a server that does not answer is remembered, and not for ever', async () => {
    server.close();
    const away = options({ HTTPS_PROXY: 'http://127.0.0.1:1' }, INSTALLS);
    expect(await fetchElectron(away)).toMatch(/cannot be reached \(HTTPS_PROXY/);
    expect(await fetchElectron(away)).toMatch(/within the last hour/);
    expect(await fetchElectron({ ...away, environment: { ELECTRON_SKIP_BINARY_DOWNLOAD: '1' } })).toMatch(/SKIP/);
  });
});
