import type { Answer, OpenFile, SessionDocument } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';
import { decodeFile } from '../io/captures.ts';
import type { Reading } from './reading.ts';

/** One state of a file that a page has handed over, and what else the file holds. */
export interface ChosenState {
  readonly capture: Capture;
  /** By which it is chosen among the file's states. */
  readonly number: number;
  readonly file: OpenFile;
  /** All stops of a saved session; null for every other file. */
  readonly timeline: SessionDocument | null;
}

/** What is to be read of which bytes. */
export interface DecodeRequest {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The number of a thread, vCPU or stop; null: the first, of a saved session the last. */
  readonly wanted: number | null;
  /** The CPU whose layout the file has; '': what the file says, or a guess. */
  readonly preset: string;
  /** Told each second where it takes longer than that. */
  readonly onReading?: (reading: Reading) => void;
}

export type Decode = (request: DecodeRequest) => Promise<Answer<ChosenState>>;

/** In this thread. */
export const decodeHere: Decode = async ({ name, bytes, wanted, preset }) => chooseFrom(name, bytes, wanted, preset);

/**
 * @param wanted the number of a thread, vCPU or stop; null: the first, of a saved session the last
 * @param preset the CPU whose layout the file has; '': what the file says, or a guess
 */
export const chooseFrom = async (
  name: string,
  bytes: Uint8Array,
  wanted: number | null,
  preset: string,
): Promise<Answer<ChosenState>> => {
  const opened = await decodeFile(name, bytes, preset === '' ? {} : { preset });
  if (!opened.ok) return opened;
  const { kind, states, session } = opened.value;
  const unasked = kind === 'session' ? states.at(-1) : states[0];
  const state = wanted === null ? unasked : states.find(({ number }) => number === wanted);
  if (state === undefined) return refuse('file', `the file holds no state ${wanted ?? ''}`, { where: name });
  const choices = states.map(({ label, number }) => ({ vcpu: number, label }));
  return answer({
    capture: state.capture,
    number: state.number,
    file: { kind, states: choices, preset: preset === '' ? null : preset },
    timeline: session ?? null,
  });
};
