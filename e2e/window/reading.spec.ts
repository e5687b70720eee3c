import { gzipSync } from 'node:zlib';
import { expect } from 'playwright/test';
import { Files } from '../models/files.ts';
import { test } from '../models/host.ts';

test.use({ machine: 'stories' });

/** A snapshot of two vCPUs with fifteen million numbers each: seconds of reading in sixty kilobytes. */
const longToRead = (): Uint8Array => {
  const numbers = `[${'0,'.repeat(15_000_000)}0]`;
  const vcpu = { snapshots: {}, snapshot_data: { state: `{"numbers":${numbers}}` } };
  const vcpus = { snapshots: { 0: vcpu, 1: vcpu }, snapshot_data: {} };
  return gzipSync(JSON.stringify({ snapshots: { 'cpu-manager': vcpus }, snapshot_data: {} }));
};

test('[F18] a file that takes long to read: what is read is told, the rest goes on, and it is called off', async ({
  open,
}) => {
  const files = new Files();
  try {
    const path = files.write('state.json.gz', longToRead());
    const page = await open();
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Open file…' }).click();
    await (await chooser).setFiles(path);
    const note = page.getByTestId('reading');
    await expect(note).toContainText('Reading state.json.gz');
    await expect(note).toContainText(/\d+ KB, for [1-9]\d* s by now\. Whatever else is open goes on\./);
    await expect(page.getByRole('listbox', { name: 'Models' }).getByRole('option').first()).toBeVisible();
    await note.getByRole('button', { name: 'Cancel reading' }).click();
    await expect(page.getByText('reading the file was called off')).toBeVisible();
    await expect(note).toHaveCount(0);
    // What is opened next is not held up by it.
    const again = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Open file…' }).click();
    await (await again).setFiles(files.capture());
    await expect(page.getByRole('tab', { name: 'Overview' })).toBeVisible();
  } finally {
    files.close();
  }
});
