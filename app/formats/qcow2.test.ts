import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { describeProblem } from '../bits/decoded.ts';
import { parsePath } from '../register/path.ts';
import { showJson } from '../register/read.ts';
import { openBytes } from './detect.ts';
import type { OpenedState } from './opened.ts';
import { bytesSource, openQcow2 } from './qcow2.ts';
import { exerciseWith } from './testdata/exercise.ts';

/** Two snapshots that QEMU 7.2 took of a KVM guest of two vCPUs with savevm. */
const REAL = new Uint8Array(gunzipSync(readFileSync(new URL('testdata/qemu-7.2-savevm.qcow2.gz', import.meta.url))));

const open = (bytes: Uint8Array, options: Parameters<typeof openBytes>[2] = {}): readonly OpenedState[] => {
  const opened = openBytes('disk.qcow2', bytes, options);
  if (!opened.ok) throw new Error(describeProblem(opened.problem));
  expect(opened.value.kind).toBe('qemu');
  return opened.value.states;
};
const why = (bytes: Uint8Array, options: Parameters<typeof openBytes>[2] = {}): string => {
  const opened = openBytes('disk.qcow2', bytes, options);
  return opened.ok ? 'it opens' : describeProblem(opened.problem);
};
const value = (state: OpenedState | undefined, path: string): unknown => {
  const parsed = parsePath(path);
  if (!parsed.ok || state === undefined) throw new Error(path);
  return showJson(state.capture, parsed.value);
};
const changed = (change: (view: DataView) => void): Uint8Array => {
  const bytes = REAL.slice();
  change(new DataView(bytes.buffer));
  return bytes;
};

describe('[F25] what savevm keeps in a qcow2 image', () => {
  test('is there for each snapshot, the last first', () => {
    const states = open(REAL);
    expect(states.map(({ label, number }) => [label, number])).toEqual([
      ['vCPU 0 of second', 0],
      ['vCPU 1 of second', 1],
      ['vCPU 0 of first (number 65536)', 65536],
      ['vCPU 1 of first (number 65537)', 65537],
    ]);
    for (const state of [states[1], states[3]]) {
      expect(['xmm0', 'fcw', 'st0', 'r15'].map((path) => value(state, path))).toEqual([
        ...['0xcafe0001000000000000000000000000', '0x027f', '0x4000c90fdaa22168c235', '0xfedcba9876543210'],
      ]);
    }
    expect(open(REAL, { thread: 65537 }).map(({ number }) => number)).toEqual([65537]);
    expect(why(REAL, { thread: 2 })).toContain('no vCPU 2 among 0, 1');
    expect(why(REAL, { thread: 3 * 65536 })).toContain('there is no state 196608');
  });

  test('of an image without, or in another form, what it is is said', () => {
    expect(why(changed((view) => view.setUint32(60, 0)))).toContain('without a state of savevm in its 0 snapshots');
    expect(why(changed((view) => view.setUint32(32, 1)))).toContain('it is encrypted; load the state with loadvm');
    expect(why(changed((view) => view.setBigUint64(72, 16n)))).toContain('features 0x10');
    expect(why(changed((view) => view.setUint32(4, 9)))).toContain('version 9');
    expect(why(changed((view) => view.setUint32(20, 60)))).toContain('clusters of 2^60');
    expect(why(REAL.slice(0, 80))).toContain('it ends before byte 104');
  });

  test('only what leads to the states is read of a large one', () => {
    let read = 0;
    const source = bytesSource(REAL);
    const counting = {
      sizeBytes: 1 << 40,
      read: (at: number, size: number) => {
        read += size;
        return source.read(at, size);
      },
    };
    expect(openQcow2('disk', counting, { thread: 0 }).ok).toBe(true);
    expect(read).toBeLessThan(REAL.length / 2);
  });

  test('whatever is changed in its tables, or cut off, there is an answer', () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return seed % below;
    };
    // Header, snapshots and level 1 tables lie in the clusters that hold little but zeros.
    const places = Array.from({ length: REAL.length / 65536 }, (_, cluster) => cluster * 65536);
    for (let round = 0; round < 60; round += 1) {
      const bytes = REAL.slice();
      for (let flip = 0; flip < 3; flip += 1) {
        const at = (places[random(places.length)] ?? 0) + random(128);
        bytes[at] = random(256);
      }
      for (const disk of [bytes, REAL.slice(0, random(REAL.length))])
        expect(() => exerciseWith(openBytes('disk', disk), isDeepStrictEqual)).not.toThrow();
    }
  });
});
