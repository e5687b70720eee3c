import { describe, expect, test } from 'vitest';
import { createMessageReader, readInThread } from './message-reader.ts';
import { readLongMessage, readMessage } from './read-message.ts';

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text));
const message = (verb: string, ...args: unknown[]): Uint8Array<ArrayBuffer> =>
  bytesOf(JSON.stringify({ id: 7, verb, args }));

/** Threads in the place of the real one, which is a bundle of the build. */
const thread = (code: string): URL =>
  new URL(`data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'; ${code}`)}`);

describe('[C13] a long message', () => {
  test('hands a file over as bytes, of which nothing is copied', () => {
    const file = Uint8Array.from({ length: 3 << 20 }, (_, at) => at & 0xff);
    const { read, transfer } = readInThread(message('openFile', 'core', Buffer.from(file).toString('base64')));
    expect(read).toMatchObject({ id: 7, verb: 'openFile', problem: null });
    const [name, bytes] = (read?.args ?? []) as [string, Uint8Array];
    expect(name).toBe('core');
    expect(Buffer.compare(bytes, file)).toBe(0);
    expect(transfer).toEqual([bytes.buffer]);
    const state = readLongMessage(message('readState', 'core', 'AAAA', 3, 'zen5'));
    expect(state?.args).toEqual(['core', new Uint8Array(3), 3, 'zen5']);
  });

  test('the file named at the start has no bytes, and stays so', () => {
    expect(readLongMessage(message('openFile', 'core', ''))?.args).toEqual(['core', '']);
  });

  test('is checked before anything of it is handed back', () => {
    const refused = (bytes: Uint8Array<ArrayBuffer>) => readLongMessage(bytes);
    const brackets = `[${Array(100_000).fill('[]').join(',')}]`;
    expect(refused(bytesOf(`{"id":7,"verb":"apply","args":["x",${brackets}]}`))).toEqual({
      ...{ id: 7, verb: null, args: [] },
      problem: expect.stringContaining('apply, argument 1: has to be 32 hex digits'),
    });
    expect(refused(message('openFile', 'core', 'not base64!'))).toMatchObject({
      problem: expect.stringContaining('base64'),
    });
    const session = '0'.repeat(32);
    const wide = Array.from({ length: 100 }, () => ({ path: 'rax', value: '1'.repeat(60_000) }));
    expect(refused(message('apply', session, wide))).toMatchObject({ problem: expect.stringContaining('hands over') });
    expect(refused(message('apply', session, wide.slice(0, 10)))).toMatchObject({ verb: 'apply', problem: null });
    expect(refused(bytesOf('{"id":"7"}'))).toBeNull();
    expect(refused(bytesOf(`{"id":7,"verb":"${'['.repeat(100)}`))).toBeNull();
  });

  test('a short one is what it was: the call is checked where it is made', () => {
    expect(readMessage(message('openFile', 'core', 'AAAA'))).toEqual({
      ...{ id: 7, verb: 'openFile', args: ['core', 'AAAA'], problem: null },
    });
  });
});

describe('[C13] the thread that reads one', () => {
  const long = (): Uint8Array<ArrayBuffer> => message('listModels');

  test('answers, and has the bytes for itself', async () => {
    const reader = createMessageReader(
      thread(
        "parentPort.on('message', ({ message }) => parentPort.postMessage({ id: message.length, args: Object.keys(process.env) }));",
      ),
    );
    const bytes = long();
    const { length } = bytes;
    expect(await reader.read(bytes)).toEqual({ id: length, args: [] });
    expect(bytes.length).toBe(0);
    expect([reader.isLong(1000), reader.isLong(1 << 20)]).toEqual([false, true]);
  });

  test('that dies, or throws, has read nothing; the next message is read', async () => {
    for (const code of ['process.exit(3);', "parentPort.on('message', () => { throw new Error('no'); });"]) {
      const reader = createMessageReader(thread(code));
      expect(await Promise.all([reader.read(long()), reader.read(long()), reader.read(long())])).toEqual([
        ...[null, null, null],
      ]);
    }
  });

  test('two at once, the others wait; what is read ends with the host', async () => {
    const reader = createMessageReader(thread("parentPort.on('message', () => { for (;;); });"));
    const reads = Array.from({ length: 5 }, () => reader.read(long()));
    reader.close();
    expect(await Promise.all(reads)).toEqual([null, null, null, null, null]);
  });
});
