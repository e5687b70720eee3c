import type { Answer } from '../../../app/bridge.ts';
import type { RunMade } from '../../../app/debug/drive.ts';
import type { Session } from '../../../app/debug/session.ts';
import { checkTracedProducts } from '../../../app/debug/traced-products.ts';
import { parseUntil } from '../../../app/debug/until.ts';
import { EXIT } from '../../../app/refusals/exit.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { createHistory } from '../../../app/session/history.ts';
import { type SavedStop, sessionText } from '../../../app/session/session-document.ts';
import { checkWritable, writeBytes, writeCaptureFile } from '../../io/captures.ts';
import { PRODUCT } from '../../product.ts';
import { limitDrive } from './drive-limit.ts';
import type { RunCommand, TraceCommand } from './drive-words.ts';
import { jsonText, type Output } from './output.ts';
import { areRight, tracedJson, tracedText } from './product-trace.ts';
import { INTERRUPTS_NOT_BLOCKED, STORED_FLAGS } from './step.ts';

/** `tilescope run` and `tilescope trace`: a guest driven instruction by instruction. */

type WithSession = (work: (session: Session) => Promise<Answer<Output>>) => Promise<Answer<Output>>;

const hex = (value: bigint): string => `0x${value.toString(16)}`;

const ENDS = {
  holds: null,
  most: null,
  halted: 'no instruction ended for a second and a half: the guest waits for an interrupt',
  busy: 'the VMM had more exits to answer than are waited for',
} as const satisfies Record<Exclude<RunMade['why'], 'over'>, string | null>;

/** One line on a terminal that is written anew; nothing where standard error is none. */
const progressLine = (words: (made: number, perSecond: number) => string) => {
  const beganMs = performance.now();
  let saidMs = beganMs;
  const rate = (made: number): number => Math.round((made * 1_000) / Math.max(1, performance.now() - beganMs));
  return {
    tell: (made: number): void => {
      if (!process.stderr.isTTY || performance.now() - saidMs < 200) return;
      saidMs = performance.now();
      process.stderr.write(`\r\x1b[K${words(made, rate(made))}`);
    },
    end: (): void => {
      if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    },
    rate,
  };
};

/** What is to be known of the steps themselves. */
const ofSteps = ({ interruptsBlocked, unguarded }: RunMade): string =>
  `${interruptsBlocked ? '' : INTERRUPTS_NOT_BLOCKED}${unguarded === null ? '' : `${unguarded}: ${STORED_FLAGS}`}`;

/** `run`: runs until the condition holds, so many steps or so long at most, and lets the guest go on. */
export const runUntil = async (
  withSession: WithSession,
  { until, steps, waitSeconds, out, json }: RunCommand,
): Promise<Answer<Output>> => {
  // Before a target is attached to for it.
  const place = out === null ? answer(null) : await checkWritable(out);
  if (!place.ok) return place;
  return withSession(async (session) => {
    const condition = parseUntil(until, session.attached);
    if (!condition.ok) return condition;
    const limit = limitDrive(waitSeconds);
    const progress = progressLine((made, perSecond) => `${made} instructions, ${perSecond} a second; Ctrl+C ends it`);
    const made = await session.runUntil(condition.value, {
      most: steps,
      isOver: limit.isOver,
      onProgress: progress.tell,
    });
    progress.end();
    limit.stop();
    if (!made.ok) return made;
    const { why: end, capture } = made.value;
    const written = out === null ? answer(null) : await writeCaptureFile(out, capture);
    if (!written.ok) return written;
    const notHeld = `${condition.value.words}: not in ${made.value.made} instructions`;
    const words = end === 'over' ? limit.why('the time is over') : ENDS[end];
    const why = end === 'holds' ? null : words === null ? notHeld : `${notHeld}: ${words}`;
    const perSecond = progress.rate(made.value.made);
    const rip = capture.facts.general?.rip ?? null;
    const text = json
      ? jsonText({
          ...{ holds: end === 'holds', steps: made.value.made, rip: rip === null ? null : hex(rip), why },
          ...{ stepsPerSecond: perSecond, requests: made.value.requests },
        })
      : `${why ?? `${condition.value.words} after ${made.value.made} instructions, rip ${rip === null ? 'not known' : hex(rip)}`}\n` +
        `${perSecond} instructions a second\n`;
    return answer({ text, code: end === 'holds' ? EXIT.done : EXIT.refused, note: ofSteps(made.value) });
  });
};

/** `trace`: the state after each instruction, into a session file. */
export const trace = async (
  withSession: WithSession,
  { steps, until, check, out, json }: TraceCommand,
): Promise<Answer<Output>> => {
  const place = await checkWritable(out);
  if (!place.ok) return place;
  return withSession(async (session) => {
    const condition = until === null ? answer(null) : parseUntil(until, session.attached);
    if (!condition.ok) return condition;
    const limit = limitDrive(null);
    const history = createHistory();
    const stops: SavedStop[] = [];
    const progress = progressLine(
      (made, perSecond) => `${made} of ${steps} instructions, ${perSecond} a second; Ctrl+C ends it`,
    );
    const made = await session.trace(steps, {
      most: steps,
      isOver: limit.isOver,
      onProgress: progress.tell,
      until: condition.value,
      onState: (capture, code) => {
        const kept = history.add(capture);
        const rip = capture.facts.general?.rip;
        const cause = stops.length === 0 ? 'attach' : 'step';
        // Put together anew where it is asked for: what is kept shares its bytes with the other stops.
        stops.push({
          ...{
            number: stops.length + 1,
            cause,
            label: rip === undefined ? null : `rip ${hex(rip)}`,
            write: null,
            kept,
            code,
          },
          get capture() {
            return history.captureOf(kept);
          },
        });
      },
    });
    progress.end();
    limit.stop();
    if (!made.ok) return made;
    const perSecond = progress.rate(made.value.made);
    const saved = { product: PRODUCT, savedAtMs: Date.now(), pinned: null, stops };
    const written = await writeBytes(out, new TextEncoder().encode(sessionText(saved)));
    if (!written.ok) return written;
    const end = made.value.why;
    const words = end === 'over' ? limit.why('') : ENDS[end];
    const why =
      until !== null && end === 'most' ? `${condition.value?.words}: not in ${made.value.made} instructions` : words;
    const products = check ? checkTracedProducts(stops) : null;
    const isRight = products === null || areRight(products);
    const text = json
      ? jsonText({
          out,
          steps: made.value.made,
          stops: stops.length,
          why,
          stepsPerSecond: perSecond,
          bytes: written.value,
          ...(products === null ? {} : { products: tracedJson(products) }),
        })
      : `${out}: ${stops.length} stops, attach and ${made.value.made} instructions, ${written.value} bytes\n` +
        `${perSecond} instructions a second, the whole state kept after each\n${why === null ? '' : `${why}\n`}${products === null ? '' : tracedText(products, out)}`;
    return answer({ text, code: why === null && isRight ? EXIT.done : EXIT.refused, note: ofSteps(made.value) });
  });
};
