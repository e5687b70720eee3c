import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from './fuzz.ts';

/** What was found once is tried first, every time: main/fuzz/seeds/TARGET-DIGEST. */
const fileWord = (target: string): string => target.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');

export const seedsOf = (folder: string, target: string): readonly Uint8Array[] => {
  const begins = `${fileWord(target)}.`;
  return readdirSync(folder)
    .filter((name) => name.startsWith(begins))
    .sort()
    .map((name) => new Uint8Array(readFileSync(join(folder, name))));
};

/** Where a fault's input was put. */
export const keepFault = (folder: string, { target, bytes }: Fault): string => {
  mkdirSync(folder, { recursive: true });
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
  const path = join(folder, `${fileWord(target)}.${digest}`);
  writeFileSync(path, bytes);
  return path;
};
