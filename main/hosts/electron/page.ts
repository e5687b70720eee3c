import type { BrowserWindow, RenderProcessGoneDetails } from 'electron';
import type { SessionEvent } from '../../../app/bridge.ts';
import type { HostPage, HostPages } from '../host-pages.ts';

/** The page that the window shows: each load of it is another one, which may come back to the sessions of the one before. */
export interface WindowPage {
  /** The one that is shown now; its first call opens it. */
  now(): HostPage;
}

export interface WindowPageOptions {
  readonly window: BrowserWindow;
  readonly hostPages: HostPages;
  readonly tell: (event: SessionEvent) => void;
  /** Loads the page again, after its process has ended. */
  readonly load: () => void;
  /** The page's process ends again and again: loading it once more helps nobody. */
  readonly giveUp: (why: string) => void;
  /** Milliseconds on any clock that does not go back. */
  readonly nowMs: () => number;
}

const MOST_LOADS = 3;
const WITHIN_MS = 60_000;

/** Loads the page again where its process has died, a few times at most, and gives the new one its sessions. */
export const followPage = ({ window, hostPages, tell, load, giveUp, nowMs }: WindowPageOptions): WindowPage => {
  let page: HostPage | null = null;
  let loadsAtMs: readonly number[] = [];

  const end = (): void => {
    void page?.end();
    page = null;
  };
  const leave = (): void => {
    page?.leave();
    page = null;
  };

  // Told when another document has taken the place of the one before, by a reload too. did-start-navigation would be too
  // soon: it is told of navigations that are then prevented, and the page that stays would have lost its sessions.
  window.webContents.on('did-navigate', leave);
  window.webContents.on('render-process-gone', (_event, { reason, exitCode }: RenderProcessGoneDetails) => {
    leave();
    if (window.isDestroyed()) return;
    const atMs = nowMs();
    loadsAtMs = loadsAtMs.filter((before) => atMs - before < WITHIN_MS);
    if (loadsAtMs.length >= MOST_LOADS) {
      return giveUp(
        `The window’s process ended ${MOST_LOADS + 1} times within a minute (${reason}, code ${exitCode}). What was written and not restored is kept: the next start offers it.`,
      );
    }
    loadsAtMs = [...loadsAtMs, atMs];
    process.stderr.write(
      `Tilescope: the window’s process ended (${reason}, code ${exitCode}); loading the page again\n`,
    );
    load();
  });
  window.on('closed', end);

  return {
    now: () => {
      page ??= hostPages.open(tell);
      return page;
    },
  };
};
