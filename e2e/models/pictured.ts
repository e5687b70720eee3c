import { readFileSync } from 'node:fs';
import { describedHost, PICTURED } from './described-host.ts';
import { UNLIKE_PICTURED } from './having.ts';
import { builtFresh } from './tilescope.ts';

/** How a story of live guests is told so that its pictures are the same on every machine that can have such guests. */
interface Pictured {
  /** Why its pictures are not compared here; null: they are. */
  readonly notCompared: string | null;
  /** What Tilescope is started with. */
  readonly environment: Readonly<Record<string, string>>;
  /** `-cpu` of its guests; null: as of all others. */
  readonly guestCpu: string | null;
}

/** In a container every process may have a filter, which the first screen shows of each vCPU. */
const filtered = (): string | null =>
  /^Seccomp:\s*0$/m.test(readFileSync('/proc/self/status', 'utf8'))
    ? null
    : 'every process here is under a seccomp filter';

const find = async (): Promise<Pictured> => {
  if (UNLIKE_PICTURED !== null) return { notCompared: UNLIKE_PICTURED, environment: {}, guestCpu: null };
  await builtFresh();
  const { TILESCOPE_GUEST_CPU: guestCpu = null, ...environment } = describedHost(PICTURED);
  return { notCompared: filtered(), environment, guestCpu };
};

let found: Promise<Pictured> | null = null;

/**
 * Pictures of live guests show the layout of their XSAVE area, and nothing else of this machine: Tilescope takes it for a described
 * one, and the guests have the CPU of that, with components that lie at the same place everywhere.
 */
export const pictured = (): Promise<Pictured> => {
  found ??= find();
  return found;
};
