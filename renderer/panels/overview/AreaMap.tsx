import { type ReactElement, useEffect, useRef, useState } from 'react';
import type { Capture } from '../../../app/capture/capture.ts';
import type { Layout } from '../../../app/capture/image.ts';
import { LEGACY_XSAVE_BYTES } from '../../../app/xsave/ledger.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectSelectedBit } from '../../store/select/selectors.ts';
import { axisTicks, type MapBlock, mapBlocks, mapScale, spreadLabels } from './map-geometry.ts';

const TOP = 36;
const TOP_H = 28;
const LOW = 92;
const LOW_H = 36;
const LABEL_Y = LOW + LOW_H + 32;

/** The XSAVE area to scale: all of it above, its crowded beginning enlarged below. */
export function AreaMap({ capture, layout }: { capture: Capture; layout: Layout }): ReactElement {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const node = box.current;
    if (node === null) return;
    const observer = new ResizeObserver(() => setWidth(Math.floor(node.clientWidth)));
    observer.observe(node);
    setWidth(Math.floor(node.clientWidth));
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={box} className="area-map">
      {width > 0 ? <Drawing capture={capture} layout={layout} width={width} /> : null}
    </div>
  );
}

function Drawing({ capture, layout, width }: { capture: Capture; layout: Layout; width: number }): ReactElement {
  const { totalBytes, zoomBytes } = mapScale(layout);
  const blocks = mapBlocks(capture.image, layout);
  const above = (bytes: number): number => (bytes / totalBytes) * width;
  const below = (bytes: number): number => (bytes / zoomBytes) * width;
  const zoomed = blocks.filter((block) => block.offsetBytes < zoomBytes);
  const funnelX = above(zoomBytes);
  const factor = (totalBytes / zoomBytes).toFixed(1);
  const cut = layout.totalBytes < totalBytes;
  return (
    <svg
      width={width}
      height={168}
      role="img"
      aria-label={`XSAVE area, ${layout.format} format, ${layout.totalBytes} bytes`}
      fontFamily="Inter"
      fontSize="11"
    >
      {cut ? (
        <rect
          className="map-outside"
          x={above(layout.totalBytes)}
          y={TOP + 0.5}
          width={width - above(layout.totalBytes) - 0.5}
          height={TOP_H - 1}
        />
      ) : null}
      {blocks.map((block) => (
        <Block key={block.offsetBytes} block={block} x={above} y={TOP} height={TOP_H} />
      ))}
      <Giant blocks={blocks} zoomBytes={zoomBytes} above={above} />
      <Axis totalBytes={totalBytes} width={width} end={layout.totalBytes} />
      <LegacyLine layout={layout} x={above(LEGACY_XSAVE_BYTES)} width={width} />
      <path d={`M0 ${TOP + TOP_H + 2}H${funnelX}L${width} ${LOW - 3}H0z`} fill="var(--bg-3)" opacity="0.55" />
      <path d={`M${funnelX} ${TOP + TOP_H + 2}L${width} ${LOW - 3}`} stroke="var(--line-2)" fill="none" />
      <text x="8" y={LOW - 8} fill="var(--text-2)">
        {zoomBytes < layout.totalBytes ? `first ${zoomBytes} bytes` : `all ${zoomBytes} bytes`}, {factor} times larger
      </text>
      {zoomed.map((block) => (
        <Block key={block.offsetBytes} block={block} x={below} y={LOW} height={LOW_H} labelled />
      ))}
      <Labels blocks={zoomed} x={below} width={width} />
    </svg>
  );
}

interface BlockProps {
  readonly block: MapBlock;
  readonly x: (bytes: number) => number;
  readonly y: number;
  readonly height: number;
  readonly labelled?: boolean;
}

const fits = (block: MapBlock, w: number): boolean => block.label !== '' && w >= block.label.length * 6.6 + 12;

function Block({ block, x, y, height, labelled = false }: BlockProps): ReactElement {
  const store = useDebuggerStore();
  const selected = useDebugger((state) => block.bit !== null && selectSelectedBit(state) === block.bit);
  const left = x(block.offsetBytes);
  const full = x(block.offsetBytes + block.sizeBytes) - left;
  const w = Math.max(2, full - (full > 6 ? 1 : 0));
  const radius = w > 6 ? 2 : 0;
  const ink = block.kind === 'inUse' || block.kind === 'header' ? 'var(--on-comp)' : 'var(--text-2)';
  const select = (): void => {
    if (block.bit !== null) store.getState().select({ kind: 'component', bit: block.bit });
  };
  const title = `${block.label === '' ? 'left to software' : block.label}: ${block.offsetBytes} … ${block.offsetBytes + block.sizeBytes - 1}, ${block.sizeBytes} bytes`;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the mouse's shortcut to what the component list selects.
    <g onClick={select}>
      <title>{title}</title>
      {block.kind === 'hole' || block.kind === 'software' ? (
        <>
          <rect x={left} y={y} width={w} height={height} fill="var(--bg-2)" />
          <rect x={left} y={y} width={w} height={height} fill="url(#hatch)" />
        </>
      ) : block.kind === 'init' ? (
        <rect
          x={left + 0.75}
          y={y + 0.75}
          width={Math.max(1, w - 1.5)}
          height={height - 1.5}
          rx={radius}
          fill={`color-mix(in srgb, ${block.hue} 14%, var(--bg-1))`}
          stroke={block.hue}
          strokeWidth="1.5"
        />
      ) : (
        <rect x={left} y={y} width={w} height={height} rx={radius} fill={block.hue} />
      )}
      {selected ? <rect className="map-selected" x={left} y={y + height + 1} width={w} height="2" /> : null}
      {labelled && fits(block, w) ? (
        <>
          <text
            x={left + w / 2}
            y={y + (w > 60 ? 16 : 22)}
            textAnchor="middle"
            fontWeight={block.kind === 'hole' ? 450 : 600}
            fill={ink}
          >
            {block.label}
          </text>
          {w > 60 ? (
            <text className="val" x={left + w / 2} y={y + 29} textAnchor="middle" fontSize="10" fill={ink}>
              {block.kind === 'init' ? `${block.sizeBytes} init` : block.sizeBytes}
            </text>
          ) : null}
        </>
      ) : null}
    </g>
  );
}

