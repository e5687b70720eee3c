import { describe, expect, test, vi } from 'vitest';

interface Item {
  readonly label?: string;
  readonly role?: string;
  readonly accelerator?: string;
  readonly submenu?: readonly Item[];
}

const recorded = vi.hoisted(() => ({ menu: [] as Item[] }));
vi.mock('electron', () => ({
  Menu: {
    buildFromTemplate: (items: Item[]) => items,
    setApplicationMenu: (menu: Item[]) => {
      recorded.menu = menu;
    },
  },
}));

const { contextMenu, keepAltChords, setMenu } = await import('./menu.ts');

describe('[C81] menus', () => {
  test('the application menu opens files and quits, and has no developer tools', () => {
    setMenu(() => null);
    const names = recorded.menu[0]?.submenu?.map((item) => item.label ?? item.role);
    expect(names).toEqual(['Open…', undefined, 'close', 'quit']);
    expect(JSON.stringify(recorded.menu)).not.toMatch(/devtools|reload/i);
  });

  test('F11 is the page’s: no item has it, by its role either', () => {
    setMenu(() => null);
    const items = recorded.menu.flatMap((menu) => menu.submenu ?? []);
    const fullScreen = items.filter((item) => item.role === 'togglefullscreen');
    expect(fullScreen.map((item) => item.accelerator)).toEqual(['Ctrl+F11']);
    expect(items.map((item) => item.accelerator)).not.toContain('F11');
  });

  const params = (given: object): Parameters<typeof contextMenu>[0] =>
    ({
      isEditable: false,
      selectionText: '',
      editFlags: { canCut: true, canCopy: true, canPaste: true },
      ...given,
    }) as never;
  const roles = (given: object): unknown =>
    (contextMenu(params(given)) as unknown as Item[] | null)?.map((item) => item.role);

  test('the context menu copies what is selected, cuts and pastes in a field, and does not come up for nothing', () => {
    expect(roles({ selectionText: 'zmm3' })).toEqual(['copy']);
    expect(roles({ isEditable: true })).toEqual(['cut', 'copy', 'paste', undefined, 'selectAll']);
    expect(contextMenu(params({}))).toBeNull();
  });
});

describe('[C81] Alt', () => {
  type Key = { key: string; type: 'keyDown' | 'keyUp'; alt?: boolean; isAutoRepeat?: boolean };
  /** Which of the keys Electron never sees. */
  const kept = (...keys: Key[]): string[] => {
    let hear: (event: { preventDefault(): void }, input: object) => void = () => undefined;
    keepAltChords({ on: (_name: string, listener: typeof hear) => (hear = listener) } as never);
    return keys.flatMap((key) => {
      const preventDefault = vi.fn();
      hear({ preventDefault }, { alt: false, isAutoRepeat: false, ...key });
      return preventDefault.mock.calls.length > 0 ? [`${key.key} ${key.type}`] : [];
    });
  };
  const alt = { key: 'Alt', type: 'keyDown', alt: true } as const;
  const letGo = { key: 'Alt', type: 'keyUp' } as const;

  test('let go after a digit, it opens no menu bar', () => {
    expect(kept(alt, { key: '2', type: 'keyDown', alt: true }, { key: '2', type: 'keyUp', alt: true }, letGo)).toEqual([
      'Alt keyUp',
    ]);
    expect(kept(alt, { key: '2', type: 'keyDown', alt: true }, letGo)).toEqual(['Alt keyUp']);
    const held = { ...alt, isAutoRepeat: true };
    expect(kept(alt, held, { key: '2', type: 'keyDown', alt: true }, held, letGo)).toEqual(['Alt keyUp']);
  });

  test('alone, it is the desktop’s, also after a chord', () => {
    expect(kept(alt, letGo)).toEqual([]);
    expect(kept({ key: 'a', type: 'keyDown' }, alt, letGo)).toEqual([]);
    expect(kept(alt, { key: '2', type: 'keyDown', alt: true }, letGo, alt, letGo)).toEqual(['Alt keyUp']);
  });
});
