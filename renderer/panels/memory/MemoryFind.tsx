import type { FormEvent, ReactElement } from 'react';
import type { FindMemoryAs } from '../../../app/bridge.ts';
import { FIND_MEMORY_AS } from '../../../app/debug/guest-words.ts';
import { Select } from '../../controls/Select.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { MemorySearch } from '../../store/state/guest.ts';
import { sizeText } from './size-text.ts';

const OPTIONS = FIND_MEMORY_AS.map((value) => ({ value, label: value }));

const words = ({ phase, searchedBytes, address }: MemorySearch): string => {
  if (phase === 'found') return `found at ${address}`;
  if (phase === 'searching') return `searching at ${address}, ${sizeText(searchedBytes)} so far`;
  if (phase === 'ended') return `ended at ${address}`;
  return `not found in ${sizeText(searchedBytes)}`;
};

/** Bytes, text or a value, looked for from the base on. */
export function MemoryFind(): ReactElement {
  const store = useDebuggerStore();
  const { text, as } = useDebugger((state) => state.memoryFind);
  const found = useDebugger((state) => state.memoryFound);
  const { setMemoryFind, findInMemory } = store.getState();
  const ask = (event: FormEvent): void => {
    event.preventDefault();
    void findInMemory();
  };
  return (
    <form className="memory-controls" onSubmit={ask} aria-label="Find in memory">
      <label className="small text-2">
        find{' '}
        <input
          className="field val"
          aria-label="Find in memory"
          value={text}
          placeholder={as === 'bytes' ? 'de ad ?? ef' : as === 'text' ? 'text' : '1'}
          maxLength={256}
          spellCheck={false}
          onChange={(event) => setMemoryFind({ text: event.target.value })}
        />
      </label>
      <Select
        name="Find as"
        value={as}
        options={OPTIONS}
        onChoose={(id) => setMemoryFind({ as: id as FindMemoryAs })}
      />
      <button type="submit" className="button" aria-disabled={text === '' || undefined}>
        {found?.phase === 'searching' ? 'Stop' : found?.phase === 'found' ? 'Find next' : 'Find'}
      </button>
      <span className="small text-2" role="status" data-testid="memory-found">
        {found === null ? '' : words(found)}
      </span>
    </form>
  );
}
