import { readU32 } from '../bits/bytes.ts';
import { hasBit } from '../bits/mask.ts';
import type { Facts } from '../capture/capture.ts';
import type { Image } from '../capture/image.ts';
import { type Page, protectionKey } from '../memory/paging.ts';
import { executionOf } from '../session/execution.ts';
import { BIT } from '../xsave/components.ts';
import { viewComponent } from '../xsave/view.ts';

/** Whether data of a page that is mapped may be read and written by whoever executes. */

/** Why an access to data of a mapped page faults; null: it does not. */
export type RightsFault = (page: Page, writes: boolean) => string | null;

const CR0_WP = 16;
const CR4_SMAP = 21;
const RFLAGS_AC = 18;

/** PKRU has two bits for each key: access is disabled, writes are. (SDM vol. 3, 5.6.2) */
const keyFault = (pkru: number, key: number, writesCount: boolean): string | null => {
  const bits = (pkru >>> (2 * key)) & 3;
  if ((bits & 1) !== 0) return `PKRU lets nobody use its protection key ${key}`;
  return writesCount && (bits & 2) !== 0 ? `PKRU lets nobody write with its protection key ${key}` : null;
};

/** By CPL, CR0.WP, SMAP and protection keys of user pages. (SDM vol. 3, 5.6.1) What is not known allows everything. */
export const rightsOf = (facts: Facts, image: Image): RightsFault => {
  const execution = executionOf(facts);
  const { control, general } = facts;
  if (execution === null || control === null) return () => null;
  const isUser = execution.cpl === 3;
  const keys = viewComponent(image, BIT.PKRU);
  const pkru = keys.state === 'inUse' ? readU32(keys.bytes, 0) : 0;
  const isSmap = !isUser && hasBit(control.cr4, CR4_SMAP) && general !== null && !hasBit(general.rflags, RFLAGS_AC);
  const isBound = isUser || hasBit(control.cr0, CR0_WP);
  return (page, writes) => {
    if (isUser && !page.user) return 'it is a page of the kernel’s';
    if (isSmap && page.user) return 'it is a page of the user’s, and SMAP keeps the kernel from it';
    if (writes && isBound && !page.writable) return 'it may not be written';
    const key = page.user ? protectionKey(control, page) : null;
    return key === null ? null : keyFault(pkru, key, writes && isBound);
  };
};
