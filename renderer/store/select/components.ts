import type { Capture } from '../../../app/capture/capture.ts';
import { MSRS } from '../../../app/cpu/msrs.ts';
import { COMPONENTS, componentLabel, componentRow } from '../../../app/xsave/components.ts';
import { type Enablement, enablementOf, xfdArmed } from '../../../app/xsave/enablement.ts';
import { placeOf } from '../../../app/xsave/layout.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { memoizeByIdentity } from '../base/memoize.ts';

export type ComponentGroup = 'in' | 'outside' | 'not-offered';

/** One row of the component list, as it stands in one capture. */
export interface ComponentEntry {
  readonly bit: number;
  readonly label: string;
  readonly hue: string;
  readonly holds: string;
  readonly group: ComponentGroup;
  /** Absent also covers "not offered". Outside the image, in use means: one of its MSRs is not zero. */
  readonly state: 'absent' | 'init' | 'inUse';
  readonly offsetText: string;
  readonly sizeBytes: number | null;
  readonly enablement: Enablement;
  readonly armed: boolean | null;
  readonly canBeArmed: boolean;
}

export const hueOf = (bit: number): string => `var(--c-${componentRow(bit)?.hue ?? 'legacy-other'})`;

const entryOf = (capture: Capture, bit: number): ComponentEntry => {
  const { image, facts } = capture;
  const row = componentRow(bit);
  const place = placeOf(image.layout, bit);
  const enablement = enablementOf(facts, image, bit);
  const view = viewComponent(image, bit);
  const outside =
    place === undefined &&
    row?.kind === 'supervisor' &&
    (enablement.supported === 'yes' || enablement.enabled === 'yes');
  const group: ComponentGroup = place !== undefined ? 'in' : outside ? 'outside' : 'not-offered';
  const hasMsrs = MSRS.some((msr) => msr.component === bit);
  return {
    bit,
    label: componentLabel(bit),
    hue: row?.hue ?? 'legacy-other',
    holds: row?.holds ?? 'a component without a public definition',
    group,
    state:
      group === 'in' ? view.state : group === 'outside' ? (enablement.inUse === 'yes' ? 'inUse' : 'init') : 'absent',
    offsetText: place !== undefined ? String(place.offsetBytes) : outside && hasMsrs ? 'MSR' : '',
    sizeBytes: place?.sizeBytes ?? (outside ? (row?.sizeBytes ?? null) : null),
    enablement,
    armed: xfdArmed(facts, bit),
    canBeArmed: place?.xfdCapable ?? false,
  };
};

/** Every component with a definition or a place, always in the same order: by bit, within its group. */
export const componentEntries = memoizeByIdentity((capture: Capture): readonly ComponentEntry[] => {
  const bits = new Set([
    ...capture.image.layout.components.map((place) => place.bit),
    ...COMPONENTS.filter((row) => row.bit < 20).map((row) => row.bit),
  ]);
  return [...bits].sort((a, b) => a - b).map((bit) => entryOf(capture, bit));
});

export const GROUPS: readonly { readonly group: ComponentGroup; readonly title: string }[] = [
  { group: 'in', title: 'In the image' },
  { group: 'outside', title: 'Outside the image' },
  { group: 'not-offered', title: 'Not offered to this guest' },
];
