import { expect, type Page } from 'playwright/test';
import { axeViolations } from '../models/axe.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { test } from '../models/host.ts';
import { resizeTo } from '../models/resize.ts';
import { signalProcess } from '../models/signal.ts';
import { TilesWindow } from '../models/tiles-window.ts';
import { Window } from '../models/window.ts';

/** Nothing is held against the page; of the other theme the colours are looked at, which is all that it changes. */
const isAccessible = async (page: Page, what: string, within?: string): Promise<void> => {
  for (const [theme, rules] of [
    ['light', ['color-contrast']],
    ['dark', undefined],
  ] as const) {
    await page.evaluate((value) => document.documentElement.setAttribute('data-theme', value), theme);
    expect.soft(await axeViolations(page, within, rules), `${what}, ${theme}`).toEqual([]);
  }
};

/** What a key opens is looked at by itself, for it lies over what was seen without it; Escape takes it away again. */
const opens = async (page: Page, key: string, role: 'dialog' | 'menu'): Promise<void> => {
  await page.keyboard.press(key);
  await expect(page.getByRole(role)).toBeVisible();
  await isAccessible(page, `${role} of ${key}`, role === 'menu' ? '[role="menu"]' : 'dialog');
  await page.keyboard.press('Escape');
  await expect(page.getByRole(role)).toHaveCount(0);
};

/** A model some way into its program, with tiles in use. */
const stepped = async (open: () => Promise<Page>): Promise<TilesWindow> => {
  const model = new TilesWindow(await open());
  await isAccessible(model.page, 'first screen');
  await model.openModel(0);
  for (let step = 0; step < 18; step += 1) await model.step();
  return model;
};

test('[U18] every view of a model holds WCAG 2.2 AA in both themes', async ({ open }) => {
  const model = await stepped(open);
  const { page } = model;
  for (const key of ['Alt+1', 'Alt+2', 'Alt+3', 'Alt+4', 'Alt+5', 'Alt+6']) {
    await page.keyboard.press(key);
    await isAccessible(page, key);
  }
  await page.keyboard.press('Alt+2');
  for (const group of ['Opmask', 'x87', 'PKRU', 'General']) {
    await page.getByRole('radio', { name: group, exact: true }).click();
    await isAccessible(page, group);
  }
  await page.keyboard.press('Alt+3');
  for (const look of ['Heat', 'Numbers', 'Numbers on heat']) {
    await page.getByRole('radio', { name: look, exact: true }).click();
    await isAccessible(page, look);
  }
  await model.openRules();
  await isAccessible(page, 'rows and rules');
  await resizeTo(page, 2560, 1440);
  await page.keyboard.press('Alt+3');
  await page.getByTestId('eight-tiles').waitFor();
  await isAccessible(page, 'eight tiles');
});

test('[U18] so does every pane, and a value that is written, plotted, found and compared', async ({ open }) => {
  const model = await stepped(open);
  const { page } = model;
  await page.keyboard.press('Alt+3');
  const element = model.element(0, 0, 0);
  const value = /\] (-?\d+)/.exec((await element.getAttribute('aria-label')) ?? '')?.[1] ?? '';
  await element.click();
  await page.keyboard.press('Shift+F9');
  await isAccessible(page, 'watch');
  await page.keyboard.press('Alt+g');
  for (const kind of ['Over stops', 'Row', 'Column', 'Histogram']) {
    await page.getByRole('radio', { name: kind, exact: true }).click();
    await isAccessible(page, `plot, ${kind}`);
  }
  await page.keyboard.press('Alt+g');
  await page.keyboard.press('Control+f');
  await page.getByRole('combobox', { name: 'Find as' }).selectOption('i32');
  await page.locator('[data-pane="find"]').getByRole('searchbox').focus();
  await page.keyboard.type(value);
  await expect(page.getByRole('listbox', { name: 'Places found' }).getByRole('option').first()).toBeVisible();
  await isAccessible(page, 'find');
  await page.keyboard.press('Control+\\');
  await expect(page.getByTestId('beside')).toBeVisible();
  for (const view of ['Registers', 'Tiles']) {
    await page.getByTestId('beside').getByRole('radio', { name: view }).click();
    await isAccessible(page, `beside, ${view}`);
  }
  await page.keyboard.press('Control+\\');
  await page.keyboard.press('Alt+s');
  await expect(page.locator('[data-pane="stops"]').getByRole('option').first()).toBeVisible();
  await isAccessible(page, 'stops');
  await page.keyboard.press('Alt+0');
  await isAccessible(page, 'components');
  await page.keyboard.press('Escape');
  await model.type('zmm3:f32[5]', '2.75');
  await model.apply();
  await isAccessible(page, 'written');
  await page.keyboard.press('Alt+6');
  await isAccessible(page, 'compared');
  await page.getByRole('radio', { name: 'Inline', exact: true }).click();
  await isAccessible(page, 'compared inline');
});

