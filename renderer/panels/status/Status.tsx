import type { ReactElement } from 'react';
import { HelperState } from '../../controls/HelperState.tsx';
import { fixed } from '../../fixed.ts';
import { useDebugger } from '../../store/context.ts';
import { isLongPause, pausesOf } from '../../store/select/pauses.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import { selectOtherVcpus } from '../../store/vcpu/drive-slice.ts';
import { kernelText, pauseText, tidText } from '../../wording.ts';

/** How the stop on screen was read. Never a place for errors. */
export function Status(): ReactElement {
  const capture = useDebugger(selectCapture);
  const laneZero = useDebugger((state) => state.laneZero);
  const vcpu = useDebugger((state) => state.session?.vcpu ?? 0);
  const kind = useDebugger((state) => state.session?.kind);
  const stepsPerSecond = useDebugger((state) => state.stepsPerSecond);
  const pauses = useDebugger((state) => (state.session?.kind === 'live' ? pausesOf(state.stops) : null));
  const others = useDebugger(selectOtherVcpus);
  const facts = capture?.facts;
  return (
    <footer className="status" data-testid="status" data-region="status" tabIndex={-1}>
      <HelperState />
      <span>
        vCPU {vcpu}
        {facts?.target.tid == null ? null : (
          <>
            , thread <span className="val">{tidText(facts.target.tid)}</span>
          </>
        )}
      </span>
      {others === null ? null : <span data-testid="other-vcpus">other vCPUs {others}</span>}
      {facts === undefined || capture === null ? null : (
        <>
          {facts.pauseNs === null ? null : (
            <span>
              pause{' '}
              <span className={`val ${isLongPause({ greatestNs: Number(facts.pauseNs) }) ? 'is-armed' : ''}`}>
                {pauseText(facts.pauseNs)}
              </span>
              {pauses === null || pauses.looks < 2 ? null : (
                <>
                  , median <span className="val">{pauseText(pauses.medianNs)}</span>, greatest{' '}
                  <span className={`val ${isLongPause(pauses) ? 'is-armed' : ''}`}>{pauseText(pauses.greatestNs)}</span>
                </>
              )}
            </span>
          )}
          <span className="give">
            read with <span className="val">{facts.imageCall}</span>,{' '}
            <span className="val">{capture.image.bytes.length}</span> bytes, {capture.image.layout.format} format
          </span>
        </>
      )}
      <span className="push" />
      {kind !== 'live' || stepsPerSecond === null ? null : (
        <span className="wide-only">
          stepping <span className="val">{fixed('rate', String(Math.round(stepsPerSecond)))}</span> a second
        </span>
      )}
      {kind === 'live' ? <span className="wide-only">state at attach kept</span> : null}
      {facts?.kernelRelease == null ? null : (
        <span className="wide-only">
          host <span className="val">{kernelText(facts.kernelRelease)}</span>
        </span>
      )}
      <span>lane 0 {laneZero}</span>
    </footer>
  );
}
