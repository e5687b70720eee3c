import { registerRow } from '../../../app/register/registers.ts';
import { FIXED, isDeterministic } from '../../fixed.ts';

const CONTROL = new Set(['cr2', 'cr3']);

/** What the guest leaves in this register differs from run to run. */
export const varies = (register: string): boolean => {
  const row = registerRow(register);
  return isDeterministic() && (row?.source.kind === 'general' || CONTROL.has(row?.name ?? ''));
};

/** A value that the guest left in the register of a path, as text: the same one in every run where it has to be. */
export const guestValue = (path: string, text: string): string =>
  varies(path.split(/[:.[]/)[0] ?? '') ? `0x${FIXED.address.replace('_', '')}` : text;
