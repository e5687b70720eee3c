import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig, type UserConfig } from 'vite';
import { inlineWasm } from './pack/inline-wasm.ts';
import { licences } from './pack/licences.ts';

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** What the bundles find at run time; everything else, ws included, is bundled, so that the package needs no node_modules. */
const EXTERNAL = [
  'electron',
  // Electron's fs without asar, which @electron/asar looks for where it runs inside of it.
  'original-fs',
  'bufferutil',
  'utf-8-validate',
  ...builtinModules,
  ...builtinModules.map((name) => `node:${name}`),
];

const renderer: UserConfig = {
  root: at('renderer'),
  base: './',
  plugins: [react(), licences(at('renderer/theme/fonts'))],
  build: {
    outDir: at('dist/renderer'),
    emptyOutDir: true,
    target: 'chrome130',
    // The content security policy forbids data: fonts, so that nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
};

/** The three hosts and the reader of files, an ES module each, with shared chunks beside them. */
const main: UserConfig = {
  root: at('main'),
  publicDir: false,
  plugins: [inlineWasm(), licences(null)],
  ssr: { noExternal: true, target: 'node' },
  build: {
    ssr: true,
    outDir: at('dist/main'),
    emptyOutDir: true,
    target: 'node20',
    minify: false,
    rollupOptions: {
      input: {
        electron: at('main/hosts/electron/electron.ts'),
        web: at('main/hosts/web/web.ts'),
        cli: at('main/hosts/cli/cli.ts'),
        'decode-worker': at('main/services/decode-worker.ts'),
      },
      external: EXTERNAL,
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
};

/** A sandboxed preload is a CommonJS script that may require nothing but `electron`. */
const preload: UserConfig = {
  root: at('main'),
  publicDir: false,
  ssr: { noExternal: true, target: 'node' },
  build: {
    ssr: true,
    outDir: at('dist/main'),
    emptyOutDir: false,
    target: 'chrome130',
    minify: false,
    rollupOptions: {
      input: { preload: at('main/hosts/electron/preload.ts') },
      external: ['electron'],
      output: { format: 'cjs', entryFileNames: '[name].cjs' },
    },
  },
};

/** What plays Electron in the tests, where its binary is not to be had. */
const standIn: UserConfig = {
  root: at('e2e/electron'),
  publicDir: false,
  ssr: { noExternal: true, target: 'node' },
  build: {
    ssr: true,
    outDir: at('dist/stand-in/stand-in'),
    emptyOutDir: true,
    target: 'node20',
    minify: false,
    rollupOptions: {
      input: Object.fromEntries(['launch', 'electron', 'hooks'].map((name) => [name, at(`e2e/electron/${name}.ts`)])),
      external: EXTERNAL,
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
};

/** Fuzzing and attacks, which run apart from the tests for as long as they are given. */
const trials: UserConfig = {
  root: at('main'),
  publicDir: false,
  plugins: [inlineWasm()],
  ssr: { noExternal: true, target: 'node' },
  build: {
    ssr: true,
    outDir: at('dist/trials'),
    emptyOutDir: true,
    target: 'node20',
    minify: false,
    rollupOptions: {
      input: { fuzz: at('main/fuzz/run.ts'), attack: at('main/attack/run.ts') },
      external: EXTERNAL,
      output: { format: 'es', entryFileNames: '[name].js' },
    },
  },
};

const BUILDS: Readonly<Record<string, UserConfig>> = { renderer, main, preload, 'stand-in': standIn, trials };

/** `--mode renderer`, `--mode main`, `--mode preload` or `--mode stand-in`: one build each. */
export default defineConfig(({ mode }) => {
  const build = BUILDS[mode];
  if (build === undefined) throw new Error(`--mode is one of ${Object.keys(BUILDS).join(', ')}, not ${mode}`);
  // Pages come from this machine's disk: their size costs no one a download.
  // And what a plugin took on a machine with others on it is no warning.
  const rolldownOptions = { ...build.build?.rollupOptions, checks: { pluginTimings: false } };
  const { rollupOptions: _, ...rest } = build.build ?? {};
  const local = { ...build, build: { ...rest, rolldownOptions, chunkSizeWarningLimit: 4096 } };
  return { configFile: false, ...local, define: { 'process.env.NODE_ENV': JSON.stringify('production') } };
});
