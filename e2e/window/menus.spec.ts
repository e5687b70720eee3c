import { expect, type Locator, type Page } from 'playwright/test';
import { HELD_BY, holdAnswers } from '../models/held-answers.ts';
import { test } from '../models/host.ts';
import { TilesWindow } from '../models/tiles-window.ts';

test.use({ machine: 'stories' });
test.skip(({ host }) => host !== 'web', HELD_BY);

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
    const held = await holdAnswers(page, 'capture');
    await open();
    await new TilesWindow(page).openModel(0);
    await page.keyboard.press('F8');
    const item = await opened(page);
    await expect(item).toHaveAttribute('aria-disabled', 'true');
    held.letGo();
    await expect(item).not.toHaveAttribute('aria-disabled', 'true');
    await expect(page.getByTestId('stepper-now')).toContainText('stop 2');
  });
