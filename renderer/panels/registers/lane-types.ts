import type { LaneType } from '../../store/state/view.ts';

/** As they stand in the choice of a type, a group a row. */
export const LANE_TYPE_GROUPS: readonly (readonly LaneType[])[] = [
  ['hex'],
  ['i8', 'i16', 'i32', 'i64'],
  ['u8', 'u16', 'u32', 'u64'],
  ['f16', 'bf16', 'f32', 'f64'],
];
export const LANE_TYPES: readonly LaneType[] = LANE_TYPE_GROUPS.flat();
