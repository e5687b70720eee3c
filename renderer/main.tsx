import { createRoot } from 'react-dom/client';
import { App } from './App.tsx';
import { keepPage } from './actions/keeping.ts';
import { firstTheme, followDesktop, markDeterministic, pageMemory, tabName } from './appearance.ts';
import { chooseBridge } from './choose-bridge.ts';
import { stillWhilePressed } from './still-while-pressed.ts';
import { StoreContext } from './store/context.ts';
import { createDebuggerStore } from './store/debugger-store.ts';
import './theme/theme.ts';
import { setTextSize } from './zoom.ts';

markDeterministic();
const bridge = stillWhilePressed(chooseBridge(), window);
const store = createDebuggerStore(bridge, pageMemory, firstTheme(), tabName);
setTextSize(store.getState().textSize);
const root = document.getElementById('root');
if (root === null) throw new Error('Tilescope fault: the page has no root');
createRoot(root).render(
  <StoreContext value={store}>
    <App />
  </StoreContext>,
);
followDesktop((theme) => store.getState().followTheme(theme));
keepPage(store);
void store.getState().start();
