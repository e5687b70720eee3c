import type { DebuggerStore } from '../store/debugger-store.ts';
import { ACTIONS } from './registry.ts';

const MODIFIERS: readonly string[] = ['Control', 'Shift', 'Alt', 'Meta'];

/** The chord of a key event, written as in the registry. '?' is a key of its own, whatever Shift says. */
export const chordOf = (event: KeyboardEvent): string => {
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const shift = event.shiftKey && (event.key.length > 1 || /[A-Z]/.test(key));
  return [event.ctrlKey || event.metaKey ? 'Ctrl' : '', event.altKey ? 'Alt' : '', shift ? 'Shift' : '', key]
    .filter((part) => part !== '')
    .join('+');
};

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement && ['text', 'search', ''].includes(target.type);

/** A chord that a text field needs for itself: single characters, and undo inside the field. */
const belongsToField = (event: KeyboardEvent, chord: string): boolean =>
  isTyping(event.target) &&
  ((event.key.length === 1 && !event.ctrlKey && !event.altKey && !event.metaKey) ||
    /^Ctrl\+(Shift\+)?[ZYAXCV]$/.test(chord));

/** One listener for the window: chord → action. What a panel has handled (defaultPrevented) is left alone. */
export const listenToKeys = (store: DebuggerStore): (() => void) => {
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || MODIFIERS.includes(event.key)) return;
    const chord = chordOf(event);
    if (chord === 'Escape') {
      const state = store.getState();
      if (state.overlay !== null) state.setOverlay(null);
      else if (state.editor !== null) state.closeEditor();
      else if (state.componentsOpen) state.openComponents(false);
      else if (state.refusal !== null) state.closeRefusal();
      return;
    }
    const vcpu = /^Ctrl\+([1-9])$/.exec(chord)?.[1];
    const found = vcpu === undefined ? ACTIONS.find((row) => row.keys.includes(chord)) : undefined;
    if (belongsToField(event, chord)) return;
    if (vcpu !== undefined) {
      const index = store.getState().session?.vcpus[Number(vcpu) - 1];
      if (index === undefined) return;
      event.preventDefault();
      if (store.getState().overlay === null) void store.getState().switchVcpu(index);
      return;
    }
    if (found === undefined) return;
    event.preventDefault();
    // A dialog in front keeps the acts behind it still; the palette and the keys may always be opened.
    if (store.getState().overlay !== null && found.group !== 'Help') return;
    if (found.refused(store.getState()) === null) found.run(store);
  };
  window.addEventListener('keydown', onKeyDown);
  return () => window.removeEventListener('keydown', onKeyDown);
};
