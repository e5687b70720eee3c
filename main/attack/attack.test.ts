import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { attackAsClient } from './client.ts';
import { attackAsUser } from './user.ts';

/** A short round of `npm run attack` on the build. */
const at = (path: string): string => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));
const WEB = at('main/web.js');
const missing = [WEB, at('native/tilescope-helper'), at('native/demo-vmm'), at('renderer/index.html')].filter(
  (path) => !existsSync(path),
);
if (missing.length > 0) console.log(`skipped: attacks on the build: ${missing.join(', ')} not built: npm run build`);
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log('skipped: a local user without rights: only root can make one');

describe.skipIf(missing.length > 0)('[Q6] attacks reach nothing', () => {
  test('a hostile client', async () => {
    const { broken, figures } = await attackAsClient(WEB, 200, 1);
    expect(broken, figures.join('\n')).toEqual([]);
  });

  test.skipIf(!isRoot)('a local user without rights', async () => {
    const done = await attackAsUser(WEB);
    expect(done?.broken, done?.figures.join('\n')).toEqual([]);
  });
});
