import { errandOf } from '../../../app/debug/run-state.ts';
import type { VcpuState } from '../state/vcpus.ts';

/** What a vCPU does, in one word. */
export type RunWord = 'running' | 'frozen' | 'ended' | 'file';

type Run = Pick<VcpuState, 'session' | 'run'>;

/** Between two parts of a drive a vCPU stands still. Null: none is open. */
export const runWord = ({ session, run }: Run): RunWord | null => {
  if (session === null) return null;
  if (session.kind === 'file') return 'file';
  if (run.state === 'ended') return 'ended';
  return run.state === 'stopped' || run.errand?.kind === 'drive' ? 'frozen' : 'running';
};

export const isRunning = (vcpu: Run): boolean => runWord(vcpu) === 'running';
export const isFrozen = (vcpu: Run): boolean => runWord(vcpu) === 'frozen';
export const hasEnded = (vcpu: Run): boolean => runWord(vcpu) === 'ended';
export const hasHalted = ({ run }: Run): boolean => run.state === 'stopped' && run.why === 'halted';

export const isDriving = (vcpu: Run): boolean => errandOf(vcpu)?.kind === 'drive';
/** So many instructions are being traced. */
export const isTracing = (vcpu: Run): boolean => {
  const errand = errandOf(vcpu);
  return errand?.kind === 'drive' && errand.most !== null;
};
/** A condition is waited for. */
export const isWaiting = (vcpu: Run): boolean => errandOf(vcpu)?.kind === 'until';
/** A live vCPU is being read for its condition. */
export const isWatching = (vcpu: Run): boolean => isWaiting(vcpu) && vcpu.session?.kind === 'live';
/** A model steps by itself. */
export const isStepping = (vcpu: Run): boolean => vcpu.session?.kind === 'model' && isRunning(vcpu);

type Ran = Run & Pick<VcpuState, 'outcome'>;

/** The drive under way, or what the last one came to; null: it was not driven, or ran for something else since. */
export const selectDrive = (vcpu: Ran) => {
  const now = errandOf(vcpu) ?? vcpu.outcome;
  return now?.kind === 'drive' || now?.kind === 'driven' ? now : null;
};

/** The run until a condition that is waited for, or what the last one came to; null likewise. */
export const selectRunUntil = (vcpu: Ran) => {
  const now = errandOf(vcpu) ?? vcpu.outcome;
  return now?.kind === 'until' || now?.kind === 'held' || now?.kind === 'unheld' ? now : null;
};
