import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** What stands in, where the application is packed for a test: for the build's outputs, and for Electron's folder. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const PACKED = ['electron.js', 'preload.cjs', 'web.js', 'cli.js'].map((file) => `dist/main/${file}`);

/** What @electron/fuses looks for in the binary: the sentinel, version 1, the number of fuses, and '0', '1', 'r' for each. */
export const FUSE_SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
export const FUSES_AS_SHIPPED = '101100011';

export const copyOfProject = (project: string): void => {
  const put = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(join(project, path, '..'), { recursive: true });
    writeFileSync(join(project, path), text, { mode });
  };
  for (const path of [...PACKED, 'dist/renderer/index.html', 'dist/renderer/assets/index.js']) put(path, `// ${path}`);
  put('dist/static/tilescope-helper', '#!/bin/sh\n', 0o755);
  put('dist/static/demo-vmm', '#!/bin/sh\n', 0o755);
  put('dist/static/obj/frame.o', 'not to be packed');
  writeFileSync(
    join(project, 'dist/tilescope.1.gz'),
    gzipSync('.TH TILESCOPE 1\n.SH NAME\ntilescope \\- debugger\n.SH DESCRIPTION\nIt is.\n', { level: 9 }),
  );
  for (const path of [
    'bash-completion/completions/tilescope',
    'zsh/vendor-completions/_tilescope',
    'fish/vendor_completions.d/tilescope.fish',
  ]) {
    put(`dist/share/${path}`, path);
  }
  put('node_modules/ws/package.json', '{"name":"ws","version":"8.23.0"}');
  put('app/bits/mask.ts', 'not to be packed');
  cpSync(join(ROOT, 'main/pack'), join(project, 'main/pack'), { recursive: true });
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  put('package.json', JSON.stringify({ ...manifest, dependencies: { ws: '8.23.0' } }));
  put('LICENSE', readFileSync(join(ROOT, 'LICENSE'), 'utf8'));
  for (const part of ['main', 'renderer']) put(`dist/${part}/THIRD-PARTY.txt`, `what ${part} bundles`);
};

export const standInElectron = (electron: string): void => {
  mkdirSync(join(electron, 'locales'), { recursive: true });
  mkdirSync(join(electron, 'resources'), { recursive: true });
  const wire = Buffer.from([1, FUSES_AS_SHIPPED.length]);
  const binary = Buffer.concat([
    Buffer.from(`#!/bin/sh\n# ${FUSE_SENTINEL}`),
    wire,
    Buffer.from(`${FUSES_AS_SHIPPED}\n`),
  ]);
  writeFileSync(join(electron, 'electron'), binary, { mode: 0o755 });
  for (const name of ['chrome-sandbox', 'version', 'locales/en-US.pak', 'locales/de.pak']) {
    writeFileSync(join(electron, name), '45.4.1');
  }
};
