/** The module `electron`, as far as main/ uses it. What is not here does not resolve. */
export { app } from './app.ts';
export { ipcMain } from './ipc.ts';
export { dialog, Menu, nativeTheme, screen } from './menus.ts';
export { protocol, session } from './session.ts';
export { BrowserWindow } from './window.ts';
