import type { Capture } from '../../../app/capture/capture.ts';
import { type DifferentComponent, differences } from '../../../app/diff/diff-elements.ts';
import { componentLabel } from '../../../app/xsave/components.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { isDeterministic } from '../../fixed.ts';
import { memoizePair } from '../../store/base/memoize.ts';
import type { LaneType } from '../../store/state/view.ts';
import type { EqualComponent } from './rows.ts';

/** A guest that runs moves these with every instruction: where a picture has to be the same twice they are left out. */
const withoutRun = (capture: Capture): Capture => {
  const { general } = capture.facts;
  if (!isDeterministic() || general === null) return capture;
  return { ...capture, facts: { ...capture.facts, general: { ...general, rip: 0n, rflags: 0n } } };
};

const byType = memoizePair((before: Capture, after: Capture) => {
  const known = new Map<LaneType, readonly DifferentComponent[]>();
  return (type: LaneType): readonly DifferentComponent[] => {
    const made = known.get(type) ?? differences(withoutRun(before), withoutRun(after), type);
    known.set(type, made);
    return made;
  };
});

/** What differs between two captures, by component, in the lane type chosen in Registers. */
export const differencesOf = (before: Capture, after: Capture, type: LaneType): readonly DifferentComponent[] =>
  byType(before, after)(type);

/** The components that either has room for and that are the same in both. */
export const equalComponents = memoizePair((before: Capture, after: Capture): readonly EqualComponent[] => {
  const different = new Set(differencesOf(before, after, 'hex').map(({ bit }) => bit));
  const places = [...before.image.layout.components, ...after.image.layout.components];
  return [...new Set(places.map(({ bit }) => bit))]
    .filter((bit) => !different.has(bit))
    .sort((a, b) => a - b)
    .map((bit) => {
      const [a, b] = [viewComponent(before.image, bit).state, viewComponent(after.image, bit).state];
      const words = a === b && a !== 'inUse' ? `${a} in both` : 'equal';
      return { bit, label: componentLabel(bit), words, state: b === 'inUse' ? '' : b };
    });
});
