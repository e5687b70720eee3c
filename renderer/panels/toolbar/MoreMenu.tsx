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
  const kind = useDebugger((state) => state.session?.kind ?? null);
  const hasOthers = useDebugger((state) => selectOtherVcpus(state) !== null);
  // What no file can do is not offered there.
  const items = [
    ...(kind === 'file' ? [] : ['capture']),
    isNewest ? 'restore' : 'restore-to-stop',
    ...(kind === 'file' ? [] : ['many-steps']),
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
          className="menu at-right"
          role="menu"
          aria-label="More"
          tabIndex={-1}
          onKeyDown={onKeyDown}
          onBlur={onBlur}
        >
          {items.map((id) => (
            <MenuItem
              key={id}
              action={action(id)}
              label={id === 'detach' && kind !== 'live' ? 'Close' : null}
              onDone={() => setOpen(false)}
            />
          ))}
        </div>
      ) : null}
    </span>
  );
}
