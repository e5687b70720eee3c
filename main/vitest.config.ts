import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Two sets of tests: the walls between the rooms, and the unit tests beside their files. */
export default defineConfig({
  root,
  plugins: [react()],
  test: {
    // For what hangs. What is only slow is slow tenfold beside others: no test fails for the time that it takes.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // A test that only prints, or whose loop runs over nothing, fails.
    expect: { requireAssertions: true },
    projects: [
      { extends: true, test: { name: 'walls', include: ['main/rooms.test.ts', 'main/docstrings.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{app,main,renderer}/**/*.test.{ts,tsx}'],
          exclude: ['main/rooms.test.ts', 'main/docstrings.test.ts', '**/node_modules/**'],
        },
      },
    ],
  },
});
