/**
 * Every key of the page, once. A row is what a key does in one scope: `window` everywhere, by the name of an act of the registry;
 * the others where their kind of control has the focus, by a word that the control's own code understands. What a control takes is
 * not seen by the window. The overlay of keys and README's list are drawn from here.
 *
 * A chord is written as matched: modifiers in the order Ctrl, Alt, Shift, then the key as KeyboardEvent.key has it, letters in upper
 * case. Shift counts with letters and named keys alone, for a sign such as `?` has it already. The first chord is the one shown.
 */
export interface KeyRow {
  readonly keys: readonly string[];
  /** What the overlay of keys says; of the window's acts their title. Null: another row says it, or it is the same everywhere. */
  readonly says?: string | null;
  /** What it shows in place of the chords, where a row speaks for its neighbours too. */
  readonly shown?: string;
}

type Scope = Readonly<Record<string, KeyRow>>;

const vcpus = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((digit) => `Ctrl+${digit}`);

/** The four arrows, alone and with the modifiers under which they move as well. */
const arrow = (name: string): readonly string[] => ['', 'Shift+', 'Ctrl+', 'Ctrl+Shift+'].map((held) => held + name);

export const KEYMAP = {
  window: {
    continue: { keys: ['F5'] },
    freeze: { keys: ['Shift+F5'] },
    'run-until': { keys: ['Ctrl+F5'] },
    trace: { keys: ['Alt+T'] },
    step: { keys: ['F11'] },
    'step-over': { keys: ['F10'] },
    'step-out': { keys: ['Shift+F11'] },
    'run-to-line': { keys: ['Ctrl+F10'] },
    'toggle-breakpoint': { keys: ['F9'] },
    'many-steps': { keys: ['Ctrl+F11'] },
    capture: { keys: ['F8'] },
    live: { keys: ['Ctrl+F8'] },
    apply: { keys: ['Ctrl+Enter'] },
    undo: { keys: ['Ctrl+Z'] },
    redo: { keys: ['Ctrl+Shift+Z', 'Ctrl+Y'] },
    overview: { keys: ['Alt+1'] },
    registers: { keys: ['Alt+2'] },
    tiles: { keys: ['Alt+3'] },
    memory: { keys: ['Alt+4'] },
    xfd: { keys: ['Alt+5'] },
    compare: { keys: ['Alt+6'] },
    components: { keys: ['Alt+0'] },
    program: { keys: ['Alt+P'] },
    inspector: { keys: ['F4'] },
    'watch-pane': { keys: ['Alt+W'] },
    'history-pane': { keys: ['Alt+H'] },
    find: { keys: ['Ctrl+F'] },
    plot: { keys: ['Alt+G'] },
    beside: { keys: ['Ctrl+\\'] },
    stops: { keys: ['Alt+S'] },
    calls: { keys: ['Alt+C'] },
    breakpoints: { keys: ['Alt+B'] },
    'watch-selected': { keys: ['Shift+F9'] },
    'next-difference': { keys: ['F7'] },
    'previous-difference': { keys: ['Shift+F7'] },
    'previous-stop': { keys: ['Alt+ArrowLeft'] },
    'next-stop': { keys: ['Alt+ArrowRight'] },
    'next-region': { keys: ['F6'] },
    'previous-region': { keys: ['Shift+F6'] },
    filter: { keys: ['/'] },
    'next-tab': { keys: ['Ctrl+PageDown', 'Alt+PageDown'] },
    'previous-tab': { keys: ['Ctrl+PageUp', 'Alt+PageUp'] },
    refresh: { keys: ['Alt+R'] },
    'open-file': { keys: ['Ctrl+O'] },
    'save-session': { keys: ['Ctrl+S'] },
    'copy-as': { keys: ['Ctrl+Shift+C'] },
    palette: { keys: ['Ctrl+Shift+P', 'F1'] },
    help: { keys: ['?'] },
  },
  /** Of the whole window too, but no acts of the registry. */
  everywhere: {
    close: { keys: ['Escape'], says: 'close what is in front, or give an edit up' },
    vcpu: { keys: vcpus, says: 'vCPU 0 … 8', shown: 'Ctrl+1 … 9' },
  },
  /** The browser's own, which the page leaves alone or waits for. */
  browser: {
    menu: { keys: ['Shift+F10', 'ContextMenu'], says: 'what can be done here' },
    copy: { keys: ['Ctrl+C'], says: 'copy a value or a block' },
    paste: { keys: ['Ctrl+V'], says: 'paste a block' },
    reload: { keys: ['Ctrl+R', 'Ctrl+Shift+R', 'Ctrl+F5'], says: null },
  },
  /** One line of several is chosen: components, targets, models, places found. */
  list: {
    previous: { keys: ['ArrowUp'], says: 'move in a list', shown: 'Up Down' },
    next: { keys: ['ArrowDown'], says: null },
    first: { keys: ['Home'], says: 'its ends', shown: 'Home End' },
    last: { keys: ['End'], says: null },
    press: { keys: ['Enter'], says: 'open it, go there' },
  },
  /** Between two panes. */
  splitter: {
    left: { keys: ['ArrowLeft', 'Shift+ArrowLeft'], says: 'move a splitter; Shift: further', shown: 'Arrows' },
    right: { keys: ['ArrowRight', 'Shift+ArrowRight'], says: null },
    up: { keys: ['ArrowUp', 'Shift+ArrowUp'], says: null },
    down: { keys: ['ArrowDown', 'Shift+ArrowDown'], says: null },
    fold: { keys: ['Enter'], says: 'on a splitter: fold the smaller dock' },
  },
  menu: {
    previous: { keys: ['ArrowUp'], says: null },
    next: { keys: ['ArrowDown'], says: null },
    first: { keys: ['Home'], says: null },
    last: { keys: ['End'], says: null },
    press: { keys: ['Enter', 'Space'], says: null },
    leave: { keys: ['Escape', 'Tab', 'Shift+Tab'], says: null },
  },
  /** One of a few, side by side. */
  choice: {
    previous: { keys: ['ArrowLeft', 'ArrowUp'], says: null },
    next: { keys: ['ArrowRight', 'ArrowDown'], says: null },
  },
  palette: {
    previous: { keys: ['ArrowUp'], says: null },
    next: { keys: ['ArrowDown'], says: null },
    'page-previous': { keys: ['PageUp'], says: null },
    'page-next': { keys: ['PageDown'], says: null },
    press: { keys: ['Enter'], says: null },
  },
  /** A field that filters, finds or names: over its list, where it has one. */
  field: {
    commit: { keys: ['Enter'], says: null },
    back: { keys: ['Shift+Enter'], says: 'to the previous stop, from the filter of stops' },
    list: { keys: ['ArrowDown'], says: 'from a filter to its list' },
    cancel: { keys: ['Escape'], says: null },
  },
  /** Registers and matrices. Shift selects a block, Ctrl goes to the next edge of values. */
  grid: {
    up: { keys: arrow('ArrowUp'), says: 'move; Shift: a block, Ctrl: next edge of values', shown: 'Arrows' },
    down: { keys: arrow('ArrowDown'), says: null },
    left: { keys: arrow('ArrowLeft'), says: null },
    right: { keys: arrow('ArrowRight'), says: null },
    'row-first': { keys: ['Home'], says: 'ends of the row', shown: 'Home End' },
    'row-last': { keys: ['End'], says: null },
    first: { keys: ['Ctrl+Home'], says: 'first, last element', shown: 'Ctrl+Home End' },
    last: { keys: ['Ctrl+End'], says: null },
    'page-up': { keys: ['PageUp'], says: 'eight rows', shown: 'PgUp PgDown' },
    'page-down': { keys: ['PageDown'], says: null },
    edit: { keys: ['Enter', 'F2'], says: 'edit; typing begins an edit too' },
    'next-type': { keys: ['T'], says: 'next type; Shift: the previous one' },
    'previous-type': { keys: ['Shift+T'], says: null },
    base: { keys: ['X'], says: null },
  },
  registers: {
    flip: { keys: ['F', 'Shift+F'], says: 'flip the lane order', shown: 'F' },
  },
  matrix: {
    look: { keys: ['H', 'Shift+H'], says: 'numbers, heat or both, of a tile', shown: 'H' },
  },
  /** The eight tiles over the matrix. */
  tiles: {
    previous: { keys: ['ArrowLeft'], says: null },
    next: { keys: ['ArrowRight'], says: null },
    first: { keys: ['Home'], says: null },
    last: { keys: ['End'], says: null },
    tile: { keys: ['1', '2', '3', '4', '5', '6', '7', '8'], says: 'tmm0 … tmm7', shown: '1 … 8' },
  },
  /** A value that stands alone. */
  cell: {
    edit: { keys: ['Enter', 'F2'], says: null },
    base: { keys: ['X'], says: 'hex, decimal, signed, binary, of one value' },
  },
  /** A value that is watched. */
  watch: {
    edit: { keys: ['Enter'], says: null },
    path: { keys: ['F2'], says: 'in Watch: another path' },
    'next-type': { keys: ['T'], says: null },
    'previous-type': { keys: ['Shift+T'], says: null },
    base: { keys: ['X'], says: null },
    remove: { keys: ['Delete'], says: 'in Watch: no longer' },
  },
  editor: {
    commit: { keys: ['Enter'], says: null },
    apply: { keys: ['Ctrl+Enter'], says: 'stage what is typed and apply' },
    onward: { keys: ['Tab'], says: 'end the edit and move on' },
    back: { keys: ['Shift+Tab'], says: null },
    cancel: { keys: ['Escape'], says: null },
  },
  /** The rows of Compare. */
  rows: {
    previous: { keys: ['ArrowUp'], says: null },
    next: { keys: ['ArrowDown'], says: null },
    'page-previous': { keys: ['PageUp'], says: null },
    'page-next': { keys: ['PageDown'], says: null },
    first: { keys: ['Home'], says: null },
    last: { keys: ['End'], says: null },
    press: { keys: ['Enter', 'Space'], says: null },
    fold: { keys: ['ArrowLeft'], says: 'fold, unfold a group of Compare', shown: 'Left Right' },
    unfold: { keys: ['ArrowRight'], says: null },
  },
  history: {
    previous: { keys: ['ArrowLeft', 'ArrowDown'], says: null },
    next: { keys: ['ArrowRight', 'ArrowUp'], says: null },
    'page-previous': { keys: ['PageDown'], says: 'a tenth of the strip of stops', shown: 'PgDown PgUp' },
    'page-next': { keys: ['PageUp'], says: null },
    first: { keys: ['Home'], says: null },
    last: { keys: ['End'], says: null },
    nearer: { keys: ['+', '='], says: 'fewer, more, all stops in the strip', shown: '+ − 0' },
    farther: { keys: ['-'], says: null },
    all: { keys: ['0'], says: null },
  },
} as const satisfies Readonly<Record<string, Scope>>;

export type ScopeName = keyof typeof KEYMAP;
export type Command<S extends ScopeName> = keyof (typeof KEYMAP)[S];
