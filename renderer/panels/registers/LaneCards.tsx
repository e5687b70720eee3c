import { type ReactElement, useLayoutEffect, useRef, useState } from 'react';
import { vectorLanes } from '../../../app/register/vector.ts';
import { componentLabel } from '../../../app/xsave/components.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { hueOf } from '../../store/select/components.ts';
import { markedPart, type Provenance, shownMark } from '../../store/select/provenance.ts';
import { elementTypeOf, holderOf, type VectorFile } from '../../store/select/vector.ts';
import type { LaneType } from '../../store/state/view.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { fittedText, isWord, isZero, sizeOf } from './element-text.ts';
import { MARK_GLYPH } from './MarkLegend.tsx';

const LANE_BYTES = 16;

interface LaneCardsProps {
  readonly provenance: Provenance;
  readonly file: VectorFile;
  readonly index: number;
}

/** One register: its 128-bit lanes with the component and offset each comes from, and the widths that hold them. */
export function LaneCards({ provenance, file, index }: LaneCardsProps): ReactElement {
  const type = useDebugger((state) => state.laneType);
  const right = useDebugger((state) => state.laneZero === 'right');
  const cards = useRef<HTMLDivElement>(null);
  const [rowPx, setRowPx] = useState(760);
  useLayoutEffect(() => {
    const node = cards.current;
    if (node === null) return;
    const observer = new ResizeObserver(() => setRowPx(node.clientWidth));
    observer.observe(node);
    setRowPx(node.clientWidth);
    return () => observer.disconnect();
  }, []);
  const lanes = vectorLanes(provenance.now, index, elementTypeOf(type), file.widthBits);
  const shown = right ? [...lanes].reverse() : lanes;
  return (
    <div className="lane-cards" style={{ '--lanes': lanes.length }}>
      <div ref={cards} className="lane-row">
        {shown.map((lane) => (
          <div key={lane.lane} className={`lane-card ${lane.state}`}>
            <div className="lane-head">
              <span
                className={`swatch ${lane.state === 'inUse' ? '' : lane.state}`}
                style={{ '--hue': hueOf(lane.bit) }}
              />
              <span className="ellipsis">
                {componentLabel(lane.bit)} <span className="val text-3">{lane.offsetBytes ?? ''}</span>
              </span>
              <span className="push" />
              <span className="text-3">lane {lane.lane}</span>
            </div>
            <LaneBody
              provenance={provenance}
              holder={holderOf(provenance.now.image, file, index, lane.lane * LANE_BYTES, LANE_BYTES)}
              index={index}
              lane={lane.lane}
              init={lane.state === 'init'}
              bit={lane.bit}
              type={type}
              right={right}
              lanePx={(rowPx - (lanes.length - 1) * CARD_GAP_PX) / lanes.length}
            />
          </div>
        ))}
      </div>
      <Brackets index={index} file={file} right={right} />
    </div>
  );
}

interface LaneBodyProps {
  readonly provenance: Provenance;
  readonly holder: ReturnType<typeof holderOf>;
  readonly index: number;
  readonly lane: number;
  readonly init: boolean;
  readonly bit: number;
  readonly type: LaneType;
  readonly right: boolean;
  readonly lanePx: number;
}

