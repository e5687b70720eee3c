import { bitsOf, hex64, hexShort } from '../../bits/mask.ts';
import { shownText } from '../../bits/text.ts';
import type { Capture, Facts } from '../../capture/capture.ts';
import type { ComponentPlace, Image } from '../../capture/image.ts';
import { msrRow } from '../../cpu/msrs.ts';
import { bitMatrix } from '../../xsave/bitmatrix.ts';
import { componentName } from '../../xsave/components.ts';
import { cpuVendor } from '../../xsave/facts.ts';
import { failedMeans } from '../../xsave/failed.ts';
import { xcompBv, xstateBv } from '../../xsave/header.ts';
import { holesOf } from '../../xsave/layout.ts';
import { sizeLedger } from '../../xsave/ledger.ts';
import { mxcsr, mxcsrMask } from '../../xsave/legacy.ts';
import { firstRefusal, preflight } from '../../xsave/preflight.ts';
import { cutComponents, viewComponent } from '../../xsave/view.ts';

/** Names of files and processes come from outside: one line each, no control characters. */
const oneLine = (text: string): string => shownText(text).slice(0, 300);

const known = <T>(value: T | null, print: (value: T) => string): string =>
  value === null ? 'not known' : print(value);

const section = (title: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `${title}\n${lines.map((line) => `  ${line}\n`).join('')}\n`;

const table = (rows: readonly (readonly string[])[]): string[] => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
};

const targetLines = ({ target, takenAtMs, imageCall, kernelRelease, guestCpuid, hostCpuid }: Facts): string[] => [
  `${oneLine(target.vmm)} · ${oneLine(target.name)} · vCPU ${target.vcpu}`,
  `pid ${known(target.pid, String)}, thread ${known(target.tid, String)}`,
  `executable ${known(target.executable, oneLine)}`,
  // Seconds since 1970 rather than a date: this room knows no clock, and a date would need a time zone.
  `taken ${takenAtMs === 0 ? 'not known' : `${(takenAtMs / 1000).toFixed(3)} s after 1970-01-01 UTC`}`,
  `read by ${oneLine(imageCall)}, kernel ${known(kernelRelease, oneLine)}`,
  `guest CPU ${known(cpuVendor(guestCpuid), oneLine)}, host CPU ${known(cpuVendor(hostCpuid), oneLine)}`,
];

const names = (mask: bigint): string =>
  bitsOf(mask)
    .map((bit) => (bit === 63 ? 'compacted' : componentName(bit)))
    .join(' ');

const mask = (value: bigint): string => `${hexShort(value)}${value === 0n ? '' : ` (${names(value)})`}`;

const imageLines = (image: Image): string[] => {
  const cut = cutComponents(image);
  const holes = holesOf(image.layout).map(({ offsetBytes, sizeBytes }) => `${sizeBytes} at ${offsetBytes}`);
  return [
    `${image.bytes.length} bytes, ${image.layout.format} format`,
    `layout of ${image.layout.totalBytes} bytes: ${oneLine(image.layout.source)}`,
    `XSTATE_BV ${mask(xstateBv(image))}`,
    `XCOMP_BV ${mask(xcompBv(image))}`,
    `MXCSR ${hexShort(BigInt(mxcsr(image)))}, MXCSR_MASK ${hexShort(BigInt(mxcsrMask(image)))}`,
    ...(holes.length > 0 ? [`holes: ${holes.join(', ')}`] : []),
    ...(cut.length > 0 ? [`in use and beyond the end of the bytes: ${cut.map(componentName).join(', ')}`] : []),
  ];
};

const STATES = { absent: 'absent', init: 'init', inUse: 'in use' } as const;

const componentCells = (image: Image, place: ComponentPlace): string[] => [
  String(place.bit),
  componentName(place.bit),
  String(place.sizeBytes),
  String(place.offsetBytes),
  STATES[viewComponent(image, place.bit).state],
];

const registerLines = ({ xcr0, msrs, guestPermission, hostPermission, supportedXcr0, failed }: Facts): string[] => [
  `XCR0 ${known(xcr0, mask)}`,
  ...msrs.flatMap(({ index, value, errno }) => {
    const row = msrRow(index);
    // Snapshots hold hundreds of MSRs; those that concern extended state are in the table.
    return row === undefined
      ? []
      : [`${row.name} ${value === null ? `not readable, errno ${errno}` : `0x${hex64(value)}`}`];
  }),
  `guest permission ${known(guestPermission, mask)}`,
  `host permission ${known(hostPermission, mask)}`,
  `KVM supports ${known(supportedXcr0, mask)}`,
  ...failed.map((one) => {
    const means = failedMeans(one);
    return `${oneLine(one.call)} failed with errno ${one.errno}${means === null ? '' : `: ${means}`}`;
  }),
];

/**
 * Everything that a bug report needs and no register contents: sizes, masks, states of components, what contradicts what
 * and what KVM_SET_XSAVE would say. Plain text, the same for the same capture.
 */
export const reportText = (capture: Capture): string => {
  const { image, facts } = capture;
  const components = image.layout.components.map((place) => componentCells(image, place));
  const refusal = firstRefusal(preflight(image, facts));
  const ledger = sizeLedger(capture).map((row) => [
    row.label,
    known(row.bytes, String),
    row.verdict.sentence,
    row.source,
  ]);
  const contradictions = bitMatrix(capture).contradictions.map((one) => `${one.sentence} (${one.source})`);
  return [
    section('Target', targetLines(facts)),
    section('Image', imageLines(image)),
    section('Components', table([['bit', 'name', 'bytes', 'offset', 'state'], ...components])),
    section('Registers outside the image', registerLines(facts)),
    section('Sizes', table(ledger)),
    section('Contradictions', contradictions.length > 0 ? contradictions : ['none']),
    section('KVM_SET_XSAVE', [
      refusal === null
        ? 'nothing known speaks against it'
        : `${refusal.by === 'kernel' ? `would refuse with ${refusal.errno}` : 'Tilescope would refuse'}: ${refusal.sentence}`,
    ]),
  ]
    .join('')
    .trimEnd()
    .concat('\n');
};
