import type { FocusEvent, KeyboardEvent } from 'react';
import { commandOf } from '../keys/chord.ts';
import { useDebuggerStore } from '../store/context.ts';

const lineOf = (node: EventTarget): string | null =>
  (node as HTMLElement).closest<HTMLElement>('[data-address]')?.dataset.address ?? null;

/** Arrows: the focus goes from one instruction to the next, from the one where RIP stands at first. */
const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
  const command = commandOf('list', event.nativeEvent);
  if (command === null || command === 'press') return;
  const lines = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-address]')];
  const at = lines.findIndex((line) => line.contains(document.activeElement));
  const here = Math.max(
    0,
    lines.findIndex((line) => line.ariaCurrent === 'step'),
  );
  const from = at === -1 ? here : at;
  const step = at === -1 ? 0 : 1;
  const to = { previous: from - step, next: from + step, first: 0, last: lines.length - 1 }[command];
  event.preventDefault();
  event.stopPropagation();
  lines[Math.max(0, Math.min(lines.length - 1, to))]?.focus();
};

/** What a list of instructions does with the keyboard: a line with data-address can have the focus, to be run to. */
export const useInstructionList = () => {
  const store = useDebuggerStore();
  return {
    onKeyDown,
    onFocus: (event: FocusEvent<HTMLElement>): void => store.getState().focusLine(lineOf(event.target)),
    onBlur: (): void => store.getState().focusLine(null),
  };
};
