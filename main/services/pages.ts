import { readFile } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';

/** The renderer's files as both hosts serve them: the same headers, the same types, nothing outside their folder. */

const MIME: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/** Everything is forbidden that is not one of the page's own files. */
const contentSecurityPolicy = (connect: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src ${connect}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

/** Headers of every answer; `connect` is where the page may connect to. */
export const securityHeaders = (connect: string): Readonly<Record<string, string>> => ({
  'Content-Security-Policy': contentSecurityPolicy(connect),
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
});

/** A file of the page as it is answered. */
export interface Page {
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * The file inside the folder that a URL's path names, or null: not there, of no known type, or an attempt to leave the
 * folder, by whatever spelling.
 */
const pagePath = (folder: string, urlPath: string): string | null => {
  let path: string;
  try {
    path = decodeURIComponent(urlPath);
  } catch {
    return null;
  }
  if (path.includes('\0') || path.includes('\\') || path.split('/').includes('..')) return null;
  const file = normalize(join(folder, path === '/' || path === '' ? 'index.html' : path));
  return file.startsWith(folder.endsWith(sep) ? folder : folder + sep) ? file : null;
};

/** The page's file. `deterministic` marks the document's root, which the renderer and its style sheet read. */
export const readPage = async (folder: string, urlPath: string, deterministic: boolean): Promise<Page | null> => {
  const file = pagePath(folder, urlPath);
  const type = file === null ? undefined : MIME[extname(file)];
  if (file === null || type === undefined) return null;
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(await readFile(file));
  } catch {
    return null;
  }
  if (!deterministic || !file.endsWith(`${sep}index.html`)) return { type, body: bytes };
  const html = new TextDecoder().decode(bytes).replace(/<html\b/, '<html data-deterministic');
  return { type, body: new TextEncoder().encode(html) };
};
