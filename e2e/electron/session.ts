import { fromBrowser, SUFFIX } from './addresses.ts';
import { browser, life } from './app.ts';
import { strict } from './strict.ts';
import type { WebContents } from './web-contents.ts';

/** `protocol` and `session`: the application's own scheme, and what its pages are permitted. */

type Handler = (request: Request) => Response | Promise<Response>;

const schemes = new Map<string, object>();
const handlers = new Map<string, Handler>();

export const protocol = strict('protocol', {
  registerSchemesAsPrivileged: (given: readonly { scheme: string; privileges: object }[]): void => {
    if (life.ready) throw new Error('protocol.registerSchemesAsPrivileged should be called before app is ready');
    for (const { scheme, privileges } of given) schemes.set(scheme, privileges);
  },
  handle: (scheme: string, handler: Handler): void => {
    if (!life.ready) throw new Error('protocol.handle can be called once app is ready');
    if (handlers.has(scheme)) throw new Error(`Failed to register protocol: ${scheme}`);
    handlers.set(scheme, handler);
  },
});

/**
 * Chromium cannot be taught a scheme over its protocol: `app://host/…` is `https://host.app.stand-in.test/…` there, which is
 * a secure context with an origin of its own as well.
 */
export const toBrowser = (url: string): string => {
  const { protocol: scheme, host, pathname, search } = new URL(url);
  const name = scheme.slice(0, -1);
  return handlers.has(name) && schemes.has(name) ? `https://${host}.${name}${SUFFIX}${pathname}${search}` : url;
};

export const handlerFor = (url: string): Handler | undefined => handlers.get(new URL(url).protocol.slice(0, -1));

type RequestHandler = (
  contents: WebContents,
  permission: string,
  decide: (granted: boolean) => void,
  details: object,
) => void;
type CheckHandler = (contents: WebContents, permission: string, origin: string, details: object) => boolean;

const asked: { request: RequestHandler | null; check: CheckHandler | null; spellchecker: boolean } = {
  request: null,
  check: null,
  spellchecker: true,
};

const defaultSession = strict('session.defaultSession', {
  setPermissionRequestHandler: (handler: RequestHandler): void => {
    asked.request = handler;
  },
  setPermissionCheckHandler: (handler: CheckHandler): void => {
    asked.check = handler;
  },
  setSpellCheckerEnabled: (enabled: boolean): void => {
    asked.spellchecker = enabled;
  },
});

export const session = strict('session', {
  get defaultSession() {
    if (!life.ready) throw new Error('Session can only be received when app is ready');
    return defaultSession;
  },
});

const PERMISSIONS: readonly (readonly [string, object])[] = [
  ['clipboard-sanitized-write', { name: 'clipboard-write', allowWithoutSanitization: false }],
  ['clipboard-read', { name: 'clipboard-read' }],
  ['notifications', { name: 'notifications' }],
  ['geolocation', { name: 'geolocation' }],
];

/**
 * Gives Chromium the answers that Electron's handlers give: without a handler everything is granted
 * (electron_permission_manager.cc); with both, a use needs the one that checks as well as the one that is asked.
 */
export const settlePermissions = async (contents: WebContents, url: string): Promise<void> => {
  const origin = new URL(url).origin;
  const details = { isMainFrame: true, requestingUrl: fromBrowser(url) };
  // GetOrigin().spec() ends in a slash.
  const given = `${fromBrowser(origin)}/`;
  for (const [name, permission] of PERMISSIONS) {
    const { request, check } = asked;
    const granted = await new Promise<boolean>((resolve) => {
      if (request === null) resolve(true);
      else request(contents, name, resolve, details);
    });
    const checked = check === null || check(contents, name, given, { ...details, securityOrigin: given });
    const setting = granted && checked ? 'granted' : 'denied';
    await browser().ask('Browser.setPermission', { permission, setting, origin });
  }
};
