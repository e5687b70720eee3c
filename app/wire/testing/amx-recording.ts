import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { assert, type Decoded, describeProblem } from '../../bits/decoded.ts';
import type { Capture, TargetIdentity } from '../../capture/capture.ts';
import { decodeRefusal, type HelperRefusal } from '../../refusals/helper-refusal.ts';
import { type Frame, FrameReader, STATUS } from '../frames.ts';
import { type AttachReply, EVENTS, type HelloReply, MESSAGES, type MessageName, type ReplyOf } from '../messages.ts';
import type { StepRecord } from '../run.ts';
import { toCapture } from '../to-capture.ts';

/**
 * The session recorded on KVM with AMX (e2e/captures/README.md lists its steps), read by the code that shows it. TILESCOPE_AMX_SESSION
 * names the folder of another one: that which was just had there.
 */
const FOLDER =
  process.env.TILESCOPE_AMX_SESSION === undefined
    ? new URL('../../../e2e/captures/', import.meta.url)
    : pathToFileURL(`${process.env.TILESCOPE_AMX_SESSION}/`);

const fileOf = (name: string): Buffer => readFileSync(new URL(name, FOLDER));
const streamOf = (name: string): readonly Frame[] => {
  const reader = new FrameReader();
  const { frames, problem } = reader.push(fileOf(name));
  assert(problem === null && reader.end() === null, `${name} is not whole frames`);
  return frames;
};

interface Step {
  readonly requestId: number;
  readonly step: string;
}

export const steps: readonly Step[] = JSON.parse(fileOf('amx-session.json').toString());
export const requests = streamOf('amx-session.requests');
export const answers = streamOf('amx-session.frames');

export const sure = <T>(result: Decoded<T>): T => {
  if (!result.ok) throw new Error(describeProblem(result.problem));
  return result.value;
};

const answerTo = (name: string, status: number): Frame => {
  const requestId = steps.find(({ step }) => step === name)?.requestId;
  const frame = answers.find((answer) => answer.requestId === requestId);
  assert(frame?.status === status, `no such answer to ${name}`);
  return frame;
};

export const replyTo = <N extends MessageName>(message: N, name: string): ReplyOf<N> => {
  const frame = answerTo(name, STATUS.OK);
  assert(frame.code === MESSAGES[message].code, `${name} was not ${message}`);
  return sure(MESSAGES[message].decode(frame.payload) as Decoded<ReplyOf<N>>);
};

/** Of a run: its events, up to the next answer. */
export const recordsOf = (name: string): readonly StepRecord[] => {
  replyTo('run', name);
  const begun = answers.indexOf(answerTo(name, STATUS.OK));
  const records: StepRecord[] = [];
  for (const { status, code, payload } of answers.slice(begun + 1)) {
    if (status !== STATUS.EVENT || code === EVENTS.stopped.code) break;
    records.push(...sure(EVENTS.steps.decode(payload)).records);
  }
  return records;
};

export const refusalOf = (name: string): HelperRefusal => sure(decodeRefusal(answerTo(name, STATUS.REFUSED).payload));

const hello: HelloReply = replyTo('hello', 'hello');
export const attached: AttachReply = replyTo('attach', 'attached');
const identity: TargetIdentity = {
  kind: 'live',
  vmm: 'demo-vmm',
  name: 'demo-vmm',
  pid: null,
  startTimeTicks: attached.startTimeTicks,
  executable: null,
  vcpu: 0,
  tid: attached.tid,
};

export const captureAt = (name: string): Capture =>
  sure(toCapture(replyTo('capture', name), attached, hello, identity));
