import type { EXIT_CODES } from '../../../app/refusals/exit.ts';
import type { OptionName, WordKind } from './options.ts';

type ExitName = (typeof EXIT_CODES)[number]['name'];

export interface VerbRow {
  readonly name: string;
  /** One line for lists. */
  readonly says: string;
  /** What follows the verb, one line a form. */
  readonly usage: readonly string[];
  /** What the words behind it are, in order; the last one stands for all that follow. */
  readonly words: readonly WordKind[];
  readonly options: readonly OptionName[];
  /** Those of them behind which no word stands, though one does elsewhere; and what they say here. */
  readonly flags?: Readonly<Partial<Record<OptionName, string>>>;
  /** Paragraphs: what is not seen at once. */
  readonly about: readonly string[];
  readonly examples: readonly { readonly line: string; readonly says: string }[];
  readonly exits: readonly ExitName[];
}

/** Options that name a running vCPU. */
export const LIVE = ['pid', 'vcpu', 'suspend-seccomp'] as const;

/** How a verb ends that reads or writes a running vCPU. */
export const LIVE_EXITS = ['done', 'refused', 'usage', 'file', 'noTarget', 'helper'] as const;
