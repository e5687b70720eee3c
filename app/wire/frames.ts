import { concat, readU32, writeU32 } from '../bits/bytes.ts';
import { assert, type Problem } from '../bits/decoded.ts';

/** Raised in native/wire/protocol.h and here in the same commit; both sides refuse a mismatch by name. */
export const PROTOCOL_VERSION = 12;
export const MAX_PAYLOAD_BYTES = 1 << 20;
export const FRAME_HEADER_BYTES = 16;

export const STATUS = { OK: 0, REFUSED: 1, EVENT: 2 } as const;

/**
 * One frame of the helper's pipe:
 *
 *   0 payload_bytes   4 request_id   8 code   12 status   16 payload
 */
export interface Frame {
  /** Chosen by the asker, not 0; 0 in events. */
  readonly requestId: number;
  readonly code: number;
  readonly status: number;
  readonly payload: Uint8Array;
}

/**
 * Header and payload as they go through the pipe. Throws above MAX_PAYLOAD_BYTES, which only our own fault could ask
 * for.
 */
export const encodeFrame = (frame: Frame): Uint8Array => {
  assert(frame.payload.length <= MAX_PAYLOAD_BYTES, `a payload of ${frame.payload.length} bytes`);
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  writeU32(header, 0, frame.payload.length);
  writeU32(header, 4, frame.requestId);
  writeU32(header, 8, frame.code);
  writeU32(header, 12, frame.status);
  return concat([header, frame.payload]);
};

export interface Received {
  readonly frames: readonly Frame[];
  /** Where the stream broke: no frame comes after it, and the pipe is of no more use. */
  readonly problem: Problem | null;
}

/**
 * Cuts a stream of chunks, however it was split, into frames. Holds at most one frame; a header that announces more than
 * MAX_PAYLOAD_BYTES is a problem at once, before anything of it is kept.
 */
export class FrameReader {
  private chunks: Uint8Array[] = [];
  private heldBytes = 0;
  private neededBytes = FRAME_HEADER_BYTES;
  private problem: Problem | null = null;

  push(chunk: Uint8Array): Received {
    const frames: Frame[] = [];
    if (this.problem !== null) return { frames, problem: this.problem };
    this.chunks.push(chunk);
    this.heldBytes += chunk.length;
    // Joined only when enough is there, so that a large frame in many chunks is copied once.
    if (this.heldBytes < this.neededBytes) return { frames, problem: null };
    let held = concat(this.chunks);
    while (this.problem === null && held.length >= FRAME_HEADER_BYTES) {
      const payloadBytes = readU32(held, 0);
      this.neededBytes = FRAME_HEADER_BYTES + payloadBytes;
      if (payloadBytes > MAX_PAYLOAD_BYTES) this.problem = tooLong(payloadBytes);
      else if (held.length < this.neededBytes) break;
      else {
        frames.push(frameFrom(held, this.neededBytes));
        held = held.subarray(this.neededBytes);
        this.neededBytes = FRAME_HEADER_BYTES;
      }
    }
    this.chunks = this.problem === null ? [held] : [];
    this.heldBytes = this.problem === null ? held.length : 0;
    return { frames, problem: this.problem };
  }

  /** What is wrong when the pipe ends now: null between two frames. */
  end(): Problem | null {
    if (this.problem !== null || this.heldBytes === 0) return this.problem;
    return { kind: 'truncated', what: 'frame', neededBytes: this.neededBytes, gotBytes: this.heldBytes };
  }
}

const tooLong = (payloadBytes: number): Problem => ({
  kind: 'not-allowed',
  what: 'frame',
  why: `announces ${payloadBytes} bytes of payload, ${MAX_PAYLOAD_BYTES} are the most`,
});

const frameFrom = (held: Uint8Array, frameBytes: number): Frame => ({
  requestId: readU32(held, 4),
  code: readU32(held, 8),
  status: readU32(held, 12),
  // A copy: a frame outlives the stream it came in.
  payload: held.slice(FRAME_HEADER_BYTES, frameBytes),
});
