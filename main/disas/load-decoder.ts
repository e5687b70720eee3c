import type { InstructionDecoder } from '../../app/disas/instruction.ts';

/** The decoder is a megabyte: whoever decodes nothing does not load it. */
export const loadDecoder = async (): Promise<InstructionDecoder> => (await import('./iced.ts')).icedDecoder;
