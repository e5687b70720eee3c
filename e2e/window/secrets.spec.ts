import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, type Page, test } from 'playwright/test';
import { KVM_ABSENT } from '../models/guest.ts';
import { HandedOver, noBrowserUser } from '../models/handed-over.ts';
import { builtFresh } from '../models/tilescope.ts';
import { Window } from '../models/window.ts';

/** All that the page sends but the words of its WebSocket's handshake, which hold the secret: that is what they are for. */
const sentBy = (page: Page): (() => Promise<string>) => {
  const sent: Promise<string>[] = [];
  page.on('request', (request) => {
    const headers = request.allHeaders().then((all) => JSON.stringify(all));
    sent.push(headers.then((text) => `${request.url()} ${text}`));
  });
  page.on('websocket', (socket) => sent.push(Promise.resolve(socket.url())));
  return async () => (await Promise.all(sent)).join('\n');
};

test.describe('[C10] what comes in', () => {
  const absent = noBrowserUser();
  test.skip(absent !== null, absent ?? '');
  test.beforeAll(builtFresh);

  test('stands in no command line, environment, title, request, log or file of the host and of all that it starts', async ({
    page,
  }) => {
    const handed = await HandedOver.start();
    try {
      const { host } = handed;
      const token = new URL(host.url).hash.slice(1);
      const address = await handed.browserArguments();
      expect(address).toMatch(/^file:\/\/\S+$/);
      const file = fileURLToPath(address);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
      expect(readFileSync(file, 'utf8')).toContain(`url=${host.url}"`);
      expect(handed.filesWith(token)).toEqual([file]);

      const sent = sentBy(page);
      await page.goto(address);
      const window = new Window(page);
      await expect(page.getByRole('heading', { name: 'Live on this machine' })).toBeVisible();
      // Once it has been used it is of no more use, and gone.
      await expect.poll(() => existsSync(file)).toBe(false);
      const secret = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
      const kept = /"tilescope-secret":"([\w-]{43})"/.exec(secret)?.[1] ?? '';
      expect(kept).toHaveLength(43);
      const secrets = new RegExp(`${token}|${kept}`);

      const wanted = ['xdg-open'];
      if (KVM_ABSENT === null) {
        await page.getByRole('button', { name: 'Start a demo guest' }).first().click();
        await expect(window.target('demo-vmm')).toHaveAttribute('aria-selected', 'true');
        await window.target('demo-vmm').click();
        await page.keyboard.press('Enter');
        await expect(window.state()).toHaveText('Running');
        wanted.push('demo-vmm', 'tilescope-helpe');
      }
      const seen = handed.processes();
      expect(seen.map(({ name }) => name)).toEqual(expect.arrayContaining(wanted));
      for (const { name, all } of seen) expect(secrets.test(all), name).toBe(false);

      for (const load of [() => undefined, () => page.reload()]) {
        await load();
        await expect(page.getByRole('button').first()).toBeVisible();
        for (const shown of [page.url(), await page.title(), await page.content()]) expect(shown).not.toMatch(secrets);
        expect(await page.evaluate(() => document.referrer)).toBe('');
      }
      const all = await sent();
      expect(all).toContain('/bridge');
      // The file itself, whose address holds none, is the first of what was asked for.
      expect(all).not.toMatch(secrets);
      expect(all.toLowerCase()).not.toContain('referer');
      expect(handed.filesWith(token)).toEqual([]);
      expect(handed.filesWith(kept)).toEqual([]);
      expect(host.said.split(token)).toHaveLength(2);
      expect(host.said).not.toContain(kept);
    } finally {
      await handed.stop();
    }
  });
});
