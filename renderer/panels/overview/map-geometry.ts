import type { Image, Layout } from '../../../app/capture/image.ts';
import { componentLabel } from '../../../app/xsave/components.ts';
import { EXTENDED_OFFSET_BYTES, HEADER_BYTES, HEADER_OFFSET_BYTES, holesOf } from '../../../app/xsave/layout.ts';
import { LEGACY_XSAVE_BYTES } from '../../../app/xsave/ledger.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { hueOf } from '../../store/select/components.ts';

/** One stretch of the area. `software` is what the legacy region leaves free. */
export interface MapBlock {
  readonly kind: 'inUse' | 'init' | 'hole' | 'software' | 'header' | 'outside';
  readonly bit: number | null;
  readonly label: string;
  readonly hue: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

const SSE_END_BYTES = 416;

/** The whole area in the order of its offsets, nothing left out. */
export const mapBlocks = (image: Image, layout: Layout): readonly MapBlock[] => {
  const blocks: MapBlock[] = layout.components.map((place) => {
    const { state } = viewComponent(image, place.bit);
    return {
      kind: state === 'inUse' ? 'inUse' : 'init',
      bit: place.bit,
      label: componentLabel(place.bit),
      hue: hueOf(place.bit),
      offsetBytes: place.offsetBytes,
      sizeBytes: place.sizeBytes,
    };
  });
  const plain = (kind: MapBlock['kind'], label: string, offsetBytes: number, sizeBytes: number): MapBlock => ({
    kind,
    bit: null,
    label,
    hue: 'var(--c-header)',
    offsetBytes,
    sizeBytes,
  });
  blocks.push(plain('software', '', SSE_END_BYTES, HEADER_OFFSET_BYTES - SSE_END_BYTES));
  blocks.push(plain('header', 'header', HEADER_OFFSET_BYTES, HEADER_BYTES));
  for (const hole of holesOf(layout)) blocks.push(plain('hole', 'hole', hole.offsetBytes, hole.sizeBytes));
  return blocks.sort((a, b) => a.offsetBytes - b.offsetBytes);
};

export interface MapScale {
  /** The upper strip: never shorter than the 4096 bytes that KVM always copies. */
  readonly totalBytes: number;
  /** The lower strip shows this many bytes from the start. */
  readonly zoomBytes: number;
}

/** Zooms into what lies before a component that fills more than half of the area; else into the whole of it. */
export const mapScale = (layout: Layout): MapScale => {
  const last = layout.components.at(-1);
  const giant = last !== undefined && last.sizeBytes * 2 > layout.totalBytes ? last : null;
  return {
    totalBytes: Math.max(layout.totalBytes, LEGACY_XSAVE_BYTES),
    zoomBytes: Math.max(EXTENDED_OFFSET_BYTES, giant === null ? layout.totalBytes : giant.offsetBytes),
  };
};

export interface MapLabel {
  readonly key: string;
  readonly text: string;
  readonly offsetText: string;
  readonly hue: string;
  /** Middle of the block it belongs to. */
  readonly fromX: number;
  /** Left edge of the text after pushing neighbours apart. */
  readonly x: number;
  readonly width: number;
}

const CHARACTER_PX = 6.4;
const GAP_PX = 12;

const labelWidth = (text: string): number => Math.ceil(text.length * CHARACTER_PX);

/** Labels below the strip, moved sideways so that none touches its neighbour and none leaves the strip. */
export const spreadLabels = (labels: readonly Omit<MapLabel, 'x' | 'width'>[], stripPx: number): MapLabel[] => {
  const placed = labels
    .map((label) => {
      const width = labelWidth(`${label.text} ${label.offsetText}`);
      return { ...label, width, x: Math.min(stripPx - width, Math.max(0, label.fromX - width / 2)) };
    })
    .sort((a, b) => a.fromX - b.fromX);
  // From the right end leftwards, so that the last label keeps inside the strip; then the other way for the first.
  let limit = stripPx + GAP_PX;
  for (const label of [...placed].reverse()) {
    label.x = Math.min(label.x, limit - GAP_PX - label.width);
    limit = label.x;
  }
  limit = -GAP_PX;
  for (const label of placed) {
    label.x = Math.max(label.x, limit + GAP_PX);
    limit = label.x + label.width;
  }
  return placed;
};

/** Ticks of the axis: a round step that leaves room between two numbers. */
export const axisTicks = (totalBytes: number, stripPx: number): number[] => {
  const step =
    [256, 512, 1024, 2048, 4096, 8192, 16384].find((bytes) => (bytes / totalBytes) * stripPx >= 100) ?? 16384;
  const ticks: number[] = [];
  for (let at = 0; totalBytes - at > step * 0.35; at += step) ticks.push(at);
  return ticks;
};
