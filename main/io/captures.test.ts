import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sampleSession, sampleStop, sessionOf } from '../../app/fixtures/sample-session.ts';
import { sampleAmxCapture, sampleCapture } from '../../app/fixtures/samples.ts';
import { sessionText } from '../../app/session/session-document.ts';
import { oneState, readStates } from './captures.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-captures-'));
  path = join(folder, 'a.session.json');
  writeFileSync(path, sessionText(sampleSession()));
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('[F17] a saved session on disk', () => {
  test('one stop of it, by its number', async () => {
    const file = await readStates(path, { thread: 5 });
    const state = file.ok ? oneState(path, file.value) : file;
    expect(state.ok && state.value.label).toBe('stop 5, restored');
    expect(state.ok && state.value.capture).toEqual(sampleAmxCapture());
  });

  test('without a number its stops are listed', async () => {
    const file = await readStates(path);
    const state = file.ok ? oneState(path, file.value) : file;
    expect(state).toMatchObject({
      ok: false,
      refusal: {
        code: 'usage',
        what: 'the file holds 4 states: stop 1, attach, stop 2, before the loop, stop 3, capture, stop 5, restored',
        mend: 'Name one with --thread N, the number of its thread, vCPU or stop',
      },
    });
  });

  test('a stop that is not there, and a file that ends early, are refused', async () => {
    expect(await readStates(path, { thread: 4 })).toMatchObject({
      ok: false,
      refusal: { code: 'file', what: expect.stringContaining('there is no stop 4') },
    });
    writeFileSync(path, sessionText(sampleSession()).slice(0, -40));
    expect(await readStates(path)).toMatchObject({ ok: false, refusal: { code: 'file' } });
  });

  test('the only stop needs no number', async () => {
    writeFileSync(path, sessionText(sessionOf(sampleStop(1, sampleCapture()))));
    const file = await readStates(path);
    const state = file.ok ? oneState(path, file.value) : file;
    expect(state.ok && state.value.capture).toEqual(sampleCapture());
  });
});
