import { describe, expect, test } from 'vitest';
import type { Capture } from '../capture/capture.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { parsePath } from '../register/path.ts';
import { showText } from '../register/read.ts';
import { mxcsr } from '../xsave/legacy.ts';
import { componentBytesOrInit, viewComponent } from '../xsave/view.ts';
import { captureAfter, type StagedWrite, stageAssignments } from './assign.ts';
import { stageWalk } from './walk.ts';

const sure = (write: ReturnType<typeof stageAssignments>): StagedWrite => {
  if (!write.ok) throw new Error(JSON.stringify(write.problem));
  return write.value;
};

/** As KVM gives it back: a component in init has its initial values, whatever its bytes were. */
const readBack = (before: Capture, write: StagedWrite): Capture => {
  const after = captureAfter(before, write);
  const bytes = after.image.bytes.slice();
  for (const { bit, offsetBytes, sizeBytes } of after.image.layout.components) {
    if (bit > 1 && viewComponent(after.image, bit).state === 'init')
      bytes.fill(0, offsetBytes, offsetBytes + sizeBytes);
  }
  return { ...after, image: { ...after.image, bytes } };
};

type Edit = readonly [path: string, value: string];
const assigned = (capture: Capture, edits: readonly Edit[]): Capture =>
  readBack(
    capture,
    sure(
      stageAssignments(
        capture,
        edits.map(([path, value]) => ({ path, value })),
      ),
    ),
  );
const walked = (now: Capture, from: Capture, to: Capture, edits: readonly Edit[]): Capture => {
  const paths = edits.map(([path]) => path);
  return readBack(now, sure(stageWalk(now, { from, to }, { kind: 'paths', paths }, [])));
};

/** Every component with its values, whether it is in use, and MXCSR, which lies in the bytes of x87. */
const stateOf = ({ image }: Capture): unknown => [
  mxcsr(image),
  ...image.layout.components.map(({ bit }) => {
    const bytes = componentBytesOrInit(image, bit).map((byte, at) => (bit === 0 && at >= 24 && at < 32 ? 0 : byte));
    return [bit, viewComponent(image, bit).state, Buffer.from(bytes).toString('hex')];
  }),
];
const shown = (capture: Capture, text: string): string => {
  const path = parsePath(text);
  return path.ok ? showText(capture, path.value) : 'no path';
};

const MM7: Edit = ['mm7', '0x1122334455667788'];
const TOP: Edit = ['fsw.TOP', '3'];

describe('[C42] undo gives back all that the write has changed, redo writes all of it again', () => {
  test.each<readonly Edit[]>([
    [MM7, TOP],
    [TOP, MM7],
    [
      ['st0:f80', '1.5'],
      ['fsw', '0x3800'],
      ['st2:f80', '-2.5'],
    ],
    [MM7, ['fsw.TOP', '2'], ['mm3', '0x5'], ['fsw.TOP', '7'], ['mm3', '0x6']],
    [['xstate_bv', '0x3']],
    [['xstate_bv', '0x2'], MM7],
    [
      ['zmm5', '0x5'],
      ['xstate_bv', '0x3'],
    ],
    [
      ['xstate_bv', '0x3'],
      ['zmm5', '0x5'],
      ['k1', '0x7'],
    ],
  ])('%j %j %j', (...edits) => {
    const first = sampleCapture();
    const after = assigned(first, edits);
    expect(stateOf(after)).not.toEqual(stateOf(first));
    const back = walked(after, after, first, edits);
    expect(stateOf(back)).toEqual(stateOf(first));
    expect(stateOf(walked(back, first, after, edits))).toEqual(stateOf(after));
  });

  test('tiles that were put to init', () => {
    const first = sampleAmxCapture();
    const edits: readonly Edit[] = [['xstate_bv', '0x2e7']];
    const after = assigned(first, edits);
    expect(shown(after, 'tilecfg.palette_id')).toBe('init');
    expect(stateOf(walked(after, after, first, edits))).toEqual(stateOf(first));
  });
});

describe('[C42] over what the vCPU holds now', () => {
  test('what the guest has written to other registers of a component meanwhile stays', () => {
    const first = sampleCapture();
    const after = assigned(first, [['zmm5:u32[0]', '7']]);
    const now = assigned(after, [['zmm6:u32[0]', '9']]);
    const back = walked(now, after, first, [['zmm5:u32[0]', '7']]);
    expect(shown(back, 'zmm6:u32[0]')).toBe('9');
    expect(stateOf(assigned(back, [['zmm6:u32[0]', shown(first, 'zmm6:u32[0]')]]))).toEqual(stateOf(first));
  });

  test('a register of a stack that has turned since is found, and no other is touched', () => {
    const first = sampleCapture();
    const after = assigned(first, [MM7]);
    // The stack turned by one: each physical register lies in the next slot.
    const bytes = after.image.bytes.slice();
    const slots = after.image.bytes.slice(32, 160);
    const top = (Number(shown(after, 'fsw')) >> 11) & 7;
    bytes.set(slots.subarray(112), 32);
    bytes.set(slots.subarray(0, 112), 48);
    const now = assigned({ ...after, image: { ...after.image, bytes } }, [['fsw.TOP', String((top + 7) & 7)]]);
    expect(shown(now, 'mm7')).toBe(shown(after, 'mm7'));
    const back = walked(now, after, first, [MM7]);
    for (let index = 0; index < 8; index += 1) {
      const side = index === 7 ? first : now;
      expect(shown(back, `mm${index}`), `mm${index}`).toBe(shown(side, `mm${index}`));
    }
  });

  test('TOP goes back before the registers that are counted from it', () => {
    const first = sampleCapture();
    const edits: readonly Edit[] = [MM7, ['fsw', shown(first, 'fsw')]];
    const after = assigned(first, edits);
    const now = assigned(after, [['fsw.TOP', '2']]);
    expect(shown(now, 'mm7')).not.toBe(shown(after, 'mm7'));
    const back = walked(now, after, first, edits);
    expect(shown(back, 'mm7')).toBe(shown(first, 'mm7'));
  });
});
