import { toHexInOrder } from '../bits/bytes.ts';
import { encodeCapture } from '../session/document.ts';
import type { CaptureDocument, SessionDocument } from '../session/document-types.ts';
import { encodeSession } from '../session/session-document.ts';
import type { Driven } from './drive-act.ts';

/** What became of a part of a drive, as it crosses the bridge. */
export interface DriveResult extends Omit<Driven, 'capture' | 'executed' | 'traced'> {
  readonly capture: CaptureDocument;
  /** In hex, in order. */
  readonly executed?: string;
  /** Of a trace: a session whose first stop is the state before this part, and each further one that after an instruction. */
  readonly traced?: SessionDocument;
}

/** @param product which program says so */
export const driveResult = ({ capture, executed, traced, ...rest }: Driven, product: string): DriveResult => {
  const code = executed === undefined ? {} : { executed: toHexInOrder(executed) };
  const result = { ...rest, ...code, capture: encodeCapture(capture) };
  if (traced === undefined) return result;
  const stops = traced.map((one, at) => ({
    ...{ number: at + 1, cause: at === 0 ? ('attach' as const) : ('step' as const), label: null, write: null },
    ...one,
  }));
  return { ...result, traced: encodeSession({ product, savedAtMs: 0, pinned: null, stops }) };
};
