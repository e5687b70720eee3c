import { expect, test } from 'vitest';
import type { SessionEvent } from '../app/bridge.ts';
import { createWebBridge, type Socket } from './web-bridge.ts';

interface FakeSocket extends Socket {
  readonly sent: string[];
  receive(message: unknown): void;
}

const socketPair = (): { bridge: ReturnType<typeof createWebBridge>; socket: FakeSocket } => {
  const sent: string[] = [];
  const socket: FakeSocket = {
    sent,
    send: (text) => sent.push(text),
    receive: (message) => socket.onmessage?.({ data: typeof message === 'string' ? message : JSON.stringify(message) }),
    onopen: null,
    onmessage: null,
    onclose: null,
  };
  return { bridge: createWebBridge(() => socket), socket };
};

const yes = (value: unknown): unknown => ({ ok: true, value });

test('requests made before the socket opened are sent once it does, in order', async () => {
  const { bridge, socket } = socketPair();
  const facts = bridge.hostFacts();
  const list = bridge.listTargets();
  expect(socket.sent).toEqual([]);
  socket.onopen?.();
  expect(socket.sent.map((text) => JSON.parse(text))).toEqual([
    { id: 1, verb: 'hostFacts', args: [] },
    { id: 2, verb: 'listTargets', args: [] },
  ]);
  socket.receive({ id: 2, answer: yes('list') });
  socket.receive({ id: 1, answer: yes('facts') });
  expect(await list).toEqual(yes('list'));
  expect(await facts).toEqual(yes('facts'));
});

test('arguments travel as they are', () => {
  const { bridge, socket } = socketPair();
  socket.onopen?.();
  void bridge.attach(4242, '918273', 1, false);
  expect(JSON.parse(socket.sent[0] ?? '')).toEqual({ id: 1, verb: 'attach', args: [4242, '918273', 1, false] });
});

test('every request ends: a closed socket refuses what waits and what comes after', async () => {
  const { bridge, socket } = socketPair();
  const events: SessionEvent[] = [];
  bridge.onEvent((event) => events.push(event));
  socket.onopen?.();
  const waiting = bridge.capture('s1');
  socket.onclose?.();
  expect(await waiting).toMatchObject({ ok: false, refusal: { code: 'host-gone' } });
  expect(await bridge.capture('s1')).toMatchObject({ ok: false, refusal: { code: 'host-gone' } });
  expect(events).toEqual([{ kind: 'host-gone', problem: expect.stringContaining('gone') }]);
});

test('what is no answer is a refusal, what is no message is left alone', async () => {
  const { bridge, socket } = socketPair();
  const events: SessionEvent[] = [];
  const leave = bridge.onEvent((event) => events.push(event));
  socket.onopen?.();
  const facts = bridge.hostFacts();
  for (const junk of ['not json', '[]', '7', { id: 99, answer: yes(1) }, { event: { kind: 'other' } }])
    socket.receive(junk);
  socket.receive({ id: 1, answer: 'yes' });
  expect(await facts).toMatchObject({ ok: false });
  expect(events).toEqual([]);
  socket.receive({ event: { kind: 'helper', problem: 'the helper died' } });
  leave();
  socket.receive({ event: { kind: 'helper', problem: null } });
  expect(events).toEqual([{ kind: 'helper', problem: 'the helper died' }]);
});

test('what a vCPU lost is told in its own event; one that is not whole is left out', () => {
  const { bridge, socket } = socketPair();
  const heard: SessionEvent[] = [];
  bridge.onEvent((event) => heard.push(event));
  const event = { kind: 'overwritten', session: 's1', parts: ['AVX', 'rip'], capture: { format: 'tilescope-capture' } };
  socket.receive({ event });
  for (const part of ['session', 'parts', 'capture']) socket.receive({ event: { ...event, [part]: undefined } });
  socket.receive({ event: { ...event, parts: ['AVX', 7] } });
  socket.receive({ event: { kind: 'helper', problem: 7 } });
  socket.receive({ event: { kind: 'other', session: 's1' } });
  expect(heard).toEqual([event]);
});
