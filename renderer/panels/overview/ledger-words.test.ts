import { expect, test } from 'vitest';
import { sampleAmxCapture, sampleCapture } from '../../../app/fixtures/samples.ts';
import { type LedgerRow, ledgerNeed, RFC_XSAVE_BYTES, sizeLedger } from '../../../app/xsave/ledger.ts';
import { verdictWords } from './ledger-words.ts';

/** What the verdict's column has room for, in characters of the 11 px type. */
const ONE_LINE = 32;

const SAMPLES = [sampleCapture, sampleAmxCapture] as const;

test.each(SAMPLES)('every verdict of %o stands on one line', (sample) => {
  const needed = ledgerNeed(sample())?.bytes ?? null;
  for (const row of sizeLedger(sample()))
    expect(verdictWords(row, needed).length, row.id).toBeLessThanOrEqual(ONE_LINE);
});

test('the fixed size of the first proposal keeps its number, whether it holds the state or not', () => {
  const row: LedgerRow = {
    id: 'rfc',
    label: 'RFC constant',
    bytes: RFC_XSAVE_BYTES,
    source: 'proposed in 2021, a fixed size',
    verdict: { kind: 'ok', sentence: 'a fixed buffer would hold this CPU, and so on' },
  };
  expect(verdictWords(row, 11008)).toBe('holds this CPU, 1280 to spare');
  expect(verdictWords({ ...row, verdict: { kind: 'short', sentence: 'would not hold it' } }, 12300)).toBe(
    '12 bytes short',
  );
  expect(verdictWords(row, null)).toBe(row.verdict.sentence);
});

test('a size below the least that KVM copies says so, and keeps its sentence for the tooltip', () => {
  const capture = sampleCapture();
  const row = sizeLedger(capture).find(({ id }) => id === 'cpuid-0d-0-ebx');
  expect(row?.verdict.sentence).toBe('within the 4096 bytes that KVM always copies');
  expect(row && verdictWords(row, ledgerNeed(capture)?.bytes ?? null)).toBe('within the least, 4096');
});
