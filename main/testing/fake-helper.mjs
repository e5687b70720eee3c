/**
 * A helper that misbehaves on request, for the tests of helper.ts: it speaks frames, and the word it is started with says
 * how. Its frames are laid by hand, so that a fault in app/wire cannot hide behind itself.
 */
import { readFileSync, writeSync } from 'node:fs';

const [mode = 'good'] = process.argv.slice(2);
const HELLO = 0x01;
const LIST = 0x02;
const DETACH = 0x04;
const FREEZE = 0x05;
const RUN = 0x30;
const STEPS = 0x81;
const STOPPED = 0x82;
const OK = 0;
const REFUSED = 1;
const EVENT = 2;
/** The version of the day: the header is the contract of both sides. */
const HEADER = readFileSync(new URL('../../native/wire/protocol.h', import.meta.url), 'utf8');
const VERSION = Number(/PROTOCOL_VERSION (\d+)u/.exec(HEADER)?.[1]);

/** @param {number} requestId @param {number} code @param {number} status @param {Buffer} payload */
const frame = (requestId, code, status, payload) => {
  const header = Buffer.alloc(16);
  [payload.length, requestId, code, status].forEach((value, index) => {
    header.writeUInt32LE(value, index * 4);
  });
  return Buffer.concat([header, payload]);
};

/** @param {Buffer} bytes */
const send = (bytes) => {
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
};

const hello = () => {
  const payload = Buffer.alloc(112);
  payload.writeUInt32LE(mode === 'version' ? 99 : VERSION, 0);
  payload.writeUInt32LE(process.pid, 4);
  payload.write('6.1.0-fake', 48, 'ascii');
  return payload;
};

const refusal = () => {
  const payload = Buffer.alloc(256);
  payload.writeUInt32LE(26, 0); // REASON_YAMA
  payload.writeInt32LE(1, 4);
  return payload;
};

/** Of process 1. @param {number} vcpuIndex */
const steps = (vcpuIndex) => {
  const payload = Buffer.alloc(16 + 144);
  [1, vcpuIndex, 144, 1].forEach((value, at) => {
    payload.writeUInt32LE(value, at * 4);
  });
  payload.writeBigUInt64LE(0x4242n, 16 + 128);
  return payload;
};

/** @param {number} vcpuIndex @param {number} reason @param {number} recordCount */
const stopped = (vcpuIndex, reason, recordCount) => {
  const payload = Buffer.alloc(64);
  payload.writeUInt32LE(1, 0);
  payload.writeUInt32LE(vcpuIndex, 4);
  payload.writeUInt32LE(reason, 32);
  payload.writeUInt32LE(recordCount, 60);
  return payload;
};

/** Every way in which a run ends. @param {number} id */
const run = (id) => {
  const begun = frame(id, RUN, OK, Buffer.alloc(0));
  if (mode === 'runs') return send(begun);
  if (mode === 'run-other') return send(Buffer.concat([begun, frame(0, STOPPED, EVENT, stopped(7, 0, 0))]));
  if (mode === 'run-short') return send(Buffer.concat([begun, frame(0, STOPPED, EVENT, stopped(0, 0, 2))]));
  if (mode === 'run-cut') return send(Buffer.concat([begun, frame(0, STEPS, EVENT, steps(0).subarray(0, 80))]));
  if (mode === 'run-dies') {
    send(begun);
    return process.exit(3);
  }
  if (mode === 'run-failed') {
    const event = Buffer.concat([stopped(0, 4, 0), refusal()]);
    return send(Buffer.concat([begun, frame(0, STOPPED, EVENT, event)]));
  }
  const some = frame(0, STEPS, EVENT, steps(0));
  return send(Buffer.concat([begun, some, some, frame(0, STOPPED, EVENT, stopped(0, 0, 2))]));
};

const thread = () => {
  const payload = Buffer.alloc(16);
  payload.writeBigUInt64LE(1234n, 0);
  payload.writeUInt32LE(1, 12);
  return payload;
};

/** @param {number} id @param {number} code */
const answer = (id, code) => {
  if (code === HELLO) return mode === 'mute' ? undefined : send(frame(id, code, OK, hello()));
  switch (mode) {
    case 'die':
      process.stderr.write('tilescope-helper: the world ended\n');
      return process.exit(3);
    case 'silent':
      return undefined;
    case 'nonsense':
      return send(Buffer.alloc(64, 0xff));
    case 'wrong-id':
      return send(frame(id + 1, code, OK, Buffer.alloc(8)));
    case 'wrong-code':
      return send(frame(id, code + 1, OK, Buffer.alloc(8)));
    case 'short-reply':
      return send(frame(id, code, OK, Buffer.alloc(3)));
    case 'half':
      send(frame(id, code, OK, Buffer.alloc(8)).subarray(0, 10));
      return process.exit(0);
    default:
      break;
  }
  if (code === LIST) {
    const whole = frame(id, code, OK, Buffer.alloc(16));
    // In single bytes, with an event in front: a stream has no edges.
    for (const byte of Buffer.concat([frame(0, 0x80, EVENT, Buffer.alloc(8)), whole])) send(Buffer.of(byte));
    return undefined;
  }
  if (code === DETACH) return send(frame(id, code, REFUSED, refusal()));
  if (code === RUN) return run(id);
  if (code === FREEZE && mode === 'runs') send(frame(0, STOPPED, EVENT, stopped(0, 3, 0)));
  if (code === FREEZE) return send(frame(id, code, OK, thread()));
  return send(frame(id, code, REFUSED, Buffer.alloc(256)));
};

let held = Buffer.alloc(0);
process.stdin.on('data', (chunk) => {
  held = Buffer.concat([held, chunk]);
  while (held.length >= 16 && held.length >= 16 + held.readUInt32LE(0)) {
    const size = 16 + held.readUInt32LE(0);
    answer(held.readUInt32LE(4), held.readUInt32LE(8));
    held = held.subarray(size);
  }
});
process.stdin.on('end', () => {
  if (mode === 'clings') setInterval(() => undefined, 1000);
});
