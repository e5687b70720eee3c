import type { Program } from './program.ts';
import { AVX512_SUM } from './programs/avx512-sum.ts';
import { BF16_PRODUCT } from './programs/bf16-product.ts';
import { INT8_PRODUCT } from './programs/int8-product.ts';
import { NO_PERMISSION } from './programs/no-permission.ts';
import { XFD_FIRST_USE } from './programs/xfd-first-use.ts';

/** The built-in programs; the first is the one to begin with. */
export const PROGRAMS: readonly Program[] = [INT8_PRODUCT, BF16_PRODUCT, AVX512_SUM, XFD_FIRST_USE, NO_PERMISSION];
