import type { Image, Layout, LostBytes } from '../capture/image.ts';
import { placeOf } from '../xsave/layout.ts';
import { within } from './partial.ts';
import type { RegisterPath } from './path.ts';
import { typeBytes } from './register-type.ts';
import type { FragmentPlace, RegisterSource } from './registers.ts';

/** `certain`: every CPU that the image may come from has the register's bytes at the same place. */
export type Certainty = 'certain' | 'doubtful';

/** Whether the layout is a guess of which parts may be wrong. */
export const isDoubtful = ({ guess }: Layout): boolean => guess !== undefined && guess.doubtful.length > 0;

/** Of one element the parts alone that it lies in. */
const partsOf = (source: RegisterSource, path: RegisterPath | null): readonly FragmentPlace[] => {
  if (source.kind === 'supervisor') return [source.part];
  if (source.kind !== 'fragments') return [];
  const [lane, inner] = path?.indexes ?? [];
  if (path?.type == null || lane === undefined || inner !== undefined || path.register.startsWith('tmm'))
    return source.parts;
  return within(source.parts, lane * typeBytes(path.type), typeBytes(path.type));
};

/** What is to be said beside the value of a register, or of an element of it; null: the layout is not in doubt, and nothing is. */
export const certaintyOf = (
  { layout }: Image,
  source: RegisterSource,
  path: RegisterPath | null = null,
): Certainty | null => {
  if (!isDoubtful(layout)) return null;
  return partsOf(source, path).some(({ bit }) => layout.guess?.doubtful.includes(bit)) ? 'doubtful' : 'certain';
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
