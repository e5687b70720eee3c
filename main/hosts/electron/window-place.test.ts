import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { keepPlace, readPlace } from './window-place.ts';

const folder = mkdtempSync(join(tmpdir(), 'tilescope-place-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'inside', 'window.json');
const screens = [{ x: 0, y: 0, width: 1600, height: 1000 }];
const place = { bounds: { x: 10, y: 20, width: 1200, height: 800 }, maximized: true, background: '#ebedef' };

describe('[C82] where the window was left', () => {
  test('is read as it was kept', () => {
    expect(readPlace(file, screens)).toBeNull();
    keepPlace(file, place);
    expect(readPlace(file, screens)).toEqual(place);
  });

  test('on a screen that has gone, keeps its size alone', () => {
    keepPlace(file, { ...place, bounds: { ...place.bounds, x: 4000 } });
    expect(readPlace(file, screens)?.bounds).toEqual({ x: 0, y: 0, width: 1200, height: 800 });
    expect(readPlace(file, [...screens, { x: 3000, y: 0, width: 1600, height: 1000 }])?.bounds.x).toBe(4000);
  });

  test.each(['', '[]', 'null', '{"bounds":{"x":1e99,"y":0,"width":1,"height":1},"maximized":true}', '{"maximized":1}'])(
    'what cannot be read is nothing: %s',
    (text) => {
      writeFileSync(file, text);
      expect(readPlace(file, screens)).toBeNull();
    },
  );

  test('a folder that cannot be written is no fault', () => {
    expect(() => keepPlace('/dev/null/window.json', place)).not.toThrow();
  });
});
