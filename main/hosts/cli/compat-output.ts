import { hexShort } from '../../../app/bits/mask.ts';
import type { Capture, Facts } from '../../../app/capture/capture.ts';
import { type LayoutTable, layoutTable, type TablePlace } from '../../../app/compat/layouts.ts';
import type { RestoreVerdict } from '../../../app/compat/verdict.ts';
import { bitMatrix } from '../../../app/xsave/bitmatrix.ts';
import { failedMeans } from '../../../app/xsave/failed.ts';
import { sizeLedger } from '../../../app/xsave/ledger.ts';
import type { PreflightStep } from '../../../app/xsave/preflight.ts';
import { jsonText, table } from './output.ts';

/** Compatibility and layouts in words and as JSON: see "Command line" in app/SPEC.md. */

const stepJson = ({ id, label, outcome, errno, sentence, by }: PreflightStep) => ({
  ...{ id, label, outcome, by },
  errno: errno ?? null,
  sentence,
});

/** What `check --json` prints. */
export const checkJson = (verdict: RestoreVerdict): unknown => ({
  fits: verdict.fits,
  badge: verdict.badge,
  destination: verdict.destination,
  errno: verdict.errno,
  firstRefusal: verdict.firstRefusal === null ? null : stepJson(verdict.firstRefusal),
  asItIs: { outcome: verdict.asItIs.outcome, misread: verdict.asItIs.misread, short: verdict.asItIs.short },
  lost: verdict.lost.map(({ bit, name, why }) => ({ bit, name, why })),
  layoutDiffers: verdict.layoutDiffers,
  xcr0Refusal: verdict.xcr0Refusal,
  warnings: verdict.warnings,
  steps: verdict.steps.map(stepJson),
  sentences: verdict.sentences,
});

const OUTCOMES: Readonly<Record<PreflightStep['outcome'], string>> = {
  pass: 'passes',
  warning: 'warning',
  'not-known': 'not known',
  fail: 'fails',
  'not-reached': 'not reached',
};

/** What `check` prints: each step in KVM's order, then what is lost. */
export const checkText = (verdict: RestoreVerdict): string => {
  const steps = verdict.steps.map((step) => [
    `  ${OUTCOMES[step.outcome]}`,
    step.outcome === 'fail' ? (step.errno ?? '') : '',
    step.outcome === 'fail' || step.outcome === 'warning' ? `${step.label}: ${step.sentence}` : step.label,
  ]);
  const sentences = verdict.sentences.map((sentence) => `  ${sentence}\n`).join('');
  return `${verdict.destination}: ${verdict.badge}\n${sentences}\npre-flight of KVM_SET_XSAVE there, after conversion\n${table(steps)}`;
};

const placeText = (place: TablePlace | null): string =>
  place === null ? '-' : `${place.offsetBytes ?? 'no offset'} + ${place.sizeBytes}`;

const MARK: Readonly<Record<LayoutTable['rows'][number]['difference'], string>> = {
  same: '',
  place: 'differs',
  missing: 'not everywhere',
};

/** Calls that failed, and what that means. */
const failedLines = ({ failed }: Facts): string[] =>
  failed.length === 0
    ? []
    : [
        `not read\n${failed
          .map((one) => {
            const means = failedMeans(one);
            return `  ${one.call}: errno ${one.errno}${means === null ? '' : `: ${means}`}\n`;
          })
          .join('')}`,
      ];

/** What `layout` prints: layouts side by side, sizes, contradictions. */
export const layoutText = (capture: Capture): string => {
  const layouts = layoutTable(capture);
  const rows = layouts.rows.map((row) => [
    String(row.bit),
    row.name,
    row.kind,
    ...row.places.map(placeText),
    MARK[row.difference],
  ]);
  const totals = layouts.columns.map(({ totalBytes, why }) => (totalBytes === null ? (why ?? '-') : `${totalBytes}`));
  const holes = layouts.columns.flatMap(({ label, holes: found }) =>
    found.map(({ offsetBytes, sizeBytes }) => `  ${label}: ${sizeBytes} bytes at ${offsetBytes}\n`),
  );
  const doubts = layouts.columns.flatMap(({ label, doubts: found }) => found.map((doubt) => `  ${label}: ${doubt}\n`));
  const ledger = sizeLedger(capture).map((row) => [
    `  ${row.label}`,
    row.bytes === null ? 'not read' : String(row.bytes),
    row.verdict.sentence,
    row.source,
  ]);
  const matrix = bitMatrix(capture);
  const bits = matrix.rows.map((row) => [`  ${row.label}`, row.value === null ? 'not read' : hexShort(row.value)]);
  const found = matrix.contradictions.map((one) => `  ${one.severity}: ${one.sentence} (${one.source})\n`);
  const head = ['BIT', 'COMPONENT', 'KIND', ...layouts.columns.map(({ label }) => label), ''];
  return [
    `layouts, offset + size in bytes\n${table([head, ...rows, ['', 'total', '', ...totals, '']])}`,
    holes.length > 0 ? `holes\n${holes.join('')}` : 'holes: none\n',
    ...(doubts.length > 0 ? [`doubts\n${doubts.join('')}`] : []),
    `sizes\n${table(ledger)}`,
    `bits\n${table(bits)}`,
    ...failedLines(capture.facts),
    found.length > 0 ? `contradictions\n${found.join('')}` : 'contradictions: none\n',
  ].join('\n');
};

/** What `layout --json` prints; masks as hex. */
export const layoutJsonText = (capture: Capture): string => {
  const { columns, rows, differing } = layoutTable(capture);
  const matrix = bitMatrix(capture);
  return jsonText({
    columns: columns.map(({ id, label, layout, why, totalBytes, holes, doubts }) => ({
      ...{ id, label, format: layout?.format ?? null, why, totalBytes, holes, doubts },
    })),
    components: rows,
    differing: differing.map((row) => row.bit),
    sizes: sizeLedger(capture),
    bits: matrix.rows.map(({ id, label, value }) => ({ id, label, value: value === null ? null : hexShort(value) })),
    contradictions: matrix.contradictions,
    failed: capture.facts.failed.map((one) => ({ ...one, means: failedMeans(one) })),
  });
};
