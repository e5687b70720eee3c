import { accessSync, constants, existsSync } from 'node:fs';

/** Why no guest of this user’s runs here, in a few words; null: one does. @returns {string | null} */
export const kvmAbsent = () => {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return null;
  } catch {
    return existsSync('/dev/kvm') ? '/dev/kvm cannot be opened by this user' : '/dev/kvm is absent';
  }
};
