import { expect, type Page } from 'playwright/test';
import { axeViolations } from '../models/axe.ts';
import { test } from '../models/host.ts';
import { lostContent } from '../models/lost.ts';
import { playGuests } from '../models/played-guests.ts';
import { MISCALCULATING } from '../models/played-loop.ts';
import { resizeTo } from '../models/resize.ts';
import { TilesWindow } from '../models/tiles-window.ts';

// What a page shows of live guests, played: the same story, and the same pictures, everywhere.
test.use({ machine: 'stories' });
test.skip(({ host }) => host !== 'web', 'guests are played over the WebSocket of the web host');

const isSound = async (page: Page, what: string): Promise<void> => {
  for (const [theme, rules] of [
    ['light', ['color-contrast']],
    ['dark', undefined],
  ] as const) {
    await page.evaluate((value) => document.documentElement.setAttribute('data-theme', value), theme);
    expect.soft(await axeViolations(page, undefined, rules), `${what}, ${theme}`).toEqual([]);
  }
  expect.soft(await lostContent(page), what).toEqual([]);
};

const attached = async (page: Page, open: () => Promise<Page>): Promise<TilesWindow> => {
  await playGuests(page);
  await open();
  const window = new TilesWindow(page);
  await window.attach('amx-infer');
  return window;
};

test('[U14] a second guest is chosen by keyboard to stand beside the first, read again, and left with its pane', async ({
  page,
  open,
}) => {
  const window = await attached(page, open);
  await page.keyboard.press('Alt+2');
  await page.keyboard.press('Control+\\');
  const beside = page.getByTestId('beside');
  const source = beside.getByRole('combobox', { name: 'What stands beside' });
  await expect(source.getByRole('option', { name: /^debian-12.*vCPU 1$/ })).toHaveCount(1);
  await source.selectOption('live 48377 0');
  await expect(beside.getByTestId('beside-what')).toContainText('debian-12');
  await expect(beside.getByTestId('beside-what')).toContainText('stop 1');
  await beside.getByRole('button', { name: 'Look again' }).press('Enter');
  await expect(beside.getByTestId('beside-what')).toContainText('stop 2');
  // The one in front stands where it stood, and what is typed is its own.
  await expect(page.getByTestId('stepper-now')).toContainText('stop 1');
  await window.jump('zmm3:f32[1]');
  const front = page.getByTestId('centre').getByRole('gridcell', { name: /^zmm3:f32\[1\] / });
  await expect(front).toBeFocused();
  await page.keyboard.type('2');
  await page.keyboard.press('Enter');
  await expect(window.staged()).toHaveText('1 staged');
  // Two lines a register, however narrow the two views are.
  for (const grid of await page.getByRole('grid', { name: /^zmm registers/ }).all()) {
    const lines = await grid
      .getByRole('row')
      .evaluateAll((rows) =>
        rows.map(
          (row) =>
            new Set(
              [...row.querySelectorAll('[role="gridcell"], [role="columnheader"].column-head')].map(
                (cell) => cell.getBoundingClientRect().top,
              ),
            ).size,
        ),
      );
    expect(Math.max(...lines)).toBeLessThanOrEqual(2);
  }
  await isSound(page, 'two guests');
  await page.mouse.move(0, 0);
  await window.shoot('played-beside');
  await resizeTo(page, 1100, 700);
  await expect(beside.getByTestId('beside-what')).toContainText('debian-12');
  await resizeTo(page, 1440, 900);

  // Another vCPU of the guest in front is attached to where it stands.
  await source.selectOption('attach 1');
  await expect(beside.getByTestId('beside-what')).toContainText('vCPU 1, stop 1');
  await page.keyboard.press('Control+\\');
  await expect(beside).toHaveCount(0);
});

