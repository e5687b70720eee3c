import { type Refused, refuse } from '../../../app/refusals/refusal.ts';

/** The command line was not understood: why, and which help says how the verb is used. */
export const wrongUsage = (what: string, verb?: string): Refused =>
  refuse('usage', what, { remedy: `tilescope ${verb === undefined ? '' : `${verb} `}--help shows how it is used` });
