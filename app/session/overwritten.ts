import { equalBytes } from '../bits/bytes.ts';
import type { Capture } from '../capture/capture.ts';
import type { Image } from '../capture/image.ts';
import { parsePath } from '../register/path.ts';
import { readSource } from '../register/read.ts';
import { GENERAL_NAMES, REGISTERS } from '../register/registers.ts';
import { BIT, componentLabel } from '../xsave/components.ts';
import { mxcsr } from '../xsave/legacy.ts';
import { hasInitialValues, ownValues, viewComponent } from '../xsave/view.ts';

/** What a running guest changes with every instruction: that they are as before says nothing. */
const OF_THE_RUN: readonly string[] = ['rip', 'rflags'];

const wentBack = (before: Uint8Array, written: Uint8Array, now: Uint8Array): boolean =>
  !equalBytes(before, written) && equalBytes(before, now);

const SSE_AND_X87 = [BIT.x87, BIT.SSE] as const;

/**
 * A component that held something and has its initial values, in XSTATE_BV or not, while every XMM and x87 register still holds
 * what was written: a VMM whose copy lacks the component looks like that. A guest that puts it to init by its own code has touched XMM registers as a rule.
 */
const wasDropped = (written: Image, now: Image, bit: number): boolean =>
  !hasInitialValues(written, bit) &&
  hasInitialValues(now, bit) &&
  SSE_AND_X87.every((kept) => kept !== bit && equalBytes(ownValues(written, kept), ownValues(now, kept)));

const registerOf = (capture: Capture, name: string): Uint8Array | null => {
  const path = parsePath(name);
  const row = path.ok ? REGISTERS.find((one) => one.name === path.value.register) : undefined;
  const value = row === undefined ? null : readSource(capture, row.source);
  return value?.state === 'inUse' ? value.bytes : null;
};

const OUTSIDE = REGISTERS.filter(({ source }) => source.kind === 'xcr0' || source.kind === 'msr').map(
  ({ name }) => name,
);

/**
 * Which parts of a write are gone again: components and registers, as shown, that the write changed and that now hold
 * what they held before it, or were dropped to init. So it looks where a VMM puts a copy of its own back; a guest that
 * computes the same value again looks no different. In order of bit, then registers in the order of the register list.
 */
export const overwrittenParts = (before: Capture, written: Capture, now: Capture): readonly string[] => {
  const components = written.image.layout.components.flatMap(({ bit }) => {
    if ([before, written, now].some(({ image }) => viewComponent(image, bit).state === 'absent')) return [];
    const [was, wrote, is] = [before, written, now].map(({ image }) => ownValues(image, bit));
    if (was === undefined || wrote === undefined || is === undefined || equalBytes(was, wrote)) return [];
    const isGone = wentBack(was, wrote, is) || wasDropped(written.image, now.image, bit);
    return isGone ? [{ bit, label: componentLabel(bit) }] : [];
  });
  const inOrder = components.sort((a, b) => a.bit - b.bit).map(({ label }) => label);
  const control = mxcsr(before.image) !== mxcsr(written.image) && mxcsr(before.image) === mxcsr(now.image);
  const registers = [...OUTSIDE, ...GENERAL_NAMES.filter((name) => !OF_THE_RUN.includes(name))].filter((name) => {
    const [was, wrote, is] = [registerOf(before, name), registerOf(written, name), registerOf(now, name)];
    return was !== null && wrote !== null && is !== null && wentBack(was, wrote, is);
  });
  return [...inOrder, ...(control ? ['mxcsr'] : []), ...registers];
};
