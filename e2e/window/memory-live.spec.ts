import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Page } from 'playwright/test';
import { PICTURED } from '../models/described-host.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { PICTURED_HAVING } from '../models/having.ts';
import { test } from '../models/host.ts';
import { fromMore, Window } from '../models/window.ts';

const { wide: WIDE } = PICTURED_HAVING;

/** Where the text lies in the guest's memory, and where a page of 4 KiB is mapped that its code does not use. */
const FILLED = 0x180000;
const TEXT = FILLED + 0x1230;
const PAGE = 0x200000;
/** XSAVE areas in it, as XSAVE and as XSAVEC write them. */
const [STANDARD, COMPACTED] = [FILLED + 0x3000, FILLED + 0x2000];
/** The end of its loop. */
const LOOP = 0x8003;
/** Its page directory, and a page table that the ROM leaves alone. */
const [DIRECTORY, TABLE] = [0x3000, 0x4000];
/** Present, writable, accessed, dirty. */
const USED = 0x63n;

test.use({ machine: PICTURED });

test.describe('the memory of a live QEMU guest in the window', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  let folder: string;
  test.beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tilescope-memory-live-'));
    const filling = Buffer.alloc(0x4000);
    for (let at = 0; at < filling.length; at += 1) filling[at] = (at * 7 + (at >> 8) * 13) & 0xff;
    filling.write('what the guest keeps', TEXT - FILLED);
    filling.set(area(0n, 2.5), STANDARD - FILLED);
    filling.set(area((1n << 63n) | 7n, -7.25), COMPACTED - FILLED);
    writeFileSync(join(folder, 'filling'), filling);
    const loader = `loader,file=${join(folder, 'filling')},addr=0x${FILLED.toString(16)},force-raw=on`;
    guest = await Guest.start({ name: 'kept-bytes', pictured: true, inMemory: true, more: ['-device', loader] });
    guest.store(TABLE, entry(BigInt(PAGE) | USED));
    guest.store(DIRECTORY + 8, entry(BigInt(TABLE) | USED));
    // Its loop ends in a jump to itself: the next instruction is the same wherever it is stopped.
    guest.store(LOOP + 1, Buffer.from([0xfe]));
  });
  test.afterAll(async () => {
    await guest?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const entry = (value: bigint): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return bytes;
  };
  /** x87, SSE and AVX in use; the lowest element of XMM3. */
  const area = (xcompBv: bigint, xmm3: number): Buffer => {
    const bytes = Buffer.alloc(832);
    bytes.writeUInt16LE(0x37f, 0);
    bytes.writeUInt32LE(0x1f80, 24);
    bytes.writeFloatLE(xmm3, 160 + 3 * 16);
    bytes.writeBigUInt64LE(7n, 512);
    bytes.writeBigUInt64LE(xcompBv, 520);
    return bytes;
  };
  const hex = (at: number): string => `0x${at.toString(16)}`;
  /** Out of QEMU's memory: its monitor waits for a vCPU that stands still. */
  const seen = (at: number, bytes: number): string => guest.stored(at, bytes).toString('hex');

  const goTo = async (page: Page, at: number): Promise<void> => {
    await page.getByTestId('memory').getByRole('textbox', { name: 'Base' }).focus();
    await page.keyboard.press('Control+A');
    await page.keyboard.type(hex(at));
    await page.keyboard.press('Enter');
  };
  const cell = (page: Page, at: number) =>
    page.getByTestId('memory').getByRole('gridcell', { name: new RegExp(`^${at.toString(16)} `) });
  const stage = async (page: Page, at: number, byte: string): Promise<void> => {
    await goTo(page, at - (at % 16));
    await cell(page, at).focus();
    await page.keyboard.type(byte);
    await page.keyboard.press('Enter');
    await expect(cell(page, at)).toHaveAccessibleName(`${at.toString(16)} ${byte}, staged`);
  };

  test('[DA7] [GW6] [GW4] found by its text, edited with a register, undone in one order, with who executes beside', async ({
    open,
  }) => {
    const footprint = guest.footprint();
    const found = guest.stored(FILLED, 0x4000);
    const page = await open();
    const window = new Window(page);
    const holds = (index: number, value: string): Promise<void> => {
      const path = `${WIDE}3:f32[${index}]`;
      return expect(window.cell(path)).toHaveAttribute('title', new RegExp(`\\] ${value.replace('.', '\\.')}(,|$)`));
    };
    await window.attach('kept-bytes');
    await page.keyboard.press('Alt+4');
    const memory = page.getByTestId('memory');
    await expect(memory.getByTestId('memory-proof')).toContainText(/proven by \d+ translations/);

    await goTo(page, FILLED);
    await memory
      .getByRole('button', { name: 'Find as' })
      .or(memory.getByRole('combobox', { name: 'Find as' }))
      .first()
      .selectOption('text');
    await memory.getByRole('textbox', { name: 'Find in memory' }).fill('guest keeps');
    await page.keyboard.press('Enter');
    await expect(memory.getByTestId('memory-found')).toHaveText(`found at ${hex(TEXT + 9)}`);
    await expect(memory.getByRole('textbox', { name: 'Base' })).toHaveValue(hex(TEXT));
    await cell(page, TEXT).focus();

    await page.mouse.move(0, 0);
    await window.shootLive('memory-live-found');

    // Three writes: memory, a register, both at once.
    await stage(page, TEXT + 5, '57');
    await window.apply();
    await expect(cell(page, TEXT + 5)).toHaveAccessibleName(/ 57, written and read back$/);
    await page.keyboard.press('Alt+2');
    await window.type(`${WIDE}3:f32[1]`, '-6.25');
    await window.apply();
    await page.keyboard.press('Alt+4');
    await stage(page, PAGE + 3, 'c3');
    await page.keyboard.press('Alt+2');
    await window.type(`${WIDE}3:f32[2]`, '2.5');
    await expect(window.staged()).toHaveText('2 staged');
    await page.keyboard.press('Alt+4');
    await page.mouse.move(0, 0);
    await window.shootLive('memory-live-staged');
    await window.apply();
    expect([seen(TEXT + 5, 1), seen(PAGE + 3, 1)]).toEqual(['57', 'c3']);

    // The guest takes the page away: nothing of that write can go back, and nothing is lost.
    guest.store(TABLE, entry(0n));
    await page.keyboard.press('Control+Z');
    const refused = page.getByRole('alert').filter({ hasText: 'no page in use' });
    await expect(refused).toBeVisible();
    expect(seen(PAGE + 3, 1)).toBe('c3');
    await page.keyboard.press('Alt+2');
    await holds(2, '2.5');
    // And gives it back.
    guest.store(TABLE, entry(BigInt(PAGE) | USED));
    await page.keyboard.press('Control+Z');
    await holds(2, '0');
    await holds(1, '-6.25');
    expect(seen(PAGE + 3, 1)).toBe('00');
    expect(seen(TEXT + 5, 1)).toBe('57');
    await page.keyboard.press('Control+Z');
    await holds(1, '0');
    expect(seen(TEXT + 5, 1)).toBe('57');
    await page.keyboard.press('Control+Z');
    await expect.poll(() => guest.stored(FILLED, 0x4000).equals(found)).toBe(true);

    await page.keyboard.press('Alt+c');
    const calls = page.getByRole('region', { name: 'Calls' });
    await expect(calls.getByTestId('calls-who')).toHaveText('64-bit code, CPL 0 (kernel), page tables at 0x1000');

    await page.mouse.move(0, 0);
    await window.shootLive('memory-live-who');

    // All of it was taken back: nothing that stands is left to be asked about.
    await fromMore(page, 'Detach');
    await expect(page.getByTestId('targets')).toBeVisible();
    expect(guest.footprint()).toEqual(footprint);
  });

  test('[TO4] an XSAVE area of memory, and that of the next instruction, stand beside and are compared with', async ({
    open,
  }) => {
    const footprint = guest.footprint();
    const page = await open();
    const window = new Window(page);
    await window.attach('kept-bytes');
    await page.keyboard.press('Alt+4');
    const memory = page.getByTestId('memory');
    const beside = page.getByTestId('beside');
    const what = beside.getByTestId('beside-what');
    const holds = (value: number) =>
      expect(beside.getByRole('gridcell', { name: new RegExp(`^${WIDE}3:f32\\[0\\] `) })).toHaveAttribute(
        'title',
        `${WIDE}3:f32[0] ${value}`,
      );
    const openAt = async (at: number): Promise<void> => {
      await goTo(page, at - (at % 16));
      await cell(page, at).focus();
      await memory.getByRole('button', { name: 'Open as XSAVE area' }).press('Enter');
    };
    await openAt(STANDARD);
    await expect(what).toContainText(`XSAVE area at ${hex(STANDARD)}, stop 1: to be read, not edited`);
    await holds(2.5);
    await openAt(COMPACTED);
    await expect(what).toContainText(`XSAVE area at ${hex(COMPACTED)}, stop 1`);
    await holds(-7.25);
    await beside.getByRole('radio', { name: 'Overview' }).click();
    await expect(beside).toContainText('compacted');
    // Bytes that are no area are none, and what stood beside stays.
    await openAt(FILLED);
    await expect(page.getByRole('alert').filter({ hasText: 'not a raw XSAVE image' })).toBeVisible();
    await openAt(FILLED + 0x8000);
    await expect(page.getByRole('alert').filter({ hasText: 'no XSAVE has written there' })).toBeVisible();
    await expect(what).toContainText(hex(COMPACTED));
    await page.keyboard.press('Alt+6');
    await expect(page.getByRole('combobox', { name: 'A', exact: true })).toHaveValue('file');

    // An instruction of the family comes to stand where it stands: it is never executed.
    const loop = guest.stored(LOOP, 8);
    const xrstor = Buffer.from([0x0f, 0xae, 0x2c, 0x25, 0, 0, 0, 0]);
    xrstor.writeUInt32LE(STANDARD, 4);
    guest.store(LOOP, xrstor);
    await page.keyboard.press('F8');
    await page
      .getByRole('list', { name: 'Instructions' })
      .getByRole('button', { name: `XSAVE area at ${hex(STANDARD)}` })
      .press('Enter');
    await expect(what).toContainText(`XSAVE area at ${hex(STANDARD)}, stop 2`);
    guest.store(LOOP, loop);
    await fromMore(page, 'Detach');
    await expect(page.getByTestId('targets')).toBeVisible();
    expect(guest.footprint()).toEqual(footprint);
  });
});
