import { LEAST_KVM_BYTES } from '../../../app/xsave/facts.ts';
import type { LedgerRow } from '../../../app/xsave/ledger.ts';

/** A verdict in the one line that its column has; the whole sentence stands in the tooltip where these are fewer words. */
export const verdictWords = ({ id, bytes, verdict }: LedgerRow, needed: number | null): string => {
  const { kind, sentence } = verdict;
  if (bytes === null || needed === null || (kind !== 'ok' && kind !== 'short')) return sentence;
  if (id === 'rfc')
    return kind === 'short' ? `${needed - bytes} bytes short` : `holds this CPU, ${bytes - needed} to spare`;
  // Both sizes stand in the table: what is said beside them is what KVM_GET_XSAVE did.
  if (id === 'kvm-xsave' && kind === 'short') return sentence.replace(/: \d+ > \d+$/, '');
  if (kind === 'ok' && bytes < needed && needed === LEAST_KVM_BYTES) return `within the least, ${LEAST_KVM_BYTES}`;
  return sentence;
};
