import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import type { Plugin } from 'vite';

const MODULE = /\/node_modules\/iced-x86\/iced_x86\.js$/;
/** How the package finds its WebAssembly when it runs: a file beside itself, which a bundle has not. */
const READ =
  /const path = require\('path'\)\.join\(__dirname, '(\w+\.wasm)'\);\s*const bytes = require\('fs'\)\.readFileSync\(path\);/;

/** Puts the WebAssembly of iced-x86 into the bundle as text, packed. */
export const inlineWasm = (): Plugin => ({
  name: 'inline-wasm',
  enforce: 'pre',
  transform(code, id) {
    if (!MODULE.test(id.replaceAll('\\', '/'))) return null;
    const [found, file] = READ.exec(code) ?? [];
    if (found === undefined || file === undefined) {
      throw new Error('iced-x86 reads its WebAssembly in another way than main/pack/inline-wasm.ts knows');
    }
    const packed = deflateRawSync(readFileSync(join(dirname(id), file)), { level: 9 }).toString('base64');
    const read = `const bytes = require('zlib').inflateRawSync(Buffer.from('${packed}', 'base64'));`;
    return { code: code.replace(found, () => read), map: null };
  },
});
