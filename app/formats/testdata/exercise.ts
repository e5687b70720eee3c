import { assert, type Decoded } from '../../bits/decoded.ts';
import type { Capture } from '../../capture/capture.ts';
import { presetLayout } from '../../fixtures/preset-captures.ts';
import { captureText, parseCaptureText } from '../../session/document.ts';
import { parseSessionText, sessionText } from '../../session/session-document.ts';
import { convertImage } from '../../xsave/convert.ts';
import { openBytes } from '../detect.ts';
import { writeCore } from '../elf-write.ts';
import { gdbCommands } from '../export/gdb.ts';
import { reportText } from '../export/report.ts';
import type { OpenedFile } from '../opened.ts';

/*
 * Files made by an enemy. Whatever the bytes: an answer, in bounded time and memory, and never an exception. What opens is
 * used: a layout that lies would throw later, in whoever shows it.
 */
const MOST_STATES = 8192;
const MOST_BYTES = 1 << 20;

/** Whether two values are the same to their depth; Node has one, which this folder does not see. */
export type IsSame = (a: unknown, b: unknown) => boolean;

export const exerciseWith = (opened: Decoded<OpenedFile>, isSame: IsSame): void => {
  if (!opened.ok) return;
  const { states } = opened.value;
  assert(states.length > 0 && states.length <= MOST_STATES, `${states.length} states`);
  for (const { capture } of states.slice(0, 4)) {
    const { image } = capture;
    assert(image.bytes.length <= MOST_BYTES && image.layout.totalBytes <= MOST_BYTES, 'an image without end');
    // A copy of its own, so that a file of gigabytes is not held by a few kilobytes of it.
    assert(image.bytes.buffer.byteLength === image.bytes.length, 'a view that holds the whole file');
    reportText(capture);
    gdbCommands(capture);
    convertImage(image, presetLayout('granite-rapids'));
    readsBack(capture, isSame);
  }
};

/** What opens can be saved, and what is saved opens again and is the same: as a capture, as a core, as a session. */
const readsBack = (capture: Capture, isSame: IsSame): void => {
  const again = parseCaptureText(captureText(capture));
  assert(again.ok, 'it does not read back');
  assert(isSame(again.value, capture), 'it reads back as another');
  const written = writeCore(capture);
  assert(!written.ok || openBytes('core', written.value).ok, 'a core that is written does not open');
  const stop = { number: 1, cause: 'file', label: null, write: null, event: null, capture } as const;
  const saved = sessionText({ product: 'Tilescope', savedAtMs: 1, pinned: null, stops: [stop] });
  assert(parseSessionText(saved).ok, 'a session that is saved does not open');
};
