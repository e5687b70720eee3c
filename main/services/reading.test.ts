import { expect, test } from 'vitest';
import type { SessionEvent } from '../../app/bridge.ts';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { refuse } from '../../app/refusals/refusal.ts';
import { captureText } from '../../app/session/document.ts';
import { type Decode, decodeHere } from './file-states.ts';
import { createShared } from './opening.ts';
import type { Reading } from './reading.ts';
import { createSessions } from './sessions.ts';

const FILE = Buffer.from(captureText(sampleCapture())).toString('base64');
const nothing = async () => refuse('bad-call', 'not in this test');
const pageWith = (decode: Decode) => {
  const events: SessionEvent[] = [];
  const sessions = createSessions({
    ...{ startDemo: nothing, hostFacts: nothing, listTargets: nothing, openLive: nothing },
    ...{ openAtStart: null, journalFolder: '/nowhere', shared: createShared(), decode },
  });
  sessions.onEvent((event) => events.push(event));
  return { sessions, events };
};
const told = (name: string, cancel: () => void): Reading => ({ name, sizeBytes: 1, elapsedMs: 1_000, cancel });

test('[F18] a file that takes long is told to its page, and its end as well', async () => {
  const { sessions, events } = pageWith(async (request) => {
    request.onReading?.(told(request.name, () => undefined));
    return decodeHere(request);
  });
  expect(await sessions.openFile('a.json', FILE)).toMatchObject({ ok: true });
  expect(events).toMatchObject([
    { kind: 'reading', name: 'a.json', elapsedMs: 1_000 },
    { kind: 'reading', name: 'a.json', elapsedMs: null },
  ]);
});

test('[F18] one that is read at once is not told', async () => {
  const { sessions, events } = pageWith(decodeHere);
  expect(await sessions.openFile('a.json', FILE)).toMatchObject({ ok: true });
  expect(events).toEqual([]);
});

test.each(['cancelReading', 'close'] as const)('[F18] %s calls it off', async (way) => {
  const { sessions, events } = pageWith(
    (request) =>
      new Promise((resolve) => {
        request.onReading?.(told(request.name, () => resolve(refuse('file', 'called off'))));
      }),
  );
  const opening = sessions.openFile('a.json', FILE);
  await expect.poll(() => events).toHaveLength(1);
  await sessions[way]();
  expect(await opening).toMatchObject({ ok: false, refusal: { what: 'called off' } });
  expect(events.at(-1)).toMatchObject({ elapsedMs: null });
});
