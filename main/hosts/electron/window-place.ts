import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeWholeNow } from '../../io/files.ts';

/** Where the user left the window, kept beside Electron's own files. */
export interface Bounds {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface WindowPlace {
  /** As it is when it is not maximised. */
  readonly bounds: Bounds;
  readonly maximized: boolean;
  /** The background of the theme that the page was left in, as "#rrggbb"; null: not known. */
  readonly background: string | null;
}

const MOST = 1 << 16;
/** So much of the window has to be on a screen, that it can be seen and taken hold of. */
const LEAST_SEEN = 100;

const isCoordinate = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < MOST;

const boundsOf = (value: unknown): Bounds | null => {
  if (typeof value !== 'object' || value === null) return null;
  const { x, y, width, height } = value as Record<string, unknown>;
  if (![x, y, width, height].every(isCoordinate)) return null;
  const bounds = { x, y, width, height } as Bounds;
  return bounds.width > 0 && bounds.height > 0 ? bounds : null;
};

const isSeenOn = (screen: Bounds, window: Bounds): boolean =>
  Math.min(screen.x + screen.width, window.x + window.width) - Math.max(screen.x, window.x) >= LEAST_SEEN &&
  Math.min(screen.y + screen.height, window.y + window.height) - Math.max(screen.y, window.y) >= LEAST_SEEN;

/** Null where nothing is kept, or nothing that can be read; a place on a screen that has gone keeps its size alone. */
export const readPlace = (path: string, screens: readonly Bounds[]): WindowPlace | null => {
  try {
    const kept = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    const bounds = boundsOf(kept.bounds);
    if (bounds === null || typeof kept.maximized !== 'boolean') return null;
    const first = screens[0];
    const seen = screens.length === 0 || screens.some((screen) => isSeenOn(screen, bounds));
    const background = /^#[0-9a-f]{6}$/.test(String(kept.background)) ? String(kept.background) : null;
    const there = seen || first === undefined ? bounds : { ...bounds, x: first.x, y: first.y };
    return { bounds: there, maximized: kept.maximized, background };
  } catch {
    return null;
  }
};

/** A place that cannot be kept is forgotten: it is no reason to stay. */
export const keepPlace = (path: string, place: WindowPlace): void => {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeWholeNow(path, JSON.stringify(place));
  } catch {
    // The next window opens where the desktop puts it.
  }
};
