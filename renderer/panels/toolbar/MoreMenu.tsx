import type { ReactElement } from 'react';
import { action } from '../../actions/registry.ts';
import { useMenu } from '../../controls/use-menu.ts';
import { useDebugger } from '../../store/context.ts';
import { selectIsNewest } from '../../store/select/selectors.ts';
import { selectOtherVcpus } from '../../store/vcpu/drive-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { MenuItem } from './MenuItem.tsx';

/** What is done seldom: it has no room of its own in the toolbar, and its key beside its name. */
export function MoreMenu(): ReactElement {
  const { open, setOpen, button, menu, onKeyDown, onBlur } = useMenu();
  const isNewest = useDebugger(selectIsNewest);
  const hasOthers = useDebugger((state) => selectOtherVcpus(state) !== null);
  const items = [
    'capture',
    isNewest ? 'restore' : 'restore-to-stop',
    'many-steps',
    ...(hasOthers ? ['all-stop'] : []),
    ...['save-session', 'copy-as', 'detach'],
  ];
  return (
    <span className="menu-anchor">
      <button
        ref={button}
        type="button"
        className="button square ghost"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label="More"
        title="More: capture, restore, save, detach"
        onClick={() => setOpen(!open)}
      >
        <Glyph name="more" />
      </button>
      {open ? (
        <div
          ref={menu}
          className="menu"
          role="menu"
          aria-label="More"
          tabIndex={-1}
          onKeyDown={onKeyDown}
          onBlur={onBlur}
        >
          {items.map((id) => (
            <MenuItem key={id} action={action(id)} onDone={() => setOpen(false)} />
          ))}
        </div>
      ) : null}
    </span>
  );
}
