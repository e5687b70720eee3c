import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'playwright/test';
import { captureText } from '../../app/session/document.ts';
import { FrameReader } from '../../app/wire/frames.ts';
import { MESSAGES, type MessageName, type ReplyOf } from '../../app/wire/messages.ts';
import { toCapture } from '../../app/wire/to-capture.ts';
import { test } from '../models/host.ts';
import { TilesWindow } from '../models/tiles-window.ts';

// Nothing here is this machine's own: the same story, and the same pictures, everywhere.
test.use({ machine: 'stories' });

/** The session recorded on KVM with AMX: e2e/captures/README.md lists its steps. */
const recorded = (file: string): Buffer => readFileSync(join(import.meta.dirname, '../captures', file));
const steps = JSON.parse(recorded('amx-session.json').toString()) as { requestId: number; step: string }[];
const { frames } = new FrameReader().push(Uint8Array.from(recorded('amx-session.frames')));

const replyTo = <N extends MessageName>(message: N, name: string): ReplyOf<N> => {
  const requestId = steps.find(({ step }) => step === name)?.requestId;
  const frame = frames.find((answer) => answer.requestId === requestId);
  const reply = frame === undefined ? undefined : MESSAGES[message].decode(frame.payload);
  if (!reply?.ok) throw new Error(`no answer to ${name} in the recording`);
  return reply.value as ReplyOf<N>;
};

const captured = (name: string): string => {
  const identity = { kind: 'file', vmm: 'demo-vmm', name, pid: null, startTimeTicks: null } as const;
  const target = { ...identity, executable: null, vcpu: 0, tid: null };
  const capture = toCapture(replyTo('capture', name), replyTo('attach', 'attached'), replyTo('hello', 'hello'), target);
  if (!capture.ok) throw new Error(`the capture ${name} does not decode`);
  return captureText(capture.value);
};

test('the session recorded on KVM with AMX is replayed: the element changed, XFD armed, tiles released', async ({
  open,
}) => {
  const folder = mkdtempSync(join(tmpdir(), 'tilescope-amx-'));
  const shown = async (name: string): Promise<TilesWindow> => {
    const file = join(folder, `${name}.json`);
    writeFileSync(file, captured(name));
    const tiles = new TilesWindow(await open());
    await tiles.openCapture(file);
    return tiles;
  };
  try {
    const changed = await shown('after-change');
    await expect(changed.page.getByTestId('tilecfg-rules')).toHaveText('6 of 6 rules hold');
    // 5eed5eedH, which the helper wrote and the guest's own TILESTORED then stored.
    await expect(changed.element(0, 3, 5)).toHaveAccessibleName(/^tmm0\[3\]\[5\] 1592614637/);

    const inHandler = await shown('in-nm-handler');
    await expect(inHandler.page.getByRole('option', { name: /^TILEDATA, bit 18, init/ })).toBeVisible();
    await inHandler.page.keyboard.press('Alt+5');
    await expect(inHandler.page.getByTestId('centre')).toContainText('40000');
    await expect(inHandler.page.getByTestId('centre')).toContainText('#NM');

    const released = await shown('released');
    await expect(released.page.getByTestId('tilecfg')).toContainText('TILECFG is in init');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
