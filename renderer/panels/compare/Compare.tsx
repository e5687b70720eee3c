import { type DragEvent, type ReactElement, useState } from 'react';
import { diffText } from '../../../app/diff/diff-report.ts';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { Segment } from '../../controls/Segment.tsx';
import { selectCaptureA, selectTitleA, selectTitleB } from '../../store/compare/compare-sides.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { jumpOf } from '../../store/select/jump.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { ByteDifferences } from './ByteDifferences.tsx';
import { CopyReport } from './CopyReport.tsx';
import { Differences, Equal } from './Differences.tsx';
import { differencesOf } from './differences-of.ts';
import type { CompareLook } from './look.ts';
import { compareWithPageFile, SideA, SideB } from './SideChoice.tsx';

/** A beside B, the stop on screen: counts for each component, and the values that differ. */
export function Compare(): ReactElement | null {
  const store = useDebuggerStore();
  const before = useDebugger(selectCaptureA);
  const after = useDebugger(selectCapture);
  const titleA = useDebugger(selectTitleA);
  const titleB = useDebugger(selectTitleB);
  const type = useDebugger((state) => state.laneType);
  const [look, setLook] = useState<CompareLook | 'bytes'>('side-by-side');
  const [shown, setShown] = useState<'differences' | 'all'>('differences');
  const [dropping, setDropping] = useState(false);
  const chosen = useDebugger((state) => state.differencePath);
  if (before === null || after === null) return null;
  const found = differencesOf(before, after, type);
  const components = found.filter(({ bit }) => bit !== null).length;
  const bytes = found.reduce((sum, one) => sum + one.changedBytes, 0);
  const differ = `${count(components, 'component')} ${components === 1 ? 'differs' : 'differ'}`;
  const counted = `${differ}, ${count(bytes, 'byte')}; ${type} in vectors`;
  // A file dropped here is compared with; beside the view it would be opened.
  const onDrag = (event: DragEvent): void => {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    event.stopPropagation();
    setDropping(true);
  };
  const onDrop = (event: DragEvent): void => {
    event.preventDefault();
    event.stopPropagation();
    setDropping(false);
    const file = event.dataTransfer.files[0];
    if (file !== undefined) void compareWithPageFile(store, file);
  };
  const first = found[0]?.values[0]?.path ?? null;
  const isListed = found.some(({ values }) => values.some(({ path }) => path === chosen));
  return (
    <section
      className={dropping ? 'compare dropping' : 'compare'}
      aria-label="Compare"
      data-testid="compare"
      onDragOver={onDrag}
      onDragLeave={() => setDropping(false)}
      onDrop={onDrop}
    >
      <div className="section-head compare-head">
        <Segment
          name="Components"
          value={shown}
          choices={[
            {
              value: 'differences',
              label: 'Only differences',
              content: (
                <span className="line tight">
                  <Glyph name="differs" className="g12" /> Only differences
                </span>
              ),
            },
            { value: 'all', label: 'All' },
          ]}
          onChoose={setShown}
        />
        <Segment
          name="Look"
          value={look}
          choices={[
            { value: 'side-by-side', label: 'Side by side' },
            { value: 'inline', label: 'Inline' },
            { value: 'bytes', label: 'Bytes' },
          ]}
          onChoose={setLook}
        />
        <span className="push" />
        <span className="text-3 small ellipsis" data-testid="compare-count" title={counted}>
          {counted}
        </span>
        <ActionButton action={action('swap-stops')} look="tiny ghost" glyphClass="g12">
          Swap
        </ActionButton>
        <span className="narrow-only">
          <CopyReport make={() => diffText(before, after, [titleA, titleB])} look="tiny ghost" />
        </span>
      </div>
      <div className="compare-sides">
        <span className="small text-2 compare-sides-name">{look === 'bytes' ? 'offset' : 'register, element'}</span>
        <SideA />
        <SideB />
        <span className="small text-2 end">{look === 'bytes' ? '' : 'B minus A'}</span>
        <span className="small text-2 end">{look === 'bytes' ? '' : 'bits differ'}</span>
      </div>
      {look === 'bytes' ? (
        found.length === 0 ? (
          <Equal />
        ) : (
          <ByteDifferences before={before} after={after} found={found} />
        )
      ) : (
        <Differences
          before={before}
          after={after}
          titles={[titleA, titleB]}
          look={look}
          withEqual={shown === 'all'}
          withHeads={false}
          chosen={isListed ? chosen : first}
          onChoose={(path) => store.getState().chooseDifference(path)}
          onJump={(path) => jumpOf(after, path)?.go(store.getState())}
        />
      )}
    </section>
  );
}
