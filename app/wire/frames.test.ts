import fc from 'fast-check';
import { expect, test } from 'vitest';
import { concat, writeU32 } from '../bits/bytes.ts';
import { encodeFrame, FRAME_HEADER_BYTES, type Frame, FrameReader, MAX_PAYLOAD_BYTES } from './frames.ts';

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const anyFrame = fc.record({ requestId: u32, code: u32, status: u32, payload: fc.uint8Array({ maxLength: 40 }) });

test('[W1] the same frames come out however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 30 })), (frames, cuts) => {
      const stream = concat(frames.map(encodeFrame));
      const reader = new FrameReader();
      const received: Frame[] = [];
      let at = 0;
      for (const cut of [...cuts, stream.length]) {
        const { frames: some, problem } = reader.push(stream.subarray(at, at + cut));
        expect(problem).toBeNull();
        received.push(...some);
        at = Math.min(at + cut, stream.length);
      }
      expect(received).toEqual(frames);
      expect(reader.end()).toBeNull();
    }),
  );
});

test('[W1] a frame keeps its bytes when the chunk it came in is written over', () => {
  const chunk = encodeFrame({ requestId: 1, code: 2, status: 0, payload: Uint8Array.of(7, 8) });
  const { frames } = new FrameReader().push(chunk);
  chunk.fill(0);
  expect(frames[0]?.payload).toEqual(Uint8Array.of(7, 8));
});

test('[W2] a frame that announces too much is refused at its header, and the stream ends there', () => {
  const good = encodeFrame({ requestId: 1, code: 2, status: 0, payload: Uint8Array.of(7) });
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  writeU32(header, 0, MAX_PAYLOAD_BYTES + 1);
  const reader = new FrameReader();
  const received = reader.push(concat([good, header]));
  expect(received.frames).toHaveLength(1);
  expect(received.problem).toMatchObject({ kind: 'not-allowed', what: 'frame' });
  expect(reader.push(good)).toEqual({ frames: [], problem: received.problem });
  expect(() =>
    encodeFrame({ requestId: 1, code: 2, status: 0, payload: new Uint8Array(MAX_PAYLOAD_BYTES + 1) }),
  ).toThrow();
});

test('[W2] a frame of the greatest size passes, in chunks as pipes give them', () => {
  const payload = new Uint8Array(MAX_PAYLOAD_BYTES).fill(0x5a);
  const stream = encodeFrame({ requestId: 9, code: 0x10, status: 0, payload });
  const reader = new FrameReader();
  const received: Frame[] = [];
  for (let at = 0; at < stream.length; at += 65_536) {
    const { frames, problem } = reader.push(stream.subarray(at, at + 65_536));
    expect(problem).toBeNull();
    received.push(...frames);
  }
  expect(received.map((frame) => frame.payload.length)).toEqual([MAX_PAYLOAD_BYTES]);
});

test('[W2] a stream cut short at any length is truncated, but for the ends of frames', () => {
  const frame = encodeFrame({ requestId: 1, code: 2, status: 0, payload: Uint8Array.of(1, 2, 3, 4, 5) });
  for (let length = 1; length < frame.length; length += 1) {
    const reader = new FrameReader();
    expect(reader.push(frame.subarray(0, length)).frames).toEqual([]);
    expect(reader.end(), `${length} bytes`).toMatchObject({ kind: 'truncated', gotBytes: length });
  }
});
