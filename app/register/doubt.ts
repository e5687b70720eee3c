import type { Image, Layout, LostBytes } from '../capture/image.ts';
import { placeOf } from '../xsave/layout.ts';
import type { FragmentPlace, RegisterSource } from './registers.ts';

/** `certain`: every CPU that the image may come from has the register's bytes at the same place. */
export type Certainty = 'certain' | 'doubtful';

/** Whether the layout is a guess of which parts may be wrong. */
export const isDoubtful = ({ guess }: Layout): boolean => guess !== undefined && guess.doubtful.length > 0;

const partsOf = (source: RegisterSource): readonly FragmentPlace[] =>
  source.kind === 'fragments' ? source.parts : source.kind === 'supervisor' ? [source.part] : [];

/** What is to be said beside a register's value; null: the layout is not in doubt, and nothing is. */
export const certaintyOf = ({ layout }: Image, source: RegisterSource): Certainty | null => {
  if (!isDoubtful(layout)) return null;
  return partsOf(source).some(({ bit }) => layout.guess?.doubtful.includes(bit)) ? 'doubtful' : 'certain';
};

/** The bytes of a register that whoever wrote the image did not copy; undefined: all are there. */
export const lostOf = ({ layout }: Image, parts: readonly FragmentPlace[]): LostBytes | undefined =>
  layout.lost?.find((lost) =>
    parts.some(({ bit, offsetBytes, sizeBytes }) => {
      const place = placeOf(layout, bit);
      const at = (place?.offsetBytes ?? 0) + offsetBytes;
      return place !== undefined && at < lost.offsetBytes + lost.sizeBytes && lost.offsetBytes < at + sizeBytes;
    }),
  );
