import { expect, type Locator, type Page } from 'playwright/test';
import { test } from '../models/host.ts';
import { TilesWindow } from '../models/tiles-window.ts';

test.use({ machine: 'stories' });
test.skip(({ host }) => host !== 'web', 'answers are held back on the WebSocket of the web host');

/** Answers to captures wait until `letGo` is called; further ones pass. */
const holdCaptures = async (page: Page): Promise<{ letGo: () => void }> => {
  const waiting: (() => void)[] = [];
  const asked = new Set<number>();
  await page.routeWebSocket(/\/bridge$/, (ws) => {
    const host = ws.connectToServer();
    ws.onMessage((message) => {
      const { id, verb } = JSON.parse(String(message)) as { id: number; verb: string };
      if (verb === 'capture') asked.add(id);
      host.send(message);
    });
    host.onMessage((message) => {
      const { id } = JSON.parse(String(message)) as { id?: number };
      if (id !== undefined && asked.delete(id)) waiting.push(() => ws.send(message));
      else ws.send(message);
    });
  });
  return {
    letGo: () => {
      for (const send of waiting.splice(0)) send();
    },
  };
};

/** Whatever lists acts, and how it is opened. */
const LISTS: readonly (readonly [what: string, open: (page: Page) => Promise<Locator>])[] = [
  [
    'More',
    async (page) => {
      await page.getByRole('button', { name: 'More', exact: true }).click();
      return page.getByRole('menu', { name: 'More' }).getByRole('menuitem', { name: /^Capture/ });
    },
  ],
  [
    'the target’s menu',
    async (page) => {
      await page.getByRole('button', { name: /^Target / }).click();
      return page.getByRole('menu', { name: 'Target' }).getByRole('menuitem', { name: /^Capture/ });
    },
  ],
  [
    'the context menu',
    async (page) => {
      await page.getByTestId('history').click({ button: 'right' });
      return page.getByRole('menu', { name: 'What can be done here' }).getByRole('menuitem', { name: /^Capture/ });
    },
  ],
  [
    'the palette',
    async (page) => {
      await page.keyboard.press('Control+Shift+P');
      await page.keyboard.type('capture');
      return page.getByRole('listbox', { name: 'Results' }).getByRole('option', { name: /^Capture/ });
    },
  ],
];

for (const [what, opened] of LISTS)
  test(`[U15] ${what}, opened while an act is under way, offers the others once that has ended`, async ({
    page,
    open,
  }) => {
    const held = await holdCaptures(page);
    await open();
    await new TilesWindow(page).openModel(0);
    await page.keyboard.press('F8');
    const item = await opened(page);
    await expect(item).toHaveAttribute('aria-disabled', 'true');
    held.letGo();
    await expect(item).not.toHaveAttribute('aria-disabled', 'true');
    await expect(page.getByTestId('stepper-now')).toContainText('stop 2');
  });
