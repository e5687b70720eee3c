import type { State } from '../state/state.ts';
import { vectorFile } from './vector.ts';

/** The register that the inspector speaks of, as a path; null: a component or nothing is selected. */
export const selectSelectedPath = (state: State): string | null => {
  const { selection, stops } = state;
  const image = stops.at(-1)?.capture.image;
  if (image === undefined) return null;
  switch (selection?.kind) {
    case 'register':
      return selection.path;
    case 'vector': {
      const file = vectorFile(image);
      return `${file.kind}${Math.min(selection.index, file.count - 1)}`;
    }
    case 'tile':
      return `tmm${selection.tile}`;
    case 'xfd':
      return 'xfd';
    default:
      return null;
  }
};
