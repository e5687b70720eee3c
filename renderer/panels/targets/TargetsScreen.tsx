import type { ReactElement } from 'react';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { RefusalNote } from '../../controls/RefusalNote.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { Glyph, Mark } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { ReadingNote } from '../notices/ReadingNote.tsx';
import { LeftOvers } from './LeftOver.tsx';
import { ModelList } from './ModelList.tsx';
import { RecentFiles } from './RecentFiles.tsx';
import { TargetDetail } from './TargetDetail.tsx';
import { TargetList } from './TargetList.tsx';

export function TargetsScreen(): ReactElement {
  const store = useDebuggerStore();
  const filter = useDebugger((state) => state.targetFilter);
  const refusal = useDebugger((state) => state.refusal);
  const reading = useDebugger((state) => state.reading !== null);
  const listing = useDebugger((state) => state.listing);
  const facts = useDebugger((state) => state.hostFacts);
  const helperProblem = useDebugger((state) => state.helperProblem);
  const theme = useDebugger((state) => state.theme);
  const skipped = listing.list?.skippedCount ?? 0;
  return (
    <div className="targets-frame" data-testid="targets">
      <header className="toolbar" data-region="toolbar" data-testid="toolbar">
        <span className="line">
          <Mark />
          <span className="product">Tilescope</span>
        </span>
        <span className="push" />
        <ActionButton action={action('palette')} look="ghost outlined" withKeys>
          <span className="wide-only">Search</span>
        </ActionButton>
        <ActionButton action={action('theme')} look="square ghost" glyph={theme === 'dark' ? 'sun' : 'moon'} />
        <ActionButton action={action('help')} look="square ghost" />
      </header>
      <main className="centre" data-region="centre" data-testid="centre">
        <div className="targets-head">
          <h1>Targets</h1>
          <span className="push" />
          <label className="field">
            <Glyph name="search" />
            <input
              type="search"
              data-filter
              aria-label="Filter targets"
              placeholder="Name, pid or guest"
              value={filter}
              spellCheck={false}
              onChange={(event) => {
                store.getState().setTargetFilter(event.target.value);
                store.getState().showDetailOf('target');
              }}
              onKeyDown={(event) => {
                if (event.key === 'Escape' && filter !== '') {
                  event.preventDefault();
                  store.getState().setTargetFilter('');
                }
                if (event.key === 'ArrowDown') {
                  event.preventDefault();
                  document.querySelector<HTMLElement>('.target-list')?.focus();
                }
              }}
            />
            <kbd>/</kbd>
          </label>
          <ActionButton action={action('refresh')} look="square" />
          <ActionButton action={action('open-file')}>Open file…</ActionButton>
        </div>
        {refusal === null && listing.refusal === null && !reading ? null : (
          <div className="banners">
            <ReadingNote />
            {refusal === null ? null : (
              <RefusalNote refusal={refusal} onClose={() => store.getState().closeRefusal()} />
            )}
            {listing.refusal === null ? null : <RefusalNote refusal={listing.refusal} />}
          </div>
        )}
        <LeftOvers />
        <div className="scroll">
          <TargetList />
          <ModelList />
          <RecentFiles />
        </div>
      </main>
      <TargetDetail />
      <footer className="status" data-testid="status">
        <span className="line tight">
          <Glyph
            name={helperProblem === null ? 'check' : 'stop'}
            className={`g12 ${helperProblem === null ? 'is-written' : 'is-refused'}`}
          />
          helper <span className="val">{facts?.helper.version ?? ''}</span>
        </span>
        {helperProblem === null ? null : <span className="give is-refused">{helperProblem}</span>}
        {skipped === 0 ? null : (
          <span className="give">{count(skipped, 'process', 'processes')} of other users could not be looked into</span>
        )}
        <span className="push" />
        <span className="wide-only">{facts?.host === 'web' ? 'served on 127.0.0.1' : ''}</span>
      </footer>
    </div>
  );
}
