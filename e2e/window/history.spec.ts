import { readFileSync } from 'node:fs';
import { expect, type Page } from 'playwright/test';
import { PICTURED } from '../models/described-host.ts';
import { Files } from '../models/files.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { fitting, PICTURED_HAVING } from '../models/having.ts';
import { test } from '../models/host.ts';
import { shown, tilescope, tilescopeJson } from '../models/tilescope.ts';
import { fromMore, Window } from '../models/window.ts';

const { wide: WIDE } = PICTURED_HAVING;

const FOUND = fitting(
  ['zmm3:f32=0.5,-1,0,0.25,1,2.75,-0.75,2,0.125,0,-0.5,1,1.5,0.25,0,-1', 'k1=0xffff'],
  PICTURED_HAVING,
);
/** Of the other vCPU. */
const OTHER = ['xmm9:f32=0.5,-1,0,0.25'];
const PATHS = fitting(['zmm3', 'k1', 'mxcsr'], PICTURED_HAVING);

/** Opens the file that the act asks for. */
const choose = async (page: Page, act: () => Promise<void>, path: string): Promise<void> => {
  const chooser = page.waitForEvent('filechooser');
  await act();
  await (await chooser).setFiles(path);
};

/** What the next act downloads: its name and its bytes. */
const downloaded = async (page: Page, act: () => Promise<void>): Promise<{ name: string; bytes: Buffer }> => {
  const download = page.waitForEvent('download');
  await act();
  const file = await download;
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
};

test.use({ machine: PICTURED });

