import type { RegisterGroup } from '../state/view.ts';

interface GroupRow {
  readonly group: RegisterGroup;
  readonly label: string;
  /** The register that is selected where the group comes on screen. */
  readonly first: string;
}

/** The groups of the Registers tab, in its order. A component names its own in its row (`panel`). */
export const REGISTER_GROUPS: readonly GroupRow[] = [
  { group: 'vector', label: 'Vector', first: 'zmm0' },
  { group: 'opmask', label: 'Opmask', first: 'k0' },
  { group: 'x87', label: 'x87', first: 'st0' },
  { group: 'mxcsr', label: 'MXCSR', first: 'mxcsr' },
  { group: 'pkru', label: 'PKRU', first: 'pkru' },
  { group: 'general', label: 'General', first: 'rax' },
];

export const firstOfGroup = (wanted: RegisterGroup): string =>
  REGISTER_GROUPS.find(({ group }) => group === wanted)?.first ?? '';
