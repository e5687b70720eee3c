import { hasBit, hexShort } from '../bits/mask.ts';
import type { Capture } from '../capture/capture.ts';
import type { Image } from '../capture/image.ts';
import { componentLabel } from '../xsave/components.ts';
import { xfdValue } from '../xsave/facts.ts';
import { failedMeans } from '../xsave/failed.ts';
import { xstateBv } from '../xsave/header.ts';
import { isByName } from '../xsave/layout.ts';
import { firstRefusal } from '../xsave/preflight.ts';
import type { Destination } from './destination.ts';
import type { AsItIs, LayoutDifference, RestoreVerdict } from './verdict.ts';

const list = (names: readonly string[]): string => names.join(', ');

/** Nothing is lost, and yet the state will not do: said where nobody can miss it. */
const butWrong = (warnings: RestoreVerdict['warnings']): string => {
  const errors = warnings.filter(({ severity }) => severity !== 'warning').length;
  if (errors === 0) return '';
  return errors === 1
    ? '; but there is an error in the state itself'
    : `; but there are ${errors} errors in the state itself`;
};

const headline = ({ fits, destination, lost, steps, warnings }: Omit<RestoreVerdict, 'sentences'>): string => {
  if (fits === 'yes') return `fits ${destination}: everything in use can be restored${butWrong(warnings)}`;
  if (fits === 'after-conversion') {
    return `fits ${destination} after conversion: everything in use can be restored, but not from this image as it is`;
  }
  if (fits === 'no') return `does not fit ${destination}: ${firstRefusal(steps)?.sentence ?? 'refused'}`;
  return `fits ${destination} with losses${lost.length === 0 ? '' : `: ${list(lost.map(({ name }) => name))}`}`;
};

/** Before all else: the copy comes before every check of what was copied. */
const sayShort = ({ short }: AsItIs): string[] =>
  short === null
    ? []
    : [
        `KVM_SET_XSAVE copies ${short.copies} bytes and the image has ${short.bytes}: alone it is ${short.errno}, or what lies behind it is taken; a VMM fills the rest with zeros, and what follows is of that`,
      ];

const sayAsItIs = ({ outcome, refusal, misread }: AsItIs): string => {
  if (outcome === 'refused') {
    return `KVM_SET_XSAVE of the image as it is: ${refusal?.errno ?? 'refused'}, ${refusal?.sentence ?? ''}`;
  }
  if (outcome === 'taken') return 'KVM_SET_XSAVE takes the image as it is';
  const names = list(misread.map(componentLabel));
  return `KVM_SET_XSAVE takes the image as it is and reads ${names} from the wrong place: convert it first`;
};

// Components that one side lacks are named where they are in use, as lost.
const moved = (rows: readonly LayoutDifference[]): string[] =>
  rows.flatMap(({ name, here, there }) => {
    if (here === null || there === null) return [];
    const size =
      here.sizeBytes === there.sizeBytes ? '' : `, ${here.sizeBytes} bytes here and ${there.sizeBytes} there`;
    return [`${name} lies at ${here.offsetBytes} here and at ${there.offsetBytes} there${size}`];
  });

const STALE = 'bytes-under-clear-bit';
/** KVM gives back the mask that it was given: what is stale is in init there. */
const afterwards = (
  own: Image,
  { image, asItIs }: Pick<RestoreVerdict, 'image' | 'asItIs'>,
  bits: readonly number[],
) => {
  const bv = xstateBv(asItIs.outcome === 'taken' ? own : image);
  return `${hexShort(bv)}, ${list(bits.filter((bit) => !hasBit(bv, bit)).map(componentLabel))} in init`;
};

/** The verdict in words, the most important first. */
export const saySentences = (
  { image, facts }: Capture,
  destination: Destination,
  verdict: Omit<RestoreVerdict, 'sentences'>,
): string[] => {
  const sentences = [
    headline(verdict),
    ...sayShort(verdict.asItIs),
    isByName(image.layout)
      ? `${image.layout.source}: a reader of the file puts them where the destination has them`
      : sayAsItIs(verdict.asItIs),
    ...verdict.lost.map(({ why }) => why),
  ];
  if (verdict.xcr0Refusal !== null) sentences.push(`KVM_SET_XCRS: EINVAL, ${verdict.xcr0Refusal}`);
  if (image.layout.format === 'standard') sentences.push(...moved(verdict.layoutDiffers));
  else
    sentences.push(
      'the image is in the compacted format, and is converted to the standard one, the only one KVM takes',
    );
  for (const step of verdict.steps) if (step.outcome === 'warning') sentences.push(step.sentence);
  for (const { severity, sentence, rule, bits } of verdict.warnings) {
    const after =
      rule === STALE ? `; after the restore KVM_GET_XSAVE has XSTATE_BV ${afterwards(image, verdict, bits)}` : '';
    sentences.push(`${severity}: ${sentence}${after}`);
  }
  for (const failed of facts.failed) {
    const means = failedMeans(failed);
    if (means !== null) sentences.push(`${failed.call} failed with errno ${failed.errno}: ${means}`);
  }
  if (image.layout.guess !== undefined) sentences.push(`the layout of the image is ${image.layout.source}`);
  if (destination.kind === 'preset') {
    sentences.push('taken for granted of a preset: permission for TILEDATA, every component in CPUID, IA32_XFD clear');
    return sentences;
  }
  const armed = xfdValue(destination.facts);
  if (armed !== null && armed !== 0n && xfdValue(facts) === 0n) {
    sentences.push(`IA32_XFD is ${hexShort(armed)} there and 0 in the capture: a restore disarms it first`);
  }
  return sentences;
};