function LaneBody({ provenance, holder, index, lane, init, bit, type, right, lanePx }: LaneBodyProps): ReactElement {
  const { register, lost } = holder;
  if (lost !== null) return <p className="lane-init">lost: {lost}</p>;
  const whole = markedPart(provenance, register, lane * LANE_BYTES, LANE_BYTES);
  if (whole === null) return <p className="lane-init">not in this image</p>;
  if (init && whole.mark === 'none') {
    return <p className="lane-init">{componentLabel(bit)} is in init: zero by definition</p>;
  }
  const size = sizeOf(type);
  const count = LANE_BYTES / size;
  // Eight hex digits need the room of two numbers. In a narrow card there are fewer beside each other, and more rows.
  const most = Math.min(type === 'hex' ? 2 : 4, count);
  const leastPx = (type === 'hex' ? 8 : LEAST_CHARACTERS) * CARD_DIGIT_PX + CARD_PADDING_PX;
  const columns = [4, 2].find((each) => each <= most && each * leastPx <= lanePx - CARD_EDGE_PX) ?? 1;
  const ascending = Array.from({ length: count }, (_, at) => lane * count + at);
  const order = right ? [...ascending].reverse() : ascending;
  return (
    <div className="lane-cells" style={{ '--columns': columns }}>
      {order.map((element) => (
        <LaneCell
          key={element}
          provenance={provenance}
          register={register}
          index={index}
          element={element}
          type={type}
          characters={charactersInCard((lanePx - CARD_EDGE_PX - (columns - 1)) / columns)}
          init={init}
        />
      ))}
    </div>
  );
}

interface LaneCellProps {
  readonly provenance: Provenance;
  readonly register: string;
  readonly index: number;
  readonly element: number;
  readonly type: LaneType;
  readonly characters: number;
  readonly init: boolean;
}

const CARD_GAP_PX = 4;
/** Border and padding of a card. */
const CARD_EDGE_PX = 6;
/** Advance width of a value digit at 12 px; at the right a cell keeps 6 px free. */
const CARD_DIGIT_PX = 7.2;
const CARD_PADDING_PX = 7;
/** "-1e9", "-Inf": with fewer a number is none. */
const LEAST_CHARACTERS = 4;
const charactersInCard = (cellPx: number): number =>
  Math.max(LEAST_CHARACTERS, Math.floor((cellPx - CARD_PADDING_PX) / CARD_DIGIT_PX));

function LaneCell({ provenance, register, index, element, type, characters, init }: LaneCellProps): ReactElement {
  const store = useDebuggerStore();
  const selected = useDebugger(
    (state) =>
      state.selection?.kind === 'vector' && state.selection.index === index && state.selection.element === element,
  );
  const size = sizeOf(type);
  const part = markedPart(provenance, register, element * size, size);
  const text = part === null ? 'not read' : fittedText(type, part.bytes, 0, characters);
  const mark = shownMark(part);
  const look = [
    'lane-cell',
    mark === 'none' ? '' : mark,
    selected ? 'selected' : '',
    part !== null && mark === 'none' && isZero(part.bytes, 0, size) ? 'zero' : '',
    isWord(text) && type !== 'hex' ? 'word' : '',
  ].join(' ');
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the mouse's shortcut to the same cell of the table below.
    // biome-ignore lint/a11y/useKeyWithClickEvents: see above.
    <div className={look} onClick={() => store.getState().select({ kind: 'vector', index, element })}>
      {mark === 'none' ? null : <Glyph name={MARK_GLYPH[mark]} className="g10" />}
      <span className="val lane-value">{text}</span>
      <span className="val micro lane-before">
        {part?.before == null
          ? ''
          : init && part.mark === 'staged'
            ? 'init'
            : fittedText(type, part.before, 0, characters)}
      </span>
      <span className="val micro lane-index">{element}</span>
    </div>
  );
}

/** The widths that are views of one register: xmm within ymm within zmm. */
function Brackets({ index, file, right }: { index: number; file: VectorFile; right: boolean }): ReactElement {
  const all = file.widthBits / 128;
  const widths = [
    { name: 'xmm', lanes: 1 },
    { name: 'ymm', lanes: 2 },
    { name: 'zmm', lanes: 4 },
  ].filter((width) => width.lanes <= all);
  return (
    <div className="lane-brackets" aria-hidden="true">
      {widths.map(({ name, lanes }) => (
        <div
          key={name}
          className="lane-bracket"
          style={{ gridColumn: right ? `${all - lanes + 1} / ${all + 1}` : `1 / ${lanes + 1}` }}
        >
          <span className="small">
            <span className="val">
              {name}
              {index}
            </span>{' '}
            <span className="text-3">{lanes * 128} bits</span>
          </span>
        </div>
      ))}
    </div>
  );
}
