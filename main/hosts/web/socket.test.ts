import { expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { sendJson } from './socket.ts';

const MIB = 1024 * 1024;

/** A socket in which so much waits to be sent. */
const socketWith = (bufferedAmount: number) => {
  const sent: string[] = [];
  let isLetGo = false;
  const socket = {
    ...{ OPEN: 1, readyState: 1, bufferedAmount },
    send: (text: string) => sent.push(text),
    terminate: () => {
      isLetGo = true;
    },
  };
  return { socket: socket as unknown as WebSocket, sent, isLetGo: () => isLetGo };
};

test('[C12] a page that does not read what it is sent is let go, with what waits for it', () => {
  const reading = socketWith(64 * MIB);
  sendJson(reading.socket, { id: 1 });
  expect([reading.sent, reading.isLetGo()]).toEqual([['{"id":1}'], false]);
  const deaf = socketWith(64 * MIB + 1);
  sendJson(deaf.socket, { id: 1 });
  expect([deaf.sent, deaf.isLetGo()]).toEqual([[], true]);
});

test('[C12] what no text can be made of ends its own socket', () => {
  const { socket, sent, isLetGo } = socketWith(0);
  sendJson(socket, { big: 1n });
  expect([sent, isLetGo()]).toEqual([[], true]);
});