/** The name of the component that the lower strip leaves out. */
function Giant(props: {
  blocks: readonly MapBlock[];
  zoomBytes: number;
  above: (bytes: number) => number;
}): ReactElement | null {
  const giant = props.blocks.find((block) => block.offsetBytes >= props.zoomBytes);
  if (giant === undefined) return null;
  const from = Math.max(props.above(giant.offsetBytes), props.above(LEGACY_XSAVE_BYTES));
  const to = props.above(giant.offsetBytes + giant.sizeBytes);
  return (
    <text
      x={(from + to) / 2}
      y={TOP + 18}
      textAnchor="middle"
      fontSize="12"
      fontWeight="600"
      fill={giant.kind === 'init' ? 'var(--text-2)' : 'var(--on-comp)'}
    >
      {giant.kind === 'init' ? `${giant.label}, init` : giant.label}
    </text>
  );
}

function Axis({ totalBytes, width, end }: { totalBytes: number; width: number; end: number }): ReactElement {
  const x = (bytes: number): number => (bytes / totalBytes) * width;
  const far = (at: number): boolean => at !== LEGACY_XSAVE_BYTES && Math.abs(x(at) - x(end)) > 40;
  return (
    <g className="val" fontSize="10" fill="var(--text-3)">
      {axisTicks(totalBytes, width)
        .filter(far)
        .map((at) => (
          <g key={at}>
            <path d={`M${x(at) + 0.5} ${TOP - 4}v4`} stroke="var(--line-2)" />
            <text x={x(at)} y={TOP - 8} textAnchor={at === 0 ? 'start' : 'middle'}>
              {at}
            </text>
          </g>
        ))}
      <text x={x(end)} y={TOP - 8} textAnchor={x(end) > width - 40 ? 'end' : 'middle'} fill="var(--text-1)">
        {end}
      </text>
    </g>
  );
}

/** What KVM_GET_XSAVE can carry, fixed by its ABI. */
function LegacyLine({ layout, x, width }: { layout: Layout; x: number; width: number }): ReactElement {
  const at = Math.min(Math.round(x) + 0.5, width - 1);
  const beyond = layout.totalBytes - LEGACY_XSAVE_BYTES;
  const standard = layout.format === 'standard';
  const left =
    beyond > 0
      ? standard
        ? 'KVM_GET_XSAVE ends here: 4096'
        : '4096'
      : 'KVM_GET_XSAVE carries all of it: it ends at 4096';
  const right = standard
    ? `${beyond} bytes more: only KVM_GET_XSAVE2`
    : `${beyond} bytes beyond; KVM hands out the standard format only`;
  return (
    <>
      <path d={`M${at} 4V${TOP + TOP_H + 8}`} stroke="var(--text-1)" strokeWidth="1.5" strokeDasharray="4 3" />
      <text x={at - 6} y="13" textAnchor="end" fill="var(--text-1)">
        {left}
      </text>
      {beyond > 0 ? (
        <text x={at + 6} y="13" fill="var(--text-2)">
          {right}
        </text>
      ) : null}
    </>
  );
}

/** Below the enlarged strip: offsets under wide blocks, names with leaders for the narrow ones. */
function Labels({
  blocks,
  x,
  width,
}: {
  blocks: readonly MapBlock[];
  x: (bytes: number) => number;
  width: number;
}): ReactElement {
  const middle = (block: MapBlock): number => x(block.offsetBytes + block.sizeBytes / 2);
  const widthOf = (block: MapBlock): number => x(block.sizeBytes);
  const narrow = blocks.filter(
    (block) => !['hole', 'software'].includes(block.kind) && !fits(block, widthOf(block) - 1),
  );
  const labels = spreadLabels(
    narrow.map((block) => ({
      key: String(block.offsetBytes),
      text: block.label,
      offsetText: String(block.offsetBytes),
      hue: block.hue,
      fromX: middle(block),
    })),
    width,
  );
  const bottom = LOW + LOW_H;
  return (
    <>
      {blocks
        .filter((block) => widthOf(block) >= 34 && !narrow.includes(block) && block.kind !== 'software')
        .map((block) => (
          <text
            key={block.offsetBytes}
            className="val"
            x={x(block.offsetBytes)}
            y={bottom + 12}
            fontSize="10"
            fill="var(--text-3)"
          >
            {block.offsetBytes}
          </text>
        ))}
      {labels.map((label) => {
        const anchor = Math.max(label.x + 4, Math.min(label.x + label.width - 4, label.fromX));
        const bend = Math.abs(anchor - label.fromX) < 1 ? '' : `L${anchor} ${bottom + 21}`;
        return (
          <g key={label.key}>
            <path
              d={`M${label.fromX} ${bottom + 1}V${bottom + 15}${bend}`}
              stroke={label.hue}
              fill="none"
              strokeWidth="1.2"
            />
            <text x={label.x} y={LABEL_Y} fill="var(--text-1)">
              {label.text}{' '}
              <tspan className="val" fontSize="10" fill="var(--text-3)">
                {label.offsetText}
              </tspan>
            </text>
          </g>
        );
      })}
    </>
  );
}
