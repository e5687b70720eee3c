import { makeCodec } from './codec.ts';

export const { encode, decode } = makeCodec();
