import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sampleSession, sampleStop, sessionOf } from '../../app/fixtures/sample-session.ts';
import { sampleAmxCapture, sampleCapture } from '../../app/fixtures/samples.ts';
import { writeCore } from '../../app/formats/elf-write.ts';
import { vcpuStream } from '../../app/formats/testdata/qemu-stream-file.ts';
import { sessionText } from '../../app/session/session-document.ts';
import { MAX_FILE_BYTES, oneState, readStates } from './captures.ts';

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
        remedy: 'Name one with --thread N, the number of its thread, vCPU or stop',
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

test('[F25] of a migration stream with gigabytes of memory beginning and end are read', async () => {
  const stream = vcpuStream([{ xcr0: 0xe7n, xstateBv: 0xe7n }], { memory: new Uint8Array(1 << 16) });
  const at = 4 * MAX_FILE_BYTES;
  writeFileSync(path, stream.subarray(0, 4096));
  truncateSync(path, at + stream.length);
  const file = openSync(path, 'r+');
  writeSync(file, stream, 4096, stream.length - 4096, at + 4096);
  closeSync(file);
  const opened = await readStates(path);
  expect(opened.ok && opened.value.states.map(({ label }) => label)).toEqual(['vCPU 0']);
  truncateSync(path, at);
  expect(await readStates(path)).toMatchObject({ ok: false, refusal: { what: expect.stringContaining('QEVM') } });
});

test('[F5] of a core with gigabytes of memory the notes are read, where gdb puts them: behind it', async () => {
  const written = writeCore(sampleAmxCapture());
  if (!written.ok) throw new Error('no core');
  const core = written.value;
  const E_PHOFF = 32;
  const P_OFFSET = 8;
  const view = new DataView(core.buffer, core.byteOffset, core.length);
  const place = Number(view.getBigUint64(E_PHOFF, true)) + P_OFFSET;
  const notesAt = Number(view.getBigUint64(place, true));
  const far = 4 * MAX_FILE_BYTES;
  view.setBigUint64(place, BigInt(far), true);
  writeFileSync(path, core.subarray(0, notesAt));
  truncateSync(path, far);
  const file = openSync(path, 'r+');
  writeSync(file, core, notesAt, core.length - notesAt, far);
  closeSync(file);
  const opened = await readStates(path);
  expect(opened.ok && opened.value.states[0]?.capture.image.bytes).toEqual(sampleAmxCapture().image.bytes);
  truncateSync(path, far + 8);
  expect(await readStates(path)).toMatchObject({ ok: false, refusal: { what: expect.stringContaining('cut short') } });
});

test('[F25] of a disk image of any size the states of its snapshots are read', async () => {
  const image = gunzipSync(
    readFileSync(new URL('../../app/formats/testdata/qemu-7.2-savevm.qcow2.gz', import.meta.url)),
  );
  writeFileSync(path, image);
  truncateSync(path, 4 * MAX_FILE_BYTES);
  const opened = await readStates(path, { thread: 1 });
  expect(opened.ok && opened.value.states.map(({ label }) => label)).toEqual(['vCPU 1 of second']);
  writeFileSync(path, image.subarray(0, 4096));
  truncateSync(path, 4 * MAX_FILE_BYTES);
  expect(await readStates(path)).toMatchObject({
    ok: false,
    refusal: { what: expect.stringContaining('a qcow2 disk image'), where: path },
  });
});
