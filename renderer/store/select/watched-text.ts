import type { Capture } from '../../../app/capture/capture.ts';
import { parsePath } from '../../../app/register/path.ts';
import { readRegister, showText } from '../../../app/register/read.ts';
import { memoizeKeyed } from '../base/memoize.ts';

/** What a path holds at one capture, as the command line prints it; null: absent, or not read. */
export const watchedText = memoizeKeyed((capture: Capture, text: string): string | null => {
  const path = parsePath(text);
  if (!path.ok) return null;
  const value = readRegister(capture, path.value);
  if (!value.ok || (value.value.state !== 'inUse' && value.value.state !== 'init')) return null;
  return showText(capture, path.value);
});

/** For a curve: what the text is as a number; null where it is none, as a whole vector register. */
export const asNumber = (text: string | null): number | null => {
  if (text === null || text.length > 40) return null;
  const plain = text.trim();
  const value = /^0x[0-9a-f_]+$/i.test(plain) ? Number(BigInt(plain.replaceAll('_', ''))) : Number(plain);
  return plain === '' || !Number.isFinite(value) ? null : value;
};