test('[U18] so does a general register that is staged, and one that is written and read back, and what is refused', async ({
  open,
}) => {
  const model = new TilesWindow(await open());
  await model.openModel(0);
  const { page } = model;
  await page.keyboard.press('Alt+2');
  await page.getByRole('radio', { name: 'General', exact: true }).click();
  const cell = page.getByRole('main').locator('[data-cell-of="rbx"]').getByRole('button');
  const marked = async (mark: string): Promise<void> => {
    await expect(cell).toHaveAttribute('data-mark', mark);
    await isAccessible(page, mark, '[data-testid="centre"]');
  };
  await model.typeRegister('rbx', '0x51');
  await marked('staged');
  await model.apply();
  await marked('written');
  await model.typeRegister('mxcsr', '0xffff0000');
  await page.getByRole('radio', { name: 'Vector', exact: true }).click();
  await expect(page.getByRole('main').locator('.refused, .is-refused').first()).toBeVisible();
  await isAccessible(page, 'refused', '[data-testid="centre"]');
});

test('[U18] so does every menu and dialog', async ({ open }) => {
  const model = await stepped(open);
  const { page } = model;
  for (const key of ['Control+Shift+P', 'Shift+?', 'Control+F5', 'Control+Shift+C']) await opens(page, key, 'dialog');
  await page.keyboard.press('Alt+3');
  await model.element(0, 0, 0).click();
  await opens(page, 'Shift+F10', 'menu');
  for (const name of [/^Target /, 'Copy as…']) {
    await page.getByRole('button', { name }).first().focus();
    await opens(page, 'Enter', 'menu');
  }
  await model.type('zmm3:f32[5]', '2.75');
  await model.apply();
  const command = async (words: string): Promise<void> => {
    await page.keyboard.press('Control+Shift+P');
    await page.keyboard.type(words);
    await page.keyboard.press('Enter');
    await expect(page.getByRole('dialog', { name: 'Command palette' })).toHaveCount(0);
    await expect(page.getByRole('dialog')).toBeVisible();
    await isAccessible(page, words, 'dialog');
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  };
  await command('restore…');
  await command('detach');
  // With nothing written any more it is the stops that are asked about.
  await page.keyboard.press('Control+z');
  await expect(page.getByTestId('stepper-now')).toContainText('stop 21');
  await command('detach');
});

test.describe('targets', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  test('a list with one that can be attached and one that cannot holds it as well', async ({ open }) => {
    const [free, stopped] = await Promise.all([
      Guest.start({ name: 'access', vcpus: 1 }),
      Guest.start({ name: 'stopped', vcpus: 1 }),
    ]);
    try {
      signalProcess(stopped.pid, 'SIGSTOP');
      const page = await open();
      const window = new Window(page);
      await expect(window.target('access')).toContainText('read yes');
      await isAccessible(page, 'both');
      await expect(window.target('stopped')).toContainText('Remedy:');
      await window.target('stopped').click();
      await expect(page.getByRole('button', { name: 'Copy the remedy' })).toBeVisible();
      await isAccessible(page, 'the one that cannot');
    } finally {
      signalProcess(stopped.pid, 'SIGCONT');
      await Promise.all([free.stop(), stopped.stop()]);
    }
  });
});
