import { type ReactElement, useEffect, useMemo } from 'react';
import { action } from '../../actions/registry.ts';
import { modelRefusal } from '../../actions/target-actions.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { Button } from '../../controls/Button.tsx';
import { HelperState } from '../../controls/HelperState.tsx';
import { RefusalNote } from '../../controls/RefusalNote.tsx';
import { isDeterministic } from '../../fixed.ts';
import { commandOf, shownKey } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { targetsMatching } from '../../store/vcpu/target-slice.ts';
import { Glyph, Mark } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { ReadingNote } from '../notices/ReadingNote.tsx';
import { ModelList } from './ModelList.tsx';
import { Orphans } from './Orphans.tsx';
import { RecentFiles } from './RecentFiles.tsx';
import { TargetDetail } from './TargetDetail.tsx';
import { TargetList } from './TargetList.tsx';

export function TargetsScreen(): ReactElement {
  const store = useDebuggerStore();
  useLookingAgain();
  const refusal = useDebugger((state) => state.refusal);
  const reading = useDebugger((state) => state.reading !== null);
  const skipped = useDebugger((state) => state.listing.list?.skippedCount ?? 0);
  const skippedRemedy = useDebugger((state) => state.listing.list?.skippedRemedy);
  // Of a host that is gone it is said once, however many requests were under way.
  const listRefusal = useDebugger((state) => (state.hostLost ? null : state.listing.refusal));
  const facts = useDebugger((state) => state.hostFacts);
  const helperProblem = useDebugger((state) => state.helperProblem);
  const theme = useDebugger((state) => state.theme);
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
      <main className="centre" data-region="targets" data-testid="centre" tabIndex={-1}>
        <Hero />
        {refusal === null && listRefusal === null && !reading ? null : (
          <div className="banners">
            <ReadingNote />
            {refusal === null ? null : (
              <RefusalNote refusal={refusal} onClose={() => store.getState().closeRefusal()} />
            )}
            {listRefusal === null ? null : <RefusalNote refusal={listRefusal} />}
          </div>
        )}
        <Orphans />
        <div className="scroll">
          <LiveHead />
          <TargetList />
          <ModelList />
          <RecentFiles />
        </div>
      </main>
      <TargetDetail />
      <footer className="status" data-testid="status" data-region="status" tabIndex={-1}>
        <HelperState />
        {helperProblem === null ? null : <span className="give is-refused">{helperProblem}</span>}
        {skipped === 0 ? null : (
          <span className="give" title={skippedRemedy}>
            {count(skipped, 'process', 'processes')} of other users could not be looked into
            {skippedRemedy === undefined ? '' : `: ${skippedRemedy}`}
          </span>
        )}
        <span className="push" />
        <span className="wide-only" data-testid="served">
          {facts?.host === 'web' ? 'served on 127.0.0.1' : ''}
        </span>
      </footer>
    </div>
  );
}

/** Nothing is looked for in a page that nobody sees, nor in one that is to look the same twice. */
const LOOK_EVERY_MS = 3000;
const useLookingAgain = (): void => {
  const store = useDebuggerStore();
  useEffect(() => {
    if (isDeterministic()) return;
    const timer = setInterval(() => {
      const { session, busy } = store.getState();
      if (document.visibilityState === 'visible' && session === null && busy === null)
        void store.getState().refreshTargets();
    }, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [store]);
};

/** What this is, what may be dropped, and a way in for one who has no guest at hand. */
function Hero(): ReactElement {
  const store = useDebuggerStore();
  const model = useDebugger((state) => state.models?.[0] ?? null);
  const refused = useDebugger(modelRefusal);
  return (
    <div className="targets-head">
      <div>
        <h1>See, change and step the extended state of a running KVM guest</h1>
        <p className="text-2">
          XSAVE components, AMX tiles and XFD of any vCPU on this machine. The VMM needs no preparation and is left as
          it was.
        </p>
        {/* Its room is kept until the models are known: nothing below it moves. */}
        <p className={`targets-try ${model === null ? 'is-awaited' : ''}`}>
          <span className="strong">Try</span>
          <Button
            label={model?.title ?? ''}
            look="model-button"
            glyph="flask"
            glyphClass="is-accent"
            refused={refused}
            onPress={() => void (model === null ? null : store.getState().openModel(model.id))}
          >
            {model?.title ?? ''}
          </Button>
          <span className="text-2">
            then press <kbd>{shownKey('step')}</kbd> and watch its tiles fill. A model: nothing on this machine is
            touched.
          </span>
        </p>
      </div>
      <div className="targets-drop wide-only">
        <Glyph name="file" className="text-3" />
        <span>
          <span className="strong">Drop a file anywhere</span>
          <span className="text-2 small">core, raw XSAVE image, VMM snapshot or a saved session</span>
        </span>
      </div>
    </div>
  );
}

function LiveHead(): ReactElement {
  const store = useDebuggerStore();
  const filter = useDebugger((state) => state.targetFilter);
  const list = useDebugger((state) => state.listing.list);
  const shown = useMemo(() => targetsMatching(list, filter).length, [list, filter]);
  const found = list?.targets.length ?? 0;
  return (
    <div className="targets-title">
      <h2>Live on this machine</h2>
      {found === 0 ? null : (
        <span className="text-3 small ellipsis" data-testid="targets-count">
          {count(found, 'process holds vCPUs', 'processes hold vCPUs')}
          {shown === found ? '' : `, ${shown} shown`}
        </span>
      )}
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
            const command = commandOf('field', event);
            if (command === 'cancel' && filter !== '') {
              event.preventDefault();
              store.getState().setTargetFilter('');
            }
            if (command === 'list') {
              event.preventDefault();
              document.querySelector<HTMLElement>('.target-list')?.focus();
            }
          }}
        />
        <kbd>{shownKey('filter')}</kbd>
      </label>
      <ActionButton action={action('refresh')} look="square ghost" />
      <ActionButton action={action('demo')} look="ghost outlined">
        Start a demo guest
      </ActionButton>
      <ActionButton action={action('open-file')}>Open file…</ActionButton>
    </div>
  );
}
