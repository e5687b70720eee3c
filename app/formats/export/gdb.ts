import { readI32, readU32, readU64, toHexHighFirst } from '../../bits/bytes.ts';
import { hexShort } from '../../bits/mask.ts';
import type { Capture, GeneralRegisters } from '../../capture/capture.ts';
import type { Image } from '../../capture/image.ts';
import { lostOf } from '../../register/doubt.ts';
import { type VectorKind, vectorBytes } from '../../register/vector.ts';
import { printElement } from '../../value/print.ts';
import { BIT } from '../../xsave/components.ts';
import { fcw, fop, fsw, mxcsr, type StTag, x87Stack } from '../../xsave/legacy.ts';
import { componentBytesOrInit, viewComponent } from '../../xsave/view.ts';

const WIDEST: readonly { readonly kind: VectorKind; readonly count: number; readonly field: string }[] = [
  { kind: 'zmm', count: 32, field: 'v16_int32' },
  { kind: 'ymm', count: 16, field: 'v8_int32' },
  { kind: 'xmm', count: 16, field: 'v4_int32' },
];

// gdb gives 2147483648 a wider type than the other elements and then refuses the whole array.
const int32 = (value: number): string => (value === -2147483648 ? '-2147483647 - 1' : String(value));

/** Each register at the widest that is there: of a file that has lost the upper half of some, those are set as far as they are. */
const vectorCommands = (image: Image): string[] =>
  Array.from({ length: 32 }, (_, index) => {
    for (const { kind, count, field } of WIDEST) {
      const bytes = index < count ? vectorBytes(image, kind, index) : null;
      if (bytes === null) continue;
      const elements = Array.from({ length: bytes.length / 4 }, (_, element) => int32(readI32(bytes, element * 4)));
      return `set $${kind}${index}.${field} = {${elements.join(', ')}}`;
    }
    return '';
  }).filter((line) => line !== '');

const opmaskCommands = (image: Image): string[] => {
  const lost = lostOf(image, [{ bit: BIT.opmask, offsetBytes: 0, sizeBytes: 64 }]);
  if (lost !== undefined) return [`# k0 to k7 were lost: ${lost.why}`];
  if (viewComponent(image, BIT.opmask).state === 'absent') return [];
  const bytes = componentBytesOrInit(image, BIT.opmask);
  return Array.from({ length: 8 }, (_, index) => `set $k${index} = ${hexShort(readU64(bytes, 8 * index))}`);
};

const pkruCommands = (image: Image): string[] =>
  viewComponent(image, BIT.PKRU).state === 'absent'
    ? []
    : [`set $pkru = ${hexShort(BigInt(readU32(componentBytesOrInit(image, BIT.PKRU), 0)))}`];

const TAGS: Readonly<Record<StTag, number>> = { valid: 0, zero: 1, special: 2, empty: 3 };

/** gdb's $ftag is the 16-bit tag word, two bits a physical register. */
const x87Commands = (image: Image): string[] => {
  const stack = x87Stack(image);
  const tags = stack.reduce((word, row) => word | (TAGS[row.tag] << (2 * row.physical)), 0);
  const registers = stack.map(({ stack: index, bytes }) => {
    const text = printElement('f80', bytes, 0);
    // Without the suffix gdb reads the number as a double. It has no way to write a NaN, an infinity or an odd encoding.
    return /[0-9]$/.test(text)
      ? `set $st${index} = ${/[.e]/.test(text) ? text : `${text}.0`}l`
      : `# $st${index} is ${text}, 0x${toHexHighFirst(bytes)}: gdb cannot set it`;
  });
  return [
    ...[`set $fctrl = ${fcw(image)}`, `set $fstat = ${fsw(image)}`, `set $ftag = ${tags}`, `set $fop = ${fop(image)}`],
    ...registers,
  ];
};

const generalCommands = (general: GeneralRegisters | null): string[] =>
  general === null
    ? []
    : Object.entries(general).map(([name, value]) => {
        const register = name === 'rflags' ? 'eflags' : name;
        return `set $${register} = ${hexShort(value as bigint)}`;
      });

export interface GdbOptions {
  /** General registers too: rip and rsp among them, which moves the thread. */
  readonly general?: boolean;
}

/**
 * gdb commands that load the state into a stopped thread of one's own: x87, MXCSR, the widest vector registers, opmask and
 * PKRU; registers of components in init get their initial values. Tiles and CET have no registers in gdb.
 */
export const gdbCommands = (capture: Capture, options: GdbOptions = {}): string =>
  [
    '# registers as set commands; source them in gdb at a stopped thread',
    '# "Couldn\'t write extended state status: Bad address" is gdb up to 13 on a CPU with AMX: take gdb 14 or later',
    ...x87Commands(capture.image),
    `set $mxcsr = ${hexShort(BigInt(mxcsr(capture.image)))}`,
    ...vectorCommands(capture.image),
    ...opmaskCommands(capture.image),
    ...pkruCommands(capture.image),
    ...(options.general === true ? generalCommands(capture.facts.general) : []),
    '',
  ].join('\n');
