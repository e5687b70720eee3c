import { type ReactElement, useState } from 'react';
import { Button } from '../../controls/Button.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { type AttachedVcpu, selectAttached, selectWithEdits } from '../../store/select/attached.ts';
import type { LeaveHow } from '../../store/state/vcpus.ts';
import { type LeavingWrite, selectLeaving } from '../../store/vcpu/leaving.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { Dialog, DialogActs } from './Dialog.tsx';

/** Some attached vCPUs hold edits: keep what was written in all of them, or give their states back first. */
export function DetachDialog(): ReactElement {
  const store = useDebuggerStore();
  const attached = useDebugger(selectAttached);
  const edited = useDebugger(selectWithEdits);
  const name = useDebugger((state) => state.session?.name ?? '');
  const written = edited.filter(({ writes }) => writes > 0);
  const close = (): void => store.getState().setOverlay(null);
  const leaving = useDebugger(selectLeaving);
  const isModel = useDebugger((state) => state.session?.kind === 'model');
  const hasGeneral = leaving.some(({ general }) => general.length > 0);
  // What the guest has computed since is its own: rax of then beside rip of now is a crash.
  const [general, setGeneral] = useState(!leaving.some((row) => row.hasRun && row.general.length > 0));
  const closing = useDebugger((state) => state.overlay?.kind === 'detach' && state.overlay.closing === true);
  const leave = async (how: LeaveHow): Promise<void> => {
    close();
    await store.getState().detach(how);
    // A browser leaves its tabs to the user; what could not be detached stays, with its reason.
    if (closing && store.getState().session === null) window.close();
  };
  const title = `Detach from ${name}`;
  return (
    <Dialog label={title} look="ask">
      <div className="ask-body">
        <h2>{title}</h2>
        <p>
          {written.length === 0
            ? 'Staged edits were never written. Detaching discards them.'
            : edited.some(({ staged }) => staged > 0)
              ? 'Keep what was written, or put back the state found at attach? What is staged is discarded either way.'
              : 'Keep what was written, or put back the state found at attach?'}
        </p>
        <ul className="vcpu-edits" aria-label="vCPUs with edits">
          {edited.map((row) => (
            <EditedVcpu key={row.vcpu} row={row} />
          ))}
        </ul>
        {attached.length > edited.length ? (
          <p className="text-2">
            {count(attached.length - edited.length, 'attached vCPU')} without edits{' '}
            {attached.length - edited.length === 1 ? 'is' : 'are'} left as found.
          </p>
        ) : null}
        {written.length === 0 || leaving.length === 0 ? null : (
          <WouldWrite rows={leaving} general={general} several={attached.length > 1} />
        )}
        {hasGeneral ? (
          <label className="line leaving-general">
            <input type="checkbox" checked={general} onChange={(event) => setGeneral(event.target.checked)} />
            <span>
              General registers too
              {leaving.some((row) => row.hasRun && row.general.length > 0) ? (
                <span className="text-2">: the guest has run since, and stands at another instruction</span>
              ) : null}
            </span>
          </label>
        ) : null}
        <p className="text-2">
          {isModel
            ? 'The model ends; nothing on this machine is touched.'
            : 'Either way the VMM runs on as if nobody had been there: same threads, mappings and signals.'}
        </p>
      </div>
      <DialogActs>
        {written.length === 0 ? (
          <Button label="Discard and detach" look="primary" onPress={() => leave('keep')}>
            Discard and detach
          </Button>
        ) : (
          <>
            <Button
              label="Restore and detach"
              look="primary"
              onPress={() => leave(general || !hasGeneral ? 'restore' : 'without-general')}
            >
              <Glyph name="restore" />
              {written.length === 1 ? 'Restore and detach' : 'Restore all and detach'}
            </Button>
            <Button label="Keep my edits" onPress={() => leave('keep')}>
              Keep my edits
            </Button>
          </>
        )}
      </DialogActs>
    </Dialog>
  );
}

const MOST_LISTED = 12;
/** More lines than this scroll, and then the keyboard has to come there. */
const MOST_IN_SIGHT = 7;

/** Every value that restoring would write, as the vCPUs were read last. */
function WouldWrite(props: { rows: readonly LeavingWrite[]; general: boolean; several: boolean }): ReactElement {
  const lines = props.rows.reduce(
    (sum, { changes, general }) =>
      sum + Math.min(MOST_LISTED + 1, changes.length + (props.general ? general.length : 0)),
    0,
  );
  return (
    <section aria-label="What restoring writes" data-testid="leaving-writes">
      <h3>Restoring writes</h3>
      <ul className="leaving-writes val small" tabIndex={lines > MOST_IN_SIGHT ? 0 : undefined}>
        {props.rows.flatMap(({ vcpu, changes, general }) => {
          const all = [...changes, ...(props.general ? general : [])];
          const shown = all.slice(0, MOST_LISTED).map(({ path, before, after }) => (
            <li key={`${vcpu} ${path}`}>
              {props.several ? <span className="text-3">vCPU {vcpu}</span> : null}
              <span>{path}</span>
              <span className="text-3 ellipsis">{before}</span>
              <Glyph name="arrow" className="g12 text-3" />
              <span className="ellipsis">{after}</span>
            </li>
          ));
          const more = all.length - shown.length;
          return more === 0 ? shown : [...shown, <li key={`${vcpu} more`}>and {more} more</li>];
        })}
      </ul>
    </section>
  );
}

function EditedVcpu({ row }: { row: AttachedVcpu }): ReactElement {
  return (
    <li className="line">
      <span className="strong">vCPU {row.vcpu}</span>
      {row.writes === 0 ? null : (
        <span className="line tight">
          <Glyph name="check2" className="g12 is-written" />
          {count(row.writes, 'write')} {row.writes === 1 ? 'stands' : 'stand'}
        </span>
      )}
      {row.staged === 0 ? null : (
        <span className="line tight">
          <Glyph name="pen" className="g12 is-staged" />
          {row.staged} staged
        </span>
      )}
    </li>
  );
}
