import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));

const WALLS = ['main/rooms.test.ts', 'main/docstrings.test.ts'];

/** The unit tests, and of them those that change, or measure, what others share: modules, globals, the environment, memory. */
const UNIT = ['app', 'main', 'renderer'].flatMap((room) =>
  readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
    .map((path) => join(room, path))
    .filter((path) => /\.test\.tsx?$/.test(path) && !WALLS.includes(path)),
);
const APART = UNIT.filter((path) =>
  /\bvi\.|\bglobalThis\b|process\.(env\b|chdir|on\(|memoryUsage)/.test(readFileSync(join(root, path), 'utf8')),
);

/**
 * Two sets of tests: the walls between the rooms, and the unit tests beside their files. Those share what they import, for to
 * import it again for each file took longer than many of the tests; a file that changes it has it alone.
 */
export default defineConfig({
  root,
  plugins: [react()],
  test: {
    // For what hangs. What is only slow is slow tenfold beside others: no test fails for the time that it takes.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // All cores: nothing else of the tests runs beside them but the emulated machine, which is one thread.
    maxWorkers: '100%',
    // A test that only prints, or whose loop runs over nothing, fails.
    expect: { requireAssertions: true },
    projects: [
      { extends: true, test: { name: 'walls', include: WALLS } },
      { extends: true, test: { name: 'unit', include: UNIT.filter((path) => !APART.includes(path)), isolate: false } },
      { extends: true, test: { name: 'unit apart', include: APART } },
    ],
  },
});
