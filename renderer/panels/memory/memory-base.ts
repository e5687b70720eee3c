import { basePathOf } from '../../store/select/memory-edits.ts';
import type { MemoryForm } from '../../store/state/guest.ts';
import type { Base } from '../../store/state/view.ts';
import { inBase } from '../../store/view/bases.ts';
import { basedDigits } from '../registers/element-text.ts';

/** Elements of memory, one of which may be written in another base than the others. */

interface Based {
  readonly form: MemoryForm;
  readonly bases: ReadonlyMap<string, Base>;
}

/** All of it in the base that was chosen; null: it is written as it is. */
export const basedMemory = ({ form, bases }: Based, address: bigint, text: string): string | null => {
  if (bases.size === 0) return null;
  const path = basePathOf(form, address);
  const base = bases.get(path) ?? 'own';
  return base === 'own' ? null : inBase(path, form.look === 'hex' ? `0x${text}` : text, base);
};

/** The same in a cell of so many characters; null: not all of it finds room there. */
export const basedCell = (based: string | null, characters: number): string | null =>
  based === null ? null : basedDigits(based, characters);
