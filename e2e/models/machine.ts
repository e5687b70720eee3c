import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = join(import.meta.dirname, '../shots/machine.json');

/** What of this machine shows in a picture of a live guest: vendor, model and the features that shape its XSAVE area. */
function thisMachine(): string {
  const text = readFileSync('/proc/cpuinfo', 'utf8');
  const line = (name: string): string => new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(text)?.[1] ?? '';
  const shaping = line('flags')
    .split(' ')
    .filter((flag) => /^(avx|avx512f|pku|ospke|amx_.*|user_shstk|ibt|xsave.*|apx)$/.test(flag))
    .sort();
  return [line('vendor_id'), line('model name'), ...shaping].join(' ');
}

/**
 * Why pictures of live guests cannot be compared here, or null. They show the host's own layout of the XSAVE area, so their
 * baselines hold for one kind of CPU, named in e2e/shots/machine.json; pictures of files and models hold everywhere.
 */
export function otherMachine(updating: boolean): string | null {
  const described = process.env.TILESCOPE_TEST_HOST;
  if (described !== undefined) return `this run is on the described host ${described}`;
  const here = thisMachine();
  // Without PKRU nothing keeps the header of an idle guest busy: its CPU drops components from XSTATE_BV and puts them in by itself.
  if (!updating && !/ pku\b/.test(here)) return 'this CPU has no PKU, so what an idle guest has in use flips by itself';
  if (updating || !existsSync(FILE)) {
    writeFileSync(FILE, `${JSON.stringify({ cpu: here }, null, 2)}\n`);
    return null;
  }
  const made = (JSON.parse(readFileSync(FILE, 'utf8')) as { readonly cpu: string }).cpu;
  return made === here ? null : `pictures of live guests were made on "${made}", this is "${here}"`;
}