test.describe('history', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  let files: Files;
  test.beforeAll(async () => {
    files = new Files();
    guest = await Guest.start({ name: 'history', vcpus: 2, allCount: true, pictured: true });
  });
  // Each story finds the same, whatever ran before: QEMU writes its own copy back when its monitor is asked, and that lacks parts of a
  // vector register on some hosts.
  test.beforeEach(async () => {
    await guest.putOutOfInit(2);
    for (const [vcpu, found] of [FOUND, OTHER].entries()) {
      const set = await tilescope('set', '--pid', String(guest.pid), '--vcpu', String(vcpu), ...found);
      expect(set.code, set.err).toBe(0);
    }
  });
  test.afterAll(async () => {
    await guest?.stop();
    files.close();
  });

  const show = (vcpu: number): Promise<Record<string, unknown>> =>
    shown('--pid', String(guest.pid), '--vcpu', String(vcpu), ...PATHS);

  test('two vCPUs keep what is staged and written in each, are compared, and go back together', async ({ open }) => {
    const found = [await show(0), await show(1)];
    const page = await open();
    const window = new Window(page);
    await expect(window.target('history')).toBeVisible();
    await window.attach('history');
    await page.keyboard.press('Alt+2');
    await window.type(`${WIDE}3:f32[1]`, '-6.25');
    await window.apply();
    await window.type(`${WIDE}3:f32[2]`, '7');
    await expect(window.staged()).toHaveText(/1 staged/);

    await page.keyboard.press('Control+2');
    await expect(window.staged()).toHaveCount(0);
    await expect(page.getByRole('heading', { name: 'Components' }).locator('..')).toContainText('vCPU 1');
    await window.type(`${WIDE}3:f32[1]`, '0.125');
    await window.apply();

    await page.keyboard.press('Alt+6');
    const compare = page.getByTestId('compare');
    await compare.getByRole('combobox', { name: 'A', exact: true }).selectOption('0:2');
    await expect(compare.getByRole('row', { name: /xmm3:f32\[1\]/ })).toContainText('6.25');
    await expect(compare.getByRole('row', { name: /xmm3:f32\[1\]/ })).toContainText('0.125');
    await window.shootLive('history-two-vcpus');

    await page.keyboard.press('Control+1');
    await expect(window.staged()).toHaveText(/1 staged/);
    await fromMore(page, 'Detach');
    const dialog = page.getByRole('dialog', { name: /^Detach/ });
    await expect(dialog.getByRole('list', { name: 'vCPUs with edits' }).getByRole('listitem')).toHaveCount(2);
    await window.shootLive('history-detach-asks');
    await dialog.getByRole('button', { name: 'Restore and detach' }).click();
    await expect(page.getByTestId('targets')).toBeVisible();
    expect([await show(0), await show(1)]).toEqual(found);
    await guest.progress();
  });

  test('stops are scrubbed by mouse and keys, the session is saved, opened, and its state restored from the file', async ({
    open,
  }) => {
    const found = await show(0);
    const page = await open();
    const window = new Window(page);
    await expect(window.target('history')).toBeVisible();
    await window.attach('history');
    await page.keyboard.press('Alt+2');
    for (const value of ['1', '2', '3', '4', '5', '6']) {
      await window.type(`${WIDE}3:f32[1]`, value);
      await window.apply();
    }
    await page.getByRole('textbox', { name: 'Label of stop 7' }).fill('six');
    await page.keyboard.press('Enter');

    const track = page.getByRole('slider', { name: 'Stop' });
    await expect(track).toHaveAttribute('aria-valuenow', '7');
    const box = await track.boundingBox();
    if (box === null) throw new Error('the history has no place');
    const xOf = (stop: number): number => box.x + ((stop - 0.5) / 8) * box.width;
    await page.mouse.move(xOf(7), box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(xOf(3), box.y + box.height / 2, { steps: 8 });
    await expect(track).toHaveAttribute('aria-valuenow', '3');
    // The pointer is followed outside the strip too.
    await page.mouse.move(box.x - 40, box.y - 200, { steps: 4 });
    await expect(track).toHaveAttribute('aria-valuenow', '1');
    await page.mouse.up();
    await page.keyboard.press('End');
    await expect(track).toHaveAttribute('aria-valuenow', '7');
    await page.keyboard.press('Alt+ArrowLeft');
    await expect(window.cell(`${WIDE}3:f32[1]`)).toContainText('5');

    const saved = await downloaded(page, () => page.keyboard.press('Control+s'));
    expect(saved.name).toContain('history');
    await fromMore(page, 'Detach');
    await page.getByRole('dialog').getByRole('button', { name: 'Restore and detach' }).click();
    await expect(page.getByTestId('targets')).toBeVisible();
    expect(await show(0)).toEqual(found);

    const file = files.write('history.session.json', saved.bytes);
    await choose(page, () => page.getByRole('button', { name: 'Open file…' }).click(), file);
    await expect(page.getByTestId('saved-session')).toBeVisible();
    await expect(track).toHaveAttribute('aria-valuemax', '7');
    await page.keyboard.press('Alt+2');
    await window.shootLive('history-opened');
    const stop = await tilescopeJson<Record<string, number[]>>('show', `${file}@4`, `${WIDE}3:f32`);
    expect(stop[`${WIDE}3:f32`]?.slice(0, 4)).toEqual([0.5, 3, 0, 0.25]);
    await fromMore(page, 'Close');

    await expect(window.target('history')).toBeVisible();
    await window.attach('history');
    await window.restoreDialog();
    const dialog = page.getByRole('dialog', { name: 'Restore' });
    await dialog.getByRole('radio', { name: 'A file' }).click();
    await choose(page, () => dialog.getByRole('button', { name: /^Choose a file/ }).click(), file);
    await dialog.getByRole('combobox', { name: 'State of the file' }).selectOption('4');
    await expect(dialog.getByTestId('restore-verdict')).toHaveAttribute('data-fits', 'yes');
    await expect(dialog.getByTestId('restore-origin')).toHaveCount(0);
    await window.shootLive('history-restore-file');
    await dialog.getByTestId('restore-now').click();
    await expect(dialog).toHaveCount(0);
    await page.keyboard.press('Alt+2');
    await expect(window.cell(`${WIDE}3:f32[1]`)).toContainText('3');
    await fromMore(page, 'Detach');
    await page.getByRole('dialog').getByRole('button', { name: 'Restore and detach' }).click();
    await expect(page.getByTestId('targets')).toBeVisible();
    expect(await show(0)).toEqual(found);
    await guest.progress();
  });

  test('the state of another vCPU goes into this one with the user’s word alone, given by keyboard', async ({
    open,
  }) => {
    const held = await show(0);
    expect(await show(1)).not.toEqual(held);
    const file = files.write('vcpu-0.json', '');
    const capture = await tilescope('capture', '--pid', String(guest.pid), '--vcpu', '0', '--out', file);
    expect(capture.code, capture.err).toBe(0);
    const page = await open();
    const window = new Window(page);
    await expect(window.target('history')).toBeVisible();
    await window.attach('history');
    await page.keyboard.press('Control+2');
    await expect(page.getByRole('heading', { name: 'Components' }).locator('..')).toContainText('vCPU 1');

    await window.restoreDialog();
    const dialog = page.getByRole('dialog', { name: 'Restore' });
    const restore = dialog.getByTestId('restore-now');
    const consent = dialog.getByRole('checkbox', { name: /^This is the state of another vCPU/ });
    await dialog.getByRole('radio', { name: 'A file' }).click();
    await choose(page, () => dialog.getByRole('button', { name: /^Choose a file/ }).press('Enter'), file);
    await expect(dialog.getByTestId('restore-origin')).toContainText('vCPU 0');
    await expect(consent).not.toBeChecked();
    await expect(restore).toHaveAttribute('aria-disabled', 'true');
    await expect(restore).toHaveAttribute('title', /the state of another vCPU/);
    await restore.press('Enter');
    await expect(dialog).toBeVisible();
    await page.mouse.move(0, 0);
    await window.shootLive('history-restore-other');

    // Said once, it does not hold for the next source.
    await consent.focus();
    await page.keyboard.press('Space');
    await expect(restore).not.toHaveAttribute('aria-disabled', 'true');
    await dialog.getByRole('radio', { name: 'State at attach' }).click();
    await dialog.getByRole('radio', { name: 'A file' }).click();
    await expect(restore).toHaveAttribute('aria-disabled', 'true');
    await consent.focus();
    await page.keyboard.press('Space');
    await restore.press('Enter');
    await expect(dialog).toHaveCount(0);
    await page.keyboard.press('Alt+2');
    await expect(window.cell(`${WIDE}3:f32[5]`)).toContainText('2.75');
    await expect(window.cell(`${WIDE}3:f32[5]`)).toHaveAttribute('data-mark', 'written');

    await fromMore(page, 'Detach');
    await page.getByRole('dialog').getByRole('button', { name: 'Keep my edits' }).click();
    await expect(page.getByTestId('targets')).toBeVisible();
    // Both vCPUs hold the same registers now.
    expect([await show(0), await show(1)]).toEqual([held, held]);
    await guest.progress();
  });
});
