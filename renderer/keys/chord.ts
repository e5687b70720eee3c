import { type Command, KEYMAP, type KeyRow, type ScopeName } from './keymap.ts';

/** What of a key event a chord is made of; React's events and the DOM's both have it. */
export interface Pressed {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}

/** The chord of a key event, written as in the keymap. A sign is a key of its own, whatever Shift says. */
export const chordOf = (event: Pressed): string => {
  const key = event.key === ' ' ? 'Space' : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const shift = event.shiftKey && (key.length > 1 || /[A-Z]/.test(key));
  return [event.ctrlKey || event.metaKey ? 'Ctrl' : '', event.altKey ? 'Alt' : '', shift ? 'Shift' : '', key]
    .filter((part) => part !== '')
    .join('+');
};

/** A modifier pressed by itself, which is no chord yet. */
export const isModifier = ({ key }: Pressed): boolean => ['Control', 'Shift', 'Alt', 'Meta'].includes(key);

const rowsOf = (scope: ScopeName): readonly (readonly [string, KeyRow])[] => Object.entries(KEYMAP[scope]);

/** What a key does in a scope; null: nothing there. */
export const commandOf = <S extends ScopeName>(scope: S, event: Pressed): Command<S> | null => {
  const chord = chordOf(event);
  return (rowsOf(scope).find(([, row]) => row.keys.includes(chord))?.[0] ?? null) as Command<S> | null;
};

/** The chords of an act of the registry; none where it has no key. */
export const keysOf = (id: string): readonly string[] => rowsOf('window').find(([act]) => act === id)?.[1].keys ?? [];

/** The chord as a person writes it: "Alt+Left", "Ctrl+F8". */
export const chordText = (chord: string): string =>
  chord
    .replace('Arrow', '')
    .replace('Escape', 'Esc')
    .replace(/Page(Up|Down)/, 'Pg$1')
    .replace('ContextMenu', 'Menu');

/** The chord shown beside an act; null where it has none. */
export const shownKey = (id: string): string | null => {
  const chord = keysOf(id)[0];
  return chord === undefined ? null : chordText(chord);
};

/** Where `previous`, `next`, `first` and `last` lead in a list of so many, which ends at its ends. */
export const movedInList = (command: string | null, at: number, count: number): number | null => {
  const to = ({ previous: at - 1, next: at + 1, first: 0, last: count - 1 } as Readonly<Record<string, number>>)[
    command ?? ''
  ];
  return to === undefined ? null : Math.max(0, Math.min(count - 1, to));
};

/** The same where the ends meet: menus, the row of tiles. */
export const movedInMenu = (command: 'previous' | 'next' | 'first' | 'last', at: number, count: number): number =>
  ({ previous: (at - 1 + count) % count, next: (at + 1) % count, first: 0, last: count - 1 })[command];

/** The keys of a row as the overlay of keys shows them, beside each other. */
export const keyText = ({ keys, shown }: KeyRow): string =>
  (shown ?? keys.map(chordText).join(' ')).replaceAll(/(?<=\w)\+/g, ' ');