test('[U18] Memory, Trace, Stops and the panes of a live vCPU hold WCAG 2.2 AA, and nothing of them is lost', async ({
  page,
  open,
}) => {
  await attached(page, open);
  const memory = page.getByTestId('memory');
  for (const [width, height] of [
    [1440, 900],
    [1100, 700],
  ] as const) {
    await resizeTo(page, width, height);
    await page.keyboard.press('Alt+4');
    for (const look of ['Values', 'Matrix', 'Hex']) {
      await memory.getByRole('radio', { name: look }).click();
      await expect(memory.getByTestId('memory-proof')).toContainText('41 translations');
      if (look === 'Matrix') {
        await memory.getByRole('combobox', { name: 'Beside' }).selectOption('tmm0');
        await expect(memory.getByTestId('memory-verdict')).toContainText('differ from tmm0');
      }
      await isSound(page, `memory, ${look}, ${width}`);
    }
    await page.keyboard.press('Alt+s');
    await isSound(page, `stops, ${width}`);
    await page.keyboard.press('Alt+s');
  }
  await resizeTo(page, 1440, 900);
  await expect(page.locator('[aria-current="step"]')).toContainText('tileloadd');
  await isSound(page, 'program');
  // Beside the program the bytes still have all their columns.
  const rows = memory.locator('.memory-rows');
  expect(await rows.evaluate((node) => node.scrollWidth - node.clientWidth)).toBe(0);
  expect(await memory.evaluate((node) => (node.parentElement?.scrollWidth ?? 0) - node.clientWidth)).toBe(0);
  await page.mouse.move(0, 0);
  await new TilesWindow(page).shoot('played-memory');
  // What the next instruction loads, beside its tile: the room of the inspector goes to the numbers.
  await page.getByRole('button', { name: 'memory beside tmm4' }).press('Enter');
  await expect(memory.getByTestId('memory-effect')).toContainText(
    'Rows 0 to 7 are done; this load goes on at row 8 and changes',
  );
  await expect(memory.getByTestId('memory-walk')).toContainText('PML4[254]');
  await memory.getByRole('radio', { name: 'int8', exact: true }).press('Space');
  const element = memory.getByRole('grid', { name: 'Matrix' }).locator('[data-memory]');
  await expect(element).toHaveCount(16 * 12);
  await page.keyboard.press('F7');
  await expect(memory.locator('[data-memory="8 1"]')).toBeFocused();
  await page.keyboard.press('End');
  await expect(memory.locator('[data-memory="8 63"]')).toBeFocused();
  await page.keyboard.press('Home');
  await expect(memory.locator('[data-memory="8 0"]')).toBeFocused();
  await isSound(page, 'memory beside the tile that is loaded');
  await page.mouse.move(0, 0);
  await new TilesWindow(page).shoot('played-memory-tile');
  await page.keyboard.press('Alt+t');
  await isSound(page, 'trace');
});

test('[RC6] stepped and run to a breakpoint by keyboard alone: the code stands still, and breakpoints and calls are tabs beside it', async ({
  page,
  open,
}) => {
  const window = await attached(page, open);
  const next = page.locator('[aria-current="step"]');
  await expect(next).toContainText('tileloadd tmm4');
  await page.keyboard.press('F11');
  await expect(window.state()).toHaveText('Stopped after 1 step');
  await expect(next).toContainText('tileloadd tmm5');
  await expect(page.locator('.program-line.executed')).toContainText('tileloadd tmm4');
  const first = page.getByRole('listitem').filter({ hasText: 'tilezero tmm0' });
  await expect(first).toBeVisible();
  // F9 on the line that the arrows lead to.
  await page.getByRole('list', { name: 'Instructions' }).focus();
  for (let down = 0; down < 5; down += 1) await page.keyboard.press('ArrowDown');
  await expect(page.locator('[data-address]:focus')).toContainText('tdpbssd tmm1');
  await page.keyboard.press('F9');
  await expect(page.locator('[data-address]:focus')).toContainText('breakpoint');
  await page.keyboard.press('F5');
  await expect(window.state()).toHaveText('Stopped at breakpoint 1');
  await expect(next).toContainText('tdpbssd tmm1');
  await isSound(page, 'at a breakpoint');
  await page.mouse.move(0, 0);
  await window.shoot('played-breakpoint');
  // The other tabs of the dock, and round again.
  for (const name of ['Breakpoints', 'Calls', 'Program']) {
    await page.keyboard.press('Control+PageDown');
    await expect(page.getByRole('region', { name, exact: true })).toBeFocused();
  }
  await page.keyboard.press('Alt+PageUp');
  await expect(page.getByRole('region', { name: 'Calls' })).toBeFocused();
  await page.keyboard.press('Alt+b');
  const breakpoints = page.getByRole('region', { name: 'Breakpoints' });
  await expect(breakpoints.getByRole('listitem')).toContainText('hit 1');
  await isSound(page, 'breakpoints');
  await breakpoints.getByRole('button', { name: /^Remove the breakpoint at/ }).press('Enter');
  await expect(breakpoints.getByRole('listitem')).toHaveCount(0);
  // The mouse's way, and back to where it was.
  await page.keyboard.press('Alt+p');
  await page.getByRole('listitem').filter({ hasText: 'dec ecx' }).locator('.program-gutter').click();
  await expect(page.getByRole('listitem').filter({ hasText: 'dec ecx' })).toContainText('breakpoint');
  await page.keyboard.press('F5');
  await expect(next).toContainText('dec ecx');
});

