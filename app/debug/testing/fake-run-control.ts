import type { Capture, GeneralRegisters } from '../../capture/capture.ts';
import { modelRunControl } from '../model-run-control.ts';
import type { RunControl } from '../target.ts';
import type { FakeTarget } from './fake-target.ts';

/** The loop that a vCPU in memory runs: RIP goes round, RAX counts the instructions. */
export const FAKE_LOOP = { base: 0x1000n, instructions: 8n } as const;

/** Drives a vCPU in memory, which a test may also write in between. */
export const fakeRunControl = (target: FakeTarget): RunControl => {
  const step = (): boolean => {
    const { general } = target.state.facts;
    if (general === null) return false;
    const rax = BigInt.asUintN(64, general.rax + 1n);
    const rip = FAKE_LOOP.base + (rax % FAKE_LOOP.instructions);
    const next: GeneralRegisters = { ...general, rax, rip };
    target.state = { ...target.state, facts: { ...target.state.facts, general: next } };
    return true;
  };
  const capture = (): Capture => ({ ...target.state, facts: { ...target.state.facts, frozen: true, inKvmRun: true } });
  return modelRunControl({ step, capture });
};
