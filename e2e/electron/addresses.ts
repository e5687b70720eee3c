/** Of the names under which Chromium knows the addresses of an application's own schemes. */
export const SUFFIX = '.stand-in.test';

export const fromBrowser = (url: string): string =>
  url.replace(/^https:\/\/([^/]*)\.([^./]+)\.stand-in\.test/, '$2://$1');
