import { chordOf, commandOf, isModifier } from '../keys/chord.ts';
import { KEYMAP } from '../keys/keymap.ts';
import type { DebuggerStore } from '../store/debugger-store.ts';
import { leaveRegion } from './focus.ts';
import { action } from './registry.ts';

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
    if (event.defaultPrevented || isModifier(event)) return;
    const everywhere = commandOf('everywhere', event);
    if (everywhere === 'close') {
      const state = store.getState();
      if (state.overlay !== null) state.setOverlay(null);
      else if (state.editor !== null) state.closeEditor();
      else if (state.componentsOpen) state.openComponents(false);
      else if (state.refusal !== null) state.closeRefusal();
      else {
        const pane = leaveRegion();
        if (pane !== null) state.askWorkbench({ kind: 'leave', pane });
      }
      return;
    }
    const chord = chordOf(event);
    if (belongsToField(event, chord)) return;
    if (everywhere === 'vcpu') {
      const index = store.getState().session?.vcpus[KEYMAP.everywhere.vcpu.keys.indexOf(chord)];
      if (index === undefined) return;
      event.preventDefault();
      if (store.getState().overlay === null) void store.getState().switchVcpu(index);
      return;
    }
    const act = commandOf('window', event);
    if (act === null) return;
    const found = action(act);
    event.preventDefault();
    // A dialog in front keeps the acts behind it still; the palette and the keys may always be opened.
    if (store.getState().overlay !== null && found.group !== 'Help') return;
    if (found.refused(store.getState()) === null) found.run(store);
  };
  window.addEventListener('keydown', onKeyDown);
  return () => window.removeEventListener('keydown', onKeyDown);
};
