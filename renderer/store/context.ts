import { createContext, useContext } from 'react';
import { useStore } from 'zustand';
import type { DebuggerStore } from './debugger-store.ts';
import type { State } from './state/state.ts';

export const StoreContext = createContext<DebuggerStore | null>(null);

/** The store itself, for handlers that read at the moment they run. */
export const useDebuggerStore = (): DebuggerStore => {
  const store = useContext(StoreContext);
  if (store === null) throw new Error('Tilescope fault: a panel stands outside the store');
  return store;
};

/** Subscribes to the narrowest value; the selector gives the same object for the same state. */
export const useDebugger = <T>(selector: (state: State) => T): T => useStore(useDebuggerStore(), selector);
