import { expect } from 'playwright/test';
import { PICTURED } from '../models/described-host.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { fitting, PICTURED_HAVING } from '../models/having.ts';
import { test } from '../models/host.ts';
import { tilescope, tilescopeJson } from '../models/tilescope.ts';
import { fromMore, Window } from '../models/window.ts';

/** Values of its own. */
const FOUND = fitting(
  ['zmm0:f32=-0.5,-0.75,-1,2,-1,-1,0.25,-0.75,1,1.5,2,1.5,0.125,0.125,-1,-1', 'k1=0xffff', 'mxcsr=0x1fa0'],
  PICTURED_HAVING,
);

/** The guest runs in ROM, which is no memory that is known. */
const UNKNOWN = '; its code is not known: TF may be stored in the guest';

interface Steps {
  readonly stops: readonly { readonly rip: string }[];
}

test.use({ machine: PICTURED });

test.describe('a live QEMU guest driven from the window', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  let round: readonly string[];
  test.beforeAll(async () => {
    guest = await Guest.start({ name: 'drive', pictured: true });
    const set = await tilescope('set', '--pid', String(guest.pid), ...FOUND);
    expect(set.code, set.err).toBe(0);
    const { stops } = await tilescopeJson<Steps>('step', '--pid', String(guest.pid), '8');
    round = [...new Set(stops.map(({ rip }) => rip))].sort((a, b) => Number(a) - Number(b));
  });
  test.afterAll(async () => {
    await guest?.stop();
  });

  test('[RC6] step it with F11, run it to a breakpoint with F5, and to a condition', async ({ open }) => {
    const footprint = guest.footprint();
    const [first = '', second = ''] = round;
    const page = await open();
    const window = new Window(page);
    await expect(window.target('drive')).toBeVisible();
    await window.attach('drive');
    const drive = page.getByTestId('breakpoints');
    const outcome = page.getByTestId('drive-outcome');
    const dialog = page.getByRole('dialog', { name: 'Run until' });

    await page.keyboard.press('F11');
    await expect(outcome).toHaveText(`one instruction${UNKNOWN}`);
    await page.keyboard.press('F11');
    await expect(page.getByText('stop 3', { exact: false }).first()).toBeVisible();
    await page.keyboard.press('Control+F11');
    await dialog.getByRole('textbox', { name: 'How many instructions' }).fill('250');
    await dialog.getByRole('textbox', { name: 'How many instructions' }).press('Enter');
    await expect(outcome).toHaveText(`250 instructions${UNKNOWN}`);
    await expect(window.state()).toHaveText('Stopped after 250 steps');

    await page.keyboard.press('Alt+b');
    await drive.getByRole('textbox', { name: 'Address of a breakpoint' }).fill(first);
    await drive.getByRole('button', { name: 'Add the breakpoint' }).click();
    await expect(drive.getByRole('checkbox', { name: `Break at ${first}` })).toBeChecked();
    for (const hits of [1, 2]) {
      await page.keyboard.press('F5');
      await expect(drive.getByText(`hit ${hits}`, { exact: true })).toBeVisible();
      await expect(window.state()).toHaveText('Stopped at breakpoint 1');
    }
    await page.keyboard.press('Alt+p');
    await expect(outcome).toHaveText(first);
    await window.shootLive('drive-breakpoint-hit');

    await page.keyboard.press('Control+F5');
    await dialog.getByRole('textbox', { name: 'Condition' }).fill(`rip == ${second}`);
    await dialog.getByRole('textbox', { name: 'Condition' }).press('Enter');
    await expect(outcome).toHaveText(new RegExp(`^rip == ${second}, after \\d+ instructions${UNKNOWN}$`));
    await page.keyboard.press('Control+F5');
    await dialog.getByRole('textbox', { name: 'Condition' }).fill('xmm3 changes');
    await dialog.getByTestId('run-until-start').click();
    await expect(outcome).toHaveAttribute('data-phase', 'driving');
    await outcome.getByRole('button', { name: 'Stop here' }).click();
    await expect(outcome).toHaveText(`stopped by hand${UNKNOWN}`);

    await page.keyboard.press('Alt+b');
    const address = drive.getByRole('textbox', { name: 'Address of a breakpoint' });
    const add = drive.getByRole('button', { name: 'Add the breakpoint' });
    await address.fill(`${first} if rip == 0`);
    await add.click();
    await page.keyboard.press('F5');
    // Past one instruction it would be hit at once.
    await expect(window.state()).toHaveText('Running to a breakpoint');
    await page.keyboard.press('Shift+F5');
    await expect(window.state()).toHaveText('Stopped by hand');
    await expect(drive.getByText('hit 2', { exact: true })).toBeVisible();
    await address.fill(`${first} if rip == ${first}`);
    await add.click();
    await page.keyboard.press('F5');
    await expect(drive.getByText('hit 3', { exact: true })).toBeVisible();
    await expect(window.state()).toHaveText('Stopped at breakpoint 1');
    await expect(drive.getByText(`${first} if rip == ${first}`)).toBeVisible();
    await drive.getByRole('checkbox', { name: `Break at ${first}` }).uncheck();
    await window.continue();
    await guest.progress();
    await fromMore(page, 'Detach');
    await expect(page.getByTestId('targets')).toBeVisible();
    await guest.progress();
    expect(guest.footprint()).toEqual(footprint);
  });
});
