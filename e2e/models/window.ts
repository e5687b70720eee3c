import { expect, type Locator, type Page, test } from 'playwright/test';
import { pictured } from './pictured.ts';

export const THEMES = ['dark', 'light'] as const;

/** An act that the toolbar's menu "More" holds. */
export const fromMore = async (page: Page, name: string | RegExp): Promise<void> => {
  await page.getByRole('button', { name: 'More', exact: true }).click();
  await page.getByRole('menu', { name: 'More' }).getByRole('menuitem', { name }).click();
};

/** What a user can do in Tilescope's window, by what stands on the screen. */
export class Window {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  target(name: string): Locator {
    return this.page.getByRole('listbox', { name: 'Targets' }).getByRole('option', { name });
  }

  /** Attaches to the target and freezes it, by keyboard alone: the filter, then the button. */
  async attach(name: string): Promise<void> {
    // A key that comes before the page has drawn its list is nobody's.
    await expect(this.target(name)).toBeVisible();
    await this.page.keyboard.press('/');
    await this.page.keyboard.type(name);
    await expect(this.target(name)).toHaveAttribute('aria-selected', 'true');
    await this.page.getByRole('button', { name: 'Attach and stop' }).press('Enter');
    await expect(this.state()).toHaveText(/^Stopped/);
  }

  /** The pill that says whether the vCPU runs. */
  state(): Locator {
    return this.page.getByRole('status', { name: /^vCPU/ });
  }

  cell(path: string): Locator {
    return this.page.getByRole('gridcell', { name: new RegExp(`^${path.replace(/[[\]]/g, '\\$&')}(?= |$)`) });
  }

  /** Jumps to a register or element through the palette. */
  async jump(path: string): Promise<void> {
    await this.page.keyboard.press('Control+Shift+P');
    await this.page.keyboard.type(path);
    await this.page.keyboard.press('Enter');
  }

  /** Types a value over a cell and stages it. */
  async type(path: string, value: string): Promise<void> {
    await this.jump(path);
    await expect(this.cell(path)).toBeFocused();
    await this.page.keyboard.type(value);
    await this.page.keyboard.press('Enter');
  }

  /** A register that is shown as one value, in hex or as its fields. */
  register(name: string): Locator {
    return this.page.locator(`[data-cell-of="${name}"]`).getByRole('button').first();
  }

  /** Types a value over a whole register and stages it. */
  async typeRegister(name: string, value: string): Promise<void> {
    await this.jump(name);
    await this.register(name).focus();
    await this.page.keyboard.type(value);
    await this.page.keyboard.press('Enter');
  }

  staged(): Locator {
    return this.page.getByRole('button', { name: /^\d+ staged$/ });
  }

  async apply(): Promise<void> {
    await this.page.keyboard.press('Control+Enter');
    await expect(this.staged()).toHaveCount(0);
  }

  async restoreDialog(): Promise<void> {
    await fromMore(this.page, /^(Restore…|Restore to)/);
    await expect(this.page.getByRole('dialog', { name: 'Restore' })).toBeVisible();
  }

  async continue(): Promise<void> {
    await this.page.keyboard.press('F5');
    await expect(this.state()).toHaveText(/Running/);
  }

  async freeze(): Promise<void> {
    await this.page.keyboard.press('Shift+F5');
    await expect(this.state()).toHaveText(/^Stopped/);
  }

  /** Why the list of targets is not the tests' own, or null: somebody runs a guest of theirs on this machine. */
  async otherGuests(): Promise<string | null> {
    const several = await this.page.getByText(/^\d+ processes hold vCPUs/).count();
    return several === 0 ? null : 'another guest runs on this machine, and stands in the list';
  }

  /**
   * As shoot(), for a picture of a live guest: where this machine cannot have such a guest, and beside somebody's guests, it is
   * said, by name, not to be compared; so it is for the reason that a story gives.
   */
  async shootLive(name: string, unless: string | null = null): Promise<void> {
    const { notCompared } = await pictured();
    const reason = notCompared ?? unless ?? (await this.otherGuests());
    if (reason === null) return this.shoot(name);
    test.info().annotations.push({ type: 'not compared', description: `${name}: ${reason}` });
    console.log(`not compared: ${name}: ${reason}`);
  }

  /**
   * Neither the version of the helper's protocol nor what serves the page is part of a story, nor how many processes of others a
   * user who is not root may not look into: the pictures are of any.
   */
  async #sameFooter(): Promise<void> {
    await this.page.evaluate(() => {
      for (const value of document.querySelectorAll('footer .val')) {
        if (/^protocol \d+$/.test(value.textContent ?? '')) value.textContent = 'protocol 2';
      }
      for (const said of document.querySelectorAll('footer span')) {
        if (/^\d+ process(es)? of other users could not be looked into/.test(said.textContent ?? ''))
          said.textContent = '';
      }
      const served = document.querySelector('[data-testid="served"]');
      if (served !== null) served.textContent = 'served on 127.0.0.1';
    });
  }

  /** Fonts of this machine that draw something on the page, and would draw it otherwise on another one. */
  async #foreignFonts(): Promise<string[]> {
    const browser = await this.page.context().newCDPSession(this.page);
    await browser.send('DOM.enable');
    await browser.send('CSS.enable');
    // All characters that are drawn in one family, in one element each: asking for every element takes minutes.
    await this.page.evaluate(() => {
      const drawn = new Map<string, Set<string>>();
      const add = (element: Element, text: string): void => {
        const { fontFamily, display } = getComputedStyle(element);
        if (display === 'none') return;
        const seen = drawn.get(fontFamily) ?? new Set();
        for (const letter of text) seen.add(letter);
        drawn.set(fontFamily, seen);
      };
      const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        const { parentElement, textContent } = texts.currentNode;
        if (parentElement !== null) add(parentElement, textContent ?? '');
      }
      for (const input of document.querySelectorAll('input')) add(input, input.value || input.placeholder);
      const all = document.body.appendChild(document.createElement('div'));
      all.id = 'all-letters';
      for (const [family, letters] of drawn) {
        const line = all.appendChild(document.createElement('div'));
        line.style.fontFamily = family;
        line.textContent = [...letters].join('');
      }
    });
    const { root } = await browser.send('DOM.getDocument', { depth: -1 });
    const { nodeIds } = await browser.send('DOM.querySelectorAll', {
      nodeId: root.nodeId,
      selector: '#all-letters > div',
    });
    const used = await Promise.all(nodeIds.map((nodeId) => browser.send('CSS.getPlatformFontsForNode', { nodeId })));
    await this.page.evaluate(() => document.getElementById('all-letters')?.remove());
    await browser.detach();
    expect(used.length).toBeGreaterThan(0);
    return used.flatMap(({ fonts }) =>
      fonts.filter(({ isCustomFont }) => !isCustomFont).map((font) => font.familyName),
    );
  }

  /** One picture in both themes, each against its baseline in e2e/shots. */
  async shoot(name: string): Promise<void> {
    await this.page.evaluate(() => document.fonts.ready);
    await expect(this.page.getByText('Reading the code at RIP…')).toHaveCount(0);
    await this.#sameFooter();
    expect(await this.#foreignFonts()).toEqual([]);
    for (const theme of THEMES) {
      await this.page.evaluate((value) => document.documentElement.setAttribute('data-theme', value), theme);
      await expect(this.page).toHaveScreenshot(`${name}-${theme}.png`);
    }
    await this.page.evaluate(() => document.documentElement.setAttribute('data-theme', 'dark'));
  }
}
