import { shownLines } from '../../app/bits/text.ts';

/** A word to whoever started Tilescope. What stands in it may come from outside. */
export const say = (text: string): void => {
  process.stderr.write(`${shownLines(`Tilescope: ${text}`)}\n`);
};
