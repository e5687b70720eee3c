import { expect, type Page } from 'playwright/test';
import { test } from '../models/host.ts';

// Nothing here is this machine's own.
test.use({ machine: 'stories' });

/**
 * From the first screen on, by keys alone: each is pressed where the keyboard is, and that must never be the page itself. A press of
 * the mouse would stop the story.
 */
class Walk {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
    for (const name of ['click', 'dblclick', 'down', 'move'] as const)
      page.mouse[name] = () => Promise.reject(new Error('this story has no mouse'));
  }

  /** @param keys pressed one after another; after each the keyboard is somewhere */
  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      await this.page.keyboard.press(key);
      await expect(this.page.locator(':focus'), `the keyboard after ${key}`).toHaveCount(1);
    }
  }

  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
    await expect(this.page.locator(':focus'), `the keyboard after ${text}`).toHaveCount(1);
  }

  /** Tab, or F6, until that has the keyboard. */
  async until(key: 'Tab' | 'F6', selector: string): Promise<void> {
    const there = this.page.locator(`${selector}:focus`);
    for (let pressed = 0; pressed < 60 && (await there.count()) === 0; pressed += 1)
      await this.page.keyboard.press(key);
    await expect(there).toHaveCount(1);
  }

  focused() {
    return this.page.locator(':focus');
  }
}

test('[U20] all of a session by the keyboard alone, which never falls to the page', async ({ open }) => {
  const page = await open();
  const walk = new Walk(page);
  await page.getByRole('listbox', { name: 'Models' }).waitFor();

  // The first screen: a model is chosen, and opened.
  await walk.until('Tab', '[aria-label="Models"]');
  await walk.press('ArrowDown', 'Enter');
  await page.getByTestId('program').waitFor();
  await expect(walk.focused()).toHaveCount(1);

  // Step; the matrix by F6; an element edited, applied, taken back.
  for (let step = 0; step < 12; step += 1) await walk.press('F10');
  await expect(page.getByTestId('model-step')).toHaveText('12');
  await walk.press('Alt+3');
  await walk.until('F6', '[role="gridcell"]');
  await walk.press('ArrowDown', 'ArrowRight');
  await expect(walk.focused()).toHaveAccessibleName(/^tmm\d\[1\]\[1\] /);
  const [, before = ''] = /\] (\S+)$/.exec((await walk.focused().getAttribute('aria-label')) ?? '') ?? [];
  await walk.type('3');
  await walk.press('Enter');
  await expect(walk.focused()).toHaveAccessibleName(/\[1\]\[1\] 3, staged/);
  await walk.press('Control+Enter');
  await expect(walk.focused()).toHaveAccessibleName(/\[1\]\[1\] 3, written/);
  await walk.press('Control+z');
  await expect(walk.focused()).toHaveAccessibleName(new RegExp(`\\[1\\]\\[1\\] ${before}`));
  await walk.press('Control+Shift+z');
  await expect(walk.focused()).toHaveAccessibleName(/\[1\]\[1\] 3, written/);

  // Compare with the stop before; restore to it from its dialog.
  await walk.press('Alt+6');
  await expect(page.getByTestId('compare-count')).toContainText(/differs?/);
  await walk.until('F6', '[data-region="centre"] *');
  await walk.press('ArrowDown', 'ArrowUp');
  await walk.press('Control+Shift+p');
  await walk.type('restore');
  await walk.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Restore' });
  await expect(dialog).toBeVisible();
  await walk.press('ArrowRight');
  await expect(dialog.getByRole('radio', { name: 'A stop' })).toBeFocused();
  await walk.until('Tab', '[data-testid="restore-now"]');
  await walk.press('Enter');
  await expect(dialog).toHaveCount(0);
  await expect(walk.focused()).toHaveCount(1);

  // The palette leads to a register; it is watched.
  await walk.press('Control+Shift+p');
  await walk.type('rounding');
  await walk.press('Enter');
  await expect(page.locator('[data-field-of="mxcsr.RC"]')).toBeFocused();
  await walk.press('Shift+F9');
  await expect(page.locator('[data-watch="mxcsr.RC"]')).toBeVisible();
  await walk.press('Alt+w', 'Escape');

  // A breakpoint on a line of the program, run to, and taken away in its own pane.
  await walk.until('F6', ':is([data-region="program"], [data-region="program"] *)');
  await walk.until('Tab', '[aria-label="Instructions"]');
  await walk.press('ArrowDown', 'ArrowDown', 'ArrowDown', 'F9');
  await expect(walk.focused().locator('.visually-hidden')).toHaveText('breakpoint');
  const address = await walk.focused().getAttribute('data-address');
  await walk.press('F5');
  await expect(page.locator(`[data-address="${address}"]`)).toHaveAttribute('aria-current', 'step');
  await walk.press('Alt+b');
  await walk.until('Tab', '[data-pane="breakpoints"] li button');
  await walk.press('Enter');
  await expect(page.getByTestId('breakpoints').getByRole('listitem')).toHaveCount(0);
  await expect(walk.focused()).toHaveCount(1);

  // Find, and where it leads; the plot of what was found; both closed as tabs are.
  await walk.press('Control+f');
  await walk.type('0x1f80');
  await walk.press('ArrowDown', 'Enter', 'Alt+g');
  await expect(page.locator('[data-pane="plot"]')).toBeVisible();
  await walk.press('Alt+g', 'Control+f', 'Shift+Tab');
  await walk.until('Tab', '[role="tab"]');
  await walk.press('Escape');

  // Stops, Events and every view, and the end of the session.
  await walk.press('Alt+s', 'ArrowUp', 'Enter', 'Alt+s', 'Alt+h', 'Home', 'End');
  for (const view of ['Alt+1', 'Alt+2', 'Alt+3', 'Alt+4', 'Alt+5', 'Alt+6', 'Alt+0', 'Escape']) await walk.press(view);
  await walk.press('Control+Shift+p');
  await walk.type('close the');
  await walk.press('Enter');
  await expect(walk.focused()).toHaveCount(1);
});
