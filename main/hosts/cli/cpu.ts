import { readFileSync, statSync } from 'node:fs';
import type { Answer } from '../../../app/bridge.ts';
import { parseCpuidText } from '../../../app/cpu/raw-dump.ts';
import { answer, messageOf, refuse, refuseProblem } from '../../../app/refusals/refusal.ts';
import { cpuVendor } from '../../../app/xsave/facts.ts';
import { findPreset, PRESETS, type Preset } from '../../../app/xsave/presets.ts';

/** More than the dump of a machine with a thousand CPUs. */
const MOST_BYTES = 16 << 20;
const STDIN = '-';

const read = (path: string): Answer<string> => {
  try {
    if (path !== STDIN && statSync(path).size > MOST_BYTES)
      return refuse('file', 'too long for CPUID as text', { where: path });
    return answer(readFileSync(path === STDIN ? 0 : path, 'utf8').slice(0, MOST_BYTES));
  } catch (error) {
    return refuse('file', `the file cannot be read: ${messageOf(error)}`, { where: path });
  }
};

const isFile = (path: string): boolean => {
  try {
    return path === STDIN || !statSync(path).isDirectory();
  } catch {
    return false;
  }
};

/**
 * The CPU that --from or --preset names: a preset, or any CPU by a file with what `cpuid -r` printed there; "-" is standard
 * input. A preset's name comes before a file's.
 */
export const cpuNamed = (name: string): Answer<Preset> => {
  const preset = findPreset(name);
  if (preset !== undefined) return answer(preset);
  if (!isFile(name)) {
    return refuse('usage', `there is no preset ${name}, and no file of CPUID as text`, {
      remedy: `known are ${PRESETS.map((one) => one.name).join(', ')}; or name a file with the output of cpuid -r`,
    });
  }
  const text = read(name);
  if (!text.ok) return text;
  const cpuid = parseCpuidText(name, text.value);
  if (!cpuid.ok) return refuseProblem('file', cpuid.problem, { where: name });
  const vendor = /AMD|Hygon/.test(cpuVendor(cpuid.value) ?? '') ? 'AMD' : 'Intel';
  const label = `CPUID of ${name === STDIN ? 'standard input' : name}`;
  return answer({ name, aliases: [], label, vendor, cpuid: cpuid.value, source: label, leftOut: [] });
};
