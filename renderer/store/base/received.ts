import { describeProblem } from '../../../app/bits/decoded.ts';
import type { Answer, Bridge, CaptureDocument, FileState } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { decodeCapture } from '../../../app/session/document.ts';
import { ask, undecodedRefusal } from './ask.ts';

/** The capture that came over the bridge, or a refusal that says `what` of one that cannot be read. */
export const received = (
  document: CaptureDocument,
  what = 'The capture that the host sent cannot be read',
): Answer<Capture> => {
  const capture = decodeCapture(document);
  return capture.ok
    ? { ok: true, value: capture.value }
    : { ok: false, refusal: undecodedRefusal(what, describeProblem(capture.problem)) };
};

/** One state of a file, of which no session is opened. */
export interface StateRead {
  readonly file: FileState['file'];
  /** Its number within the file. */
  readonly state: number;
  readonly capture: Capture;
}

/** @param state null: the first state of the file, of a saved session the last */
export const readFileState = async (
  bridge: Bridge,
  [name, base64, state, preset]: Parameters<Bridge['readState']>,
  what: string,
): Promise<Answer<StateRead>> => {
  const answer = await ask(() => bridge.readState(name, base64, state, preset));
  if (!answer.ok) return answer;
  const { file } = answer.value;
  const capture = received(answer.value.capture, what);
  if (!capture.ok) return capture;
  const first = (file.kind === 'session' ? file.states.at(-1) : file.states[0])?.vcpu ?? 0;
  return { ok: true, value: { file, state: state ?? first, capture: capture.value } };
};
