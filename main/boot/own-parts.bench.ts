import { dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { beforeAll, expect, test, vi } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/**
 * What is generic and our own all the same, and how small it is: each part minified, as the build does it, and gzipped, with
 * nothing of what it imports. The libraries' figures beside them stand in app/SPEC.md, Decisions.
 */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  'dialogs, menus, choices, buttons with tooltips, list boxes, roving focus, keys': [
    'renderer/panels/overlays/Dialog.tsx',
    'renderer/controls/MenuButton.tsx',
    'renderer/panels/toolbar/MenuItem.tsx',
    'renderer/panels/menu/ContextMenu.tsx',
    'renderer/controls/Button.tsx',
    'renderer/controls/Segment.tsx',
    'renderer/controls/Select.tsx',
    'renderer/controls/instruction-list.ts',
    'renderer/panels/registers/grid-moves.ts',
    'renderer/actions/focus.ts',
    'renderer/actions/regions.ts',
    'renderer/keys/chord.ts',
    'renderer/keys/keymap.ts',
  ],
  'rows near the screen': ['renderer/panels/compare/use-row-window.ts', 'renderer/panels/compare/rows.ts'],
  'matching of the palette': ['renderer/panels/overlays/match.ts'],
  'shapes of documents that cross a boundary': ['app/session/shape.ts'],
  'plots, drawn and saved': ['renderer/panels/plot/PlotPicture.tsx', 'renderer/panels/plot/plot-export.ts'],
  'arguments of the command line, its help, completions and man page': [
    'main/hosts/cli/arguments.ts',
    'main/hosts/cli/forms.ts',
    'main/hosts/cli/options.ts',
    'main/hosts/cli/help.ts',
    'main/hosts/cli/verbs.ts',
    'main/hosts/cli/complete.ts',
    'main/hosts/cli/completions.ts',
    'main/hosts/cli/man.ts',
  ],
};

const ENTRY = '\0own';

const minified = async (files: readonly string[]): Promise<string> => {
  const own = new Set(files.map((file) => join(ROOT, file)));
  const output = await build({
    ...{ configFile: false, logLevel: 'silent' as const, root: ROOT },
    plugins: [
      {
        name: 'own',
        enforce: 'pre' as const,
        resolveId(id: string, importer?: string) {
          if (importer === undefined) return ENTRY;
          if (own.has(id)) return id;
          const path = resolve(dirname(importer), id);
          return own.has(path) ? path : { id, external: true };
        },
        load: (id: string) =>
          id === ENTRY ? [...own].map((file) => `export * from ${JSON.stringify(file)};`).join('\n') : null,
      },
    ],
    build: { write: false, minify: true, rolldownOptions: { input: 'own', preserveEntrySignatures: 'strict' } },
  });
  const [made] = [output].flat();
  if (made === undefined || !('output' in made)) throw new Error('the build made nothing');
  return made.output.map((part) => ('code' in part ? part.code : '')).join('');
};

// JSX is compiled as for the page.
beforeAll(() => void vi.stubEnv('NODE_ENV', 'production'));

const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;

test.each(Object.entries(PARTS))('%s', async (part, files) => {
  const code = await minified(files);
  console.log(
    `  ${part}: ${kilobytes(code.length)} minified, ${kilobytes(gzipSync(code, { level: 9 }).length)} gzipped`,
  );
  expect(code.length).toBeGreaterThan(0);
});
