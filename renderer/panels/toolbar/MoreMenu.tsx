import type { ReactElement } from 'react';
import { action } from '../../actions/registry.ts';
import { MenuButton } from '../../controls/MenuButton.tsx';
import { useDebugger } from '../../store/context.ts';
import { selectIsNewest } from '../../store/select/selectors.ts';
import { selectOtherVcpus } from '../../store/vcpu/drive-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { MenuItem } from './MenuItem.tsx';

/** What is done seldom: it has no room of its own in the toolbar, and its key beside its name. */
export function MoreMenu(): ReactElement {
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
    <MenuButton
      look="square ghost"
      name="More"
      title="More: capture, restore, save, detach"
      face={<Glyph name="more" />}
      menuName="More"
      menuLook="at-right"
    >
      {(close) =>
        items.map((id) => (
          <MenuItem
            key={id}
            action={action(id)}
            label={id === 'detach' && kind !== 'live' ? 'Close' : null}
            onDone={() => close('elsewhere')}
          />
        ))
      }
    </MenuButton>
  );
}
