import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Measurements, apart from the tests: they take time and memory, and print ratios within one run. */
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['{app,main,renderer}/**/*.bench.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    reporters: ['verbose'],
  },
});
