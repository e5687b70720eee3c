import { expect, type Page } from 'playwright/test';
import { axeViolations } from '../models/axe.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { test } from '../models/host.ts';
import { TilesWindow } from '../models/tiles-window.ts';
import { THEMES, Window } from '../models/window.ts';

/** Nothing is held against the page in either theme. */
const isAccessible = async (page: Page, what: string): Promise<void> => {
  for (const theme of THEMES) {
    await page.evaluate((value) => document.documentElement.setAttribute('data-theme', value), theme);
    expect.soft(await axeViolations(page), `${what}, ${theme}`).toEqual([]);
  }
};

test('every view, pane and dialog of a model holds WCAG 2.2 AA in both themes', async ({ open }) => {
  const page = await open();
  const model = new TilesWindow(page);
  await page.getByRole('listbox', { name: 'Models' }).waitFor();
  await isAccessible(page, 'first screen');
  await model.openModel(0);
  for (let step = 0; step < 18; step += 1) await model.step();
  for (const key of ['Alt+1', 'Alt+2', 'Alt+3', 'Alt+4', 'Alt+5']) {
    await page.keyboard.press(key);
    await isAccessible(page, key);
  }
  await page.keyboard.press('Alt+2');
  for (const group of ['Opmask', 'x87', 'MXCSR', 'PKRU', 'General']) {
    await page.getByRole('radio', { name: group, exact: true }).click();
    await isAccessible(page, group);
  }
  await page.keyboard.press('Alt+3');
  await model.openRules();
  await isAccessible(page, 'rows and rules');
  await page.keyboard.press('Shift+F9');
  await isAccessible(page, 'watch');
  await page.keyboard.press('Alt+0');
  await isAccessible(page, 'components');
  await page.keyboard.press('Escape');
  for (const key of ['Control+Shift+P', 'Shift+?', 'Control+F5', 'Control+Shift+C']) {
    await page.keyboard.press(key);
    await expect(page.getByRole('dialog')).toBeVisible();
    await isAccessible(page, key);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  }
});

test.describe('targets', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  test('a list with one that can be attached and one that cannot holds it as well', async ({ open }) => {
    const [free, stopped] = await Promise.all([
      Guest.start({ name: 'access', vcpus: 1 }),
      Guest.start({ name: 'stopped', vcpus: 1 }),
    ]);
    try {
      process.kill(stopped.pid, 'SIGSTOP');
      const page = await open();
      const window = new Window(page);
      await expect(window.target('access')).toContainText('can be attached');
      await isAccessible(page, 'both');
      await expect(window.target('stopped')).toContainText('Remedy:');
      await window.target('stopped').click();
      await expect(page.getByRole('button', { name: 'Copy the remedy' })).toBeVisible();
      await isAccessible(page, 'the one that cannot');
    } finally {
      process.kill(stopped.pid, 'SIGCONT');
      await Promise.all([free.stop(), stopped.stop()]);
    }
  });
});
