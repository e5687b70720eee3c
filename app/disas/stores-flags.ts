import type { Bitness } from './instruction.ts';

/**
 * Instructions that store RFLAGS, or take it from a register, and so are not single-stepped: the TF that steps are made by
 * would be stored with it, or be lost with no #DB behind it. (SDM vol. 2, PUSHF, INT n, UD, SYSRET; vol. 3, 18.3.1.4)
 * HLT is none either: a KVM that emulates it under a step carries the halt out one instruction later, which may be the first of
 * an interrupt's handler, and no interrupt ends it there.
 */
export type StoresFlags =
  | { readonly kind: 'push'; readonly bytes: number }
  | { readonly kind: 'halt'; readonly bytes: number }
  /** Through the gate of this vector. INTO may go on behind itself. */
  | { readonly kind: 'interrupt'; readonly vector: number; readonly bytes: number; readonly mayGoOn: boolean }
  /** To RCX, or to ECX without REX.W. */
  | { readonly kind: 'sysret'; readonly is64: boolean; readonly bytes: number };

const VECTOR = { debug: 1, breakpoint: 3, overflow: 4, undefinedOpcode: 6 } as const;
const PREFIXES: ReadonlySet<number> = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
const MOST_BYTES = 15;

/** 'cut': the bytes end before it can be told. null: none of them. */
export const storesFlags = (code: Uint8Array, bitness: Bitness): StoresFlags | 'cut' | null => {
  let at = 0;
  while (PREFIXES.has(code[at] ?? -1)) at += 1;
  const isRex = bitness === 64 && ((code[at] ?? 0) & 0xf0) === 0x40;
  const is64 = isRex && ((code[at] ?? 0) & 8) !== 0;
  if (isRex) at += 1;
  const [opcode, second] = [code[at], code[at + 1]];
  if (at >= MOST_BYTES) return null;
  if (opcode === undefined) return 'cut';
  const interrupt = (vector: number, bytes: number, mayGoOn = false): StoresFlags => ({
    ...{ kind: 'interrupt', vector, bytes: at + bytes, mayGoOn },
  });
  switch (opcode) {
    case 0x9c:
      return { kind: 'push', bytes: at + 1 };
    case 0xf4:
      return { kind: 'halt', bytes: at + 1 };
    case 0xcc:
      return interrupt(VECTOR.breakpoint, 1);
    case 0xcd:
      return second === undefined ? 'cut' : interrupt(second, 2);
    case 0xce:
      return bitness === 64 ? null : interrupt(VECTOR.overflow, 1, true);
    case 0xf1:
      return interrupt(VECTOR.debug, 1);
    case 0x0f:
      if (second === undefined) return 'cut';
      if (second === 0x07) return { kind: 'sysret', is64, bytes: at + 2 };
      return second === 0x0b || second === 0xb9 || second === 0xff ? interrupt(VECTOR.undefinedOpcode, 2) : null;
    default:
      return null;
  }
};
