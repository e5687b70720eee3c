import { expect, test } from 'vitest';
import { MOST_PAGE_BYTES } from './open-file.ts';
import { saveDoneOf } from './session-actions.ts';

test('a saved session that no page would open is said to be too large', () => {
  const about = (sizeBytes: number) => saveDoneOf({ fileName: 'x.json', bytes: new Uint8Array(sizeBytes), stops: 3 });
  expect(about(MOST_PAGE_BYTES)).toEqual({
    fileName: 'x.json',
    stops: 3,
    sizeBytes: MOST_PAGE_BYTES,
    tooLarge: false,
  });
  expect(about(MOST_PAGE_BYTES + 1).tooLarge).toBe(true);
});
