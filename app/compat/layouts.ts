import type { Capture } from '../capture/capture.ts';
import type { ComponentBit, ComponentPlace, Layout } from '../capture/image.ts';
import type { Cpuid } from '../cpu/cpuid.ts';
import { componentLabel, componentRow } from '../xsave/components.ts';
import { holesOf, layoutDoubts, layoutFromCpuid, placeOf, supervisorPlaces } from '../xsave/layout.ts';
import { missingSubleaves } from '../xsave/state-rules.ts';

/** Where a component lies in one of the columns. */
export interface TablePlace {
  /** null: it has a size and no place, as supervisor components in the standard format. */
  readonly offsetBytes: number | null;
  readonly sizeBytes: number;
  readonly aligned64: boolean;
  readonly xfdCapable: boolean;
  readonly supervisor: boolean;
}

export type ColumnId = 'guest' | 'host' | 'file' | 'there';

export interface LayoutColumn {
  readonly id: ColumnId;
  readonly label: string;
  /** null: not known, or a table that cannot be; `why` says which. */
  readonly layout: Layout | null;
  readonly why: string | null;
  readonly totalBytes: number | null;
  readonly holes: readonly { readonly offsetBytes: number; readonly sizeBytes: number }[];
  /** Where the CPUID table disagrees with the architecture or itself, a sentence each. */
  readonly doubts: readonly string[];
  /** Supervisor components that the CPUID table enumerates: they have a size and no standard offset. */
  readonly supervisors: readonly ComponentPlace[];
  /** Components that the CPUID table announces without a sub-leaf of their own: rows without a place. */
  readonly announced: readonly ComponentBit[];
}

/**
 * `same`: every column that has the component has it at the same place. `place`: two columns of one format differ in its
 * offset, or any two in its size. `missing`: alike where it is, and not in every column that is known.
 */
export type RowDifference = 'same' | 'place' | 'missing';

export interface LayoutRow {
  readonly bit: ComponentBit;
  readonly name: string;
  readonly kind: 'user' | 'supervisor' | 'unknown';
  /** In the order of the columns; null: the column does not have it. */
  readonly places: readonly (TablePlace | null)[];
  readonly difference: RowDifference;
}

export interface LayoutTable {
  readonly columns: readonly LayoutColumn[];
  /** In the order of the bits. */
  readonly rows: readonly LayoutRow[];
  /** The rows of which two columns say different things about place or size. */
  readonly differing: readonly LayoutRow[];
}

const NO_COLUMN = { layout: null, totalBytes: null, holes: [], doubts: [], supervisors: [], announced: [] };

const columnOf = (id: ColumnId, label: string, layout: Layout, cpuid: Cpuid | null): LayoutColumn => ({
  id,
  label,
  layout,
  why: null,
  totalBytes: layout.totalBytes,
  holes: holesOf(layout),
  doubts: cpuid === null ? [] : layoutDoubts(layout, cpuid),
  supervisors: cpuid === null ? [] : supervisorPlaces(cpuid),
  announced: cpuid === null ? [] : missingSubleaves(cpuid),
});

const cpuidColumn = (id: ColumnId, label: string, cpuid: Cpuid): LayoutColumn => {
  if (cpuid.length === 0) return { ...NO_COLUMN, id, label, why: 'not read' };
  const layout = layoutFromCpuid(cpuid, label);
  if (layout.ok) return columnOf(id, label, layout.value, cpuid);
  const { problem } = layout;
  const why = problem.kind === 'not-allowed' ? problem.why : 'not a layout';
  return { ...NO_COLUMN, id, label, why, announced: missingSubleaves(cpuid) };
};

const placeIn = (column: LayoutColumn, bit: ComponentBit): TablePlace | null => {
  const placed = column.layout === null ? undefined : placeOf(column.layout, bit);
  if (placed !== undefined) return placed;
  const supervisor = column.supervisors.find((place) => place.bit === bit);
  return supervisor === undefined ? null : { ...supervisor, offsetBytes: null };
};

const differenceOf = (columns: readonly LayoutColumn[], places: readonly (TablePlace | null)[]): RowDifference => {
  let missing = false;
  const seen: { place: TablePlace; format: Layout['format'] | undefined }[] = [];
  for (const [index, column] of columns.entries()) {
    const place = places[index] ?? null;
    if (column.layout === null) continue;
    if (place === null) missing = true;
    else seen.push({ place, format: column.layout.format });
  }
  const differs = seen.some(({ place: a, format }, index) =>
    seen.slice(index + 1).some(
      ({ place: b, format: other }) =>
        a.sizeBytes !== b.sizeBytes ||
        // An offset in one format says nothing of the other, and a supervisor component has one in images alone.
        (format === other && a.offsetBytes !== null && b.offsetBytes !== null && a.offsetBytes !== b.offsetBytes),
    ),
  );
  return differs ? 'place' : missing ? 'missing' : 'same';
};

const tableOf = (columns: readonly LayoutColumn[]): LayoutTable => {
  const bits = new Set<ComponentBit>();
  for (const { layout, supervisors, announced } of columns) {
    for (const { bit } of [...(layout?.components ?? []), ...supervisors]) bits.add(bit);
    for (const bit of announced) bits.add(bit);
  }
  const rows = [...bits]
    .sort((a, b) => a - b)
    .map((bit): LayoutRow => {
      const places = columns.map((column) => placeIn(column, bit));
      const kind = componentRow(bit)?.kind ?? 'unknown';
      return { bit, name: componentLabel(bit), kind, places, difference: differenceOf(columns, places) };
    });
  return { columns, rows, differing: rows.filter((row) => row.difference === 'place') };
};

/**
 * What the guest is shown, what the host has and KVM's buffers follow, and where the image itself has its components, side
 * by side; a fourth column where the image might go. Components that no public document defines are rows like any other.
 */
export const layoutTable = (capture: Capture, there: Layout | null = null): LayoutTable => {
  const { facts, image } = capture;
  return tableOf([
    cpuidColumn('guest', 'guest CPUID 0xD', facts.guestCpuid),
    cpuidColumn('host', 'host CPUID 0xD', facts.hostCpuid),
    columnOf('file', `image: ${image.layout.source}`, image.layout, null),
    ...(there === null ? [] : [columnOf('there', there.source, there, null)]),
  ]);
};
