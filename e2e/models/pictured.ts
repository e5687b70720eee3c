import { readFileSync } from 'node:fs';
import { describedHost, PICTURED, unlikePictured } from './described-host.ts';
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

const asItIs = (notCompared: string): Pictured => ({ notCompared, environment: {}, guestCpu: null });

/** In a container every process may have a filter, which the first screen shows of each vCPU. */
const filtered = (): string | null =>
  /^Seccomp:\s*0$/m.test(readFileSync('/proc/self/status', 'utf8'))
    ? null
    : 'every process here is under a seccomp filter';

const find = async (): Promise<Pictured> => {
  const described = process.env.TILESCOPE_TEST_HOST;
  if (described !== undefined) return asItIs(`this run is on the described host ${described}`);
  if (process.env.TILESCOPE_GUEST_CPU !== undefined) return asItIs('TILESCOPE_GUEST_CPU gives the guests a CPU');
  await builtFresh();
  const unlike = unlikePictured() ?? filtered();
  if (unlike !== null) return asItIs(unlike);
  const { TILESCOPE_GUEST_CPU: guestCpu = null, ...environment } = describedHost(PICTURED);
  return { notCompared: null, environment, guestCpu };
};

let found: Promise<Pictured> | null = null;

/**
 * Pictures of live guests show the layout of their XSAVE area, and nothing else of this machine: Tilescope takes it for a described
 * one, and the guests have the CPU of that. Where the layout is another the stories are told all the same, without pictures.
 */
export const pictured = (): Promise<Pictured> => {
  found ??= find();
  return found;
};
