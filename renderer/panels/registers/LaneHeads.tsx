import type { ReactElement } from 'react';
import { vectorFragments } from '../../../app/register/vector.ts';
import { componentLabel } from '../../../app/xsave/components.ts';
import { hueOf } from '../../store/select/components.ts';
import type { Provenance } from '../../store/select/provenance.ts';
import { elementsOf, type VectorFile } from '../../store/select/vector.ts';
import type { LaneType } from '../../store/state/view.ts';

interface LaneHeadsProps {
  readonly provenance: Provenance;
  readonly file: VectorFile;
  readonly index: number;
  readonly type: LaneType;
  readonly right: boolean;
  readonly cellPx: number;
}

/** Which component keeps which lane of the registers from this one on. */
export function LaneHeads({ provenance, file, index, type, right, cellPx }: LaneHeadsProps): ReactElement {
  const fragments = vectorFragments(provenance.now.image, file.kind, index);
  const lanes = Array.from({ length: file.widthBits / 128 }, (_, lane) => ({
    lane,
    bit: fragments.findLast(({ fromBit }) => fromBit <= lane * 128)?.bit ?? 0,
  }));
  return (
    <div className="lane-heads" aria-hidden="true">
      <span className="row-head" />
      {(right ? lanes.toReversed() : lanes).map(({ lane, bit }) => (
        <span
          key={lane}
          className="lane-title ellipsis"
          style={{ width: (cellPx * elementsOf(file, type)) / lanes.length, '--hue': hueOf(bit) }}
          title={`bits ${lane * 128 + 127}:${lane * 128}, kept in ${componentLabel(bit)}`}
        >
          lane {lane} <span className="text-2">{componentLabel(bit)}</span>
        </span>
      ))}
    </div>
  );
}