test('[TP6] a product that a single step made and that differs is said beside its instruction, in Stops and in Trace', async ({
  page,
  open,
}) => {
  await playGuests(page, false, [MISCALCULATING]);
  await open();
  const window = new TilesWindow(page);
  await window.attach('amx-wrong');
  const next = page.locator('[aria-current="step"]');
  const differs = page.getByTestId('step-differs');
  // Round and round: the product of the second round is the wrong one.
  for (const text of ['nop', 'jmp', 'tdpbssd']) {
    await page.keyboard.press('F11');
    await expect(next).toContainText(text);
    await expect(differs).toHaveCount(0);
  }
  await page.keyboard.press('F11');
  await expect(next).toContainText('nop');
  await expect(page.locator('.program-line.executed')).toContainText(
    'tmm0 is not the product: 1 of 16 elements differ',
  );
  await isSound(page, 'a product that differs');
  await page.mouse.move(0, 0);
  await window.shoot('played-step-differs');
  for (const text of ['jmp', 'tdpbssd', 'nop']) {
    await page.keyboard.press('F11');
    await expect(next).toContainText(text);
  }
  await expect(differs).toHaveCount(0);
  await page.keyboard.press('Alt+s');
  const wrong = page.getByRole('listbox', { name: 'Stops of this vCPU' }).locator('[data-stop="5"]');
  await expect(wrong).toContainText('tmm0 is not the product: 1 of 16 elements differ');
  await page.keyboard.press('Alt+t');
  const trace = page.getByTestId('trace');
  await expect(trace.getByTestId('trace-products')).toHaveText('1 of 3 products differ');
  await page.keyboard.press('F7');
  await expect(page.getByTestId('stepper-now')).toContainText('stop 5');
  await expect(trace.getByRole('option', { selected: true })).toContainText('1 of 16 differ');
});

test('[U1] vCPU, run control, and what is done seldom are in reach of the toolbar at every width', async ({
  page,
  open,
}) => {
  const window = await attached(page, open);
  const bar = page.getByTestId('toolbar');
  for (const [width, height, isNamed] of [
    [1440, 900, true],
    [1100, 700, false],
    [720, 450, false],
  ] as const) {
    await resizeTo(page, width, height);
    for (const name of ['Continue', 'Pause', 'Step', 'Step over', 'Step out', 'Run until…', 'Trace…']) {
      const button = bar.getByRole('button', { name, exact: true });
      await expect(button).toBeInViewport({ ratio: 1 });
      // Labels go first where room is short; the name stays.
      if (isNamed) await expect(button).toHaveText(name);
    }
    await isSound(page, `toolbar, ${width}`);
  }
  await resizeTo(page, 1440, 900);
  await page.getByTestId('vcpu').press('Enter');
  const menu = page.getByRole('menu', { name: 'vCPU' });
  await expect(menu.getByRole('menuitemradio')).toHaveText([/vCPU 0\s*stopped/, /vCPU 1\s*not attached/]);
  await isSound(page, 'vCPUs');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('vcpu')).toHaveText('vCPU 1 of 2');
  await expect(page.getByTestId('vcpu')).toBeFocused();
  await page.getByRole('button', { name: 'More' }).press('Enter');
  await expect(page.getByRole('menuitem', { name: 'Capture' })).toBeFocused();
  await isSound(page, 'more');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'More' })).toBeFocused();
  await expect(window.state()).toHaveText(/^Stopped/);
});

test('[DA5] registers that the next instruction reads and writes are underlined in their panes', async ({
  page,
  open,
}) => {
  await attached(page, open);
  await page.keyboard.press('Alt+3');
  const next = (what: string) => page.getByTitle(`the next instruction ${what} it`);
  await expect(next('writes')).toHaveText(['tmm4']);
  await page.getByRole('tab', { name: 'General' }).click();
  await expect(next('reads')).toHaveText(['rsi', 'r10']);
  await page.keyboard.press('F11');
  await expect(next('writes')).toHaveText(['tmm5']);
});

test('[DA8] who executes and who called whom by keyboard alone; a call leads to its code and back, a frame to memory', async ({
  page,
  open,
}) => {
  const window = await attached(page, open);
  await page.keyboard.press('Alt+c');
  const calls = page.getByRole('region', { name: 'Calls' });
  await expect(calls.getByTestId('calls-task')).toContainText('task amx-gemm, pid 812');
  await expect(calls.getByRole('listitem')).toHaveCount(5);
  await isSound(page, 'calls');
  await calls.getByRole('button', { name: 'layer_forward+0x1a7' }).press('Enter');
  await expect(page.getByTestId('live-program')).toBeVisible();
  await page.mouse.move(0, 0);
  await window.shoot('played-calls');
  await page.getByRole('button', { name: 'Back to RIP' }).press('Enter');
  await expect(page.getByRole('button', { name: 'Back to RIP' })).toHaveCount(0);
  // Program came to the front of their dock.
  await page.keyboard.press('Alt+c');
  await calls.getByRole('button', { name: 'Frame 1: memory at 0x7ffe1c2b4080' }).press('Enter');
  await expect(page.getByTestId('memory').getByRole('textbox', { name: 'Base' })).toHaveValue('0x7ffe1c2b4080');
});

test('[U18] so do what a Tilescope that died has left and the comparison with it', async ({ page, open }) => {
  await playGuests(page, true);
  await open();
  await expect(page.getByTestId('orphan')).toHaveCount(1);
  await isSound(page, 'left behind');
  await page
    .getByTestId('orphan')
    .getByRole('button', { name: /^Compare/ })
    .click();
  await expect(page.getByRole('dialog', { name: 'Orphaned edits' })).toContainText('xmm3');
  await isSound(page, 'compared');
});
