import { type FormEvent, type ReactElement, useState } from 'react';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';

/** How many symbols there are, and where their file is loaded: a program's that may lie anywhere says nothing of it. */
export function LoadAddress(): ReactElement | null {
  const symbols = useDebugger((state) => (state.symbols?.session === state.session?.id ? state.symbols : null));
  return symbols === null || symbols.count === 0 ? null : <Field key={symbols.file} count={symbols.count} />;
}

function Field({ count }: { count: number }): ReactElement {
  const store = useDebuggerStore();
  const [text, setText] = useState('');
  const place = (event: FormEvent): void => {
    event.preventDefault();
    void store.getState().placeSymbols(text.trim());
  };
  return (
    <form className="program-elsewhere program-load small" onSubmit={place}>
      <span className="text-2 nowrap">{count === 1 ? '1 symbol' : `${count} symbols`}</span>
      <label className="text-2">
        <span className="nowrap">loaded at</span>
        <input
          className="field val"
          aria-label="Symbols loaded at"
          value={text}
          size={18}
          placeholder="where the file says"
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
    </form>
  );
}
