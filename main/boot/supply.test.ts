import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { billOfMaterials, differencesOf, problemOfLock, withoutIntegrity } from './supply.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DIGEST = `sha512-${'A'.repeat(86)}==`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-supply-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('[Q7] what is taken from others', () => {
  test('every entry of the lock file has its digest', () => {
    expect(problemOfLock()).toBeNull();
  });

  test.each([
    [undefined, true],
    ['', true],
    ['sha1-AAAA', true],
    ['sha512-short', true],
    [DIGEST, false],
  ])('an entry with digest %j is told: %s', (integrity, isTold) => {
    const entry = integrity === undefined ? { version: '1' } : { version: '1', integrity };
    expect(withoutIntegrity({ '': { version: '1' }, 'node_modules/a': entry })).toEqual(
      isTold ? ['node_modules/a'] : [],
    );
  });

  test('the bill of materials names what is bundled, with licence and digest, and is the same each time', () => {
    const put = (part: string, list: unknown): void => {
      mkdirSync(join(folder, part));
      writeFileSync(join(folder, part, 'third-party.json'), JSON.stringify(list));
    };
    put('main', [{ name: 'ws', version: '8.23.0', licence: 'MIT' }]);
    put('renderer', [
      { name: 'react', version: '19.3.1', licence: 'MIT' },
      { name: 'Inter', version: '', licence: 'OFL-1.1' },
    ]);
    const bill = billOfMaterials(folder);
    expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 });
    expect(bill.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(bill.components.map((one) => one['bom-ref'])).toEqual([
      'font:Inter',
      expect.stringMatching(/^pkg:npm\/electron@/),
      'pkg:npm/react@19.3.1',
      'pkg:npm/ws@8.23.0',
    ]);
    const ws = bill.components.at(-1) as { hashes: { content: string }[] };
    expect(ws.hashes[0]?.content).toMatch(/^[0-9a-f]{128}$/);
    expect(billOfMaterials(folder)).toEqual(bill);
  });

  test('two builds that differ, and one that names its place, are told', () => {
    const [one, other] = [join(folder, 'a'), join(folder, 'b')];
    for (const at of [one, other]) mkdirSync(at);
    writeFileSync(join(one, 'x.js'), '1');
    writeFileSync(join(other, 'x.js'), '1');
    expect(differencesOf(one, other)).toEqual([]);
    writeFileSync(join(other, 'x.js'), '2');
    writeFileSync(join(one, 'y.js'), `// ${ROOT.replace(/\/$/, '')}/app`);
    expect(differencesOf(one, other)).toEqual(['x.js differs', 'y.js differs', expect.stringContaining('y.js names')]);
  });

  const built = ['main', 'renderer'].map((part) => join(ROOT, 'dist', part, 'THIRD-PARTY.txt'));
  const why = built.every((path) => existsSync(path)) ? null : 'not built: npm run build';
  if (why !== null) console.log(`skipped: licences beside the bundles: ${why}`);
  test.skipIf(why !== null)('their licences lie beside the bundles', () => {
    const [main = '', renderer = ''] = built.map((path) => readFileSync(path, 'utf8'));
    expect(main).toMatch(/^ws 8\.[\s\S]*Permission is hereby granted/m);
    // It brings no file of its licence.
    expect(main).toMatch(/^xz-decompress 0\.[\s\S]*Copyright \(c\) Tim Perry[\s\S]*Permission is hereby granted/m);
    for (const name of ['react 19', 'react-dom 19', 'scheduler', 'zustand 5']) expect(renderer).toContain(`\n${name}`);
    for (const font of ['Inter', 'JetBrainsMono']) expect(renderer).toContain(`${font} (OFL-1.1)`);
    expect(renderer).toContain('SIL OPEN FONT LICENSE');
  });
});
