import { writeFileSync } from 'node:fs';
import { log } from './run.ts';
import { strict } from './strict.ts';

/** `Menu`, `dialog` and `nativeTheme`: what is drawn by the desktop, and is recorded here. */

interface Item {
  readonly label?: string;
  readonly role?: string;
  readonly type?: string;
  readonly submenu?: readonly Item[];
}

/** lib/browser/api/menu-item-roles.ts: a role that does not exist makes an empty item there, and an error here. */
const ROLES = new Set(
  ['quit', 'close', 'editMenu', 'resetZoom', 'zoomIn', 'zoomOut', 'togglefullscreen', 'undo', 'redo', 'cut', 'copy']
    .concat(['paste', 'selectAll', 'delete'])
    .map((role) => role.toLowerCase()),
);

const checked = (item: Item): Item => {
  if (item.role !== undefined && !ROLES.has(item.role.toLowerCase())) throw new Error(`stand-in: role ${item.role}`);
  if (item.role === undefined && item.label === undefined && item.type !== 'separator')
    throw new Error('stand-in: an item without a label');
  for (const inner of item.submenu ?? []) checked(inner);
  return item;
};

export const Menu = strict('Menu', {
  buildFromTemplate: (template: readonly Item[]) => {
    const items = template.map(checked);
    return strict('menu', { items, popup: () => log('menu', JSON.stringify(items)) });
  },
  setApplicationMenu: (menu: unknown): void => {
    log('application menu', menu === null ? 'none' : 'set');
  },
});

export const dialog = strict('dialog', {
  /** Without a display Electron writes it to standard error as well (lib/browser/api/dialog.ts). */
  showErrorBox: (title: string, content: string): void => {
    process.stderr.write(`${title}\n${content}\n`);
    if (process.env.STAND_IN_ERROR_BOX) writeFileSync(process.env.STAND_IN_ERROR_BOX, `${title}\n${content}\n`);
  },
});

export const nativeTheme = strict('nativeTheme', {
  shouldUseDarkColors: process.env.STAND_IN_LIGHT === undefined,
});

export const screen = strict('screen', {
  getAllDisplays: () => [{ workArea: { x: 0, y: 0, width: 1600, height: 1000 } }],
});
