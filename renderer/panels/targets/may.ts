import type { TargetSummary } from '../../../app/bridge.ts';
import type { GlyphName } from '../../theme/Glyph.tsx';

/** What may be done with a target, as far as the list knows before attaching. */
export type May = 'yes' | 'no' | 'at-attach';

export const ACTS = ['read', 'write', 'step'] as const;

/**
 * Without a filter on its threads every call is allowed, strict mode ends the process over any of them (seccomp(2)). A filter's answer
 * is worked out at attach, call by call: it may allow reading alone.
 */
export const mayOf = ({ attachable, vcpus }: TargetSummary): May => {
  if (!attachable || vcpus.some(({ seccomp }) => seccomp === 'strict')) return 'no';
  return vcpus.some(({ seccomp }) => seccomp === 'filter') ? 'at-attach' : 'yes';
};

export const MAY: Readonly<
  Record<
    May,
    {
      readonly word: string;
      readonly glyph: GlyphName;
      readonly look: string;
      readonly all: string;
      readonly pill: string;
    }
  >
> = {
  yes: { word: 'yes', glyph: 'check', look: 'is-written', all: 'read, write, step', pill: 'good' },
  no: { word: 'no', glyph: 'stop', look: 'is-refused', all: 'not attachable', pill: 'bad' },
  'at-attach': { word: 'asked', glyph: 'unknown', look: 'text-3', all: 'judged at attach', pill: '' },
};
