import type { ReactElement } from 'react';
import { chooseFile } from '../../actions/open-file.ts';
import { openRefusal } from '../../actions/target-actions.ts';
import { fixed } from '../../fixed.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { recentWhen } from '../../store/select/recent-files.ts';
import { Glyph } from '../../theme/Glyph.tsx';

/** Files opened before, by name. A page may not open a path by itself: a row leads to the file picker. */
export function RecentFiles(): ReactElement | null {
  const store = useDebuggerStore();
  const files = useDebugger((state) => state.recentFiles);
  const refused = useDebugger(openRefusal);
  if (files.length === 0) return null;
  const now = Date.now();
  return (
    <section data-testid="recent-files" aria-label="Recent files">
      <div className="targets-title">
        <h2>Recent files</h2>
        <span className="text-3 small">names alone are kept: a row asks for the file again</span>
      </div>
      {files.map(({ name, what, openedAtMs }) => (
        <button
          key={`${name} ${what}`}
          type="button"
          className="model-row recent-row inset-focus"
          aria-label={`${name}, ${what}: choose it again`}
          aria-disabled={refused === null ? undefined : true}
          title={refused ?? `Choose ${name} in the file picker`}
          onClick={() => {
            if (refused === null) chooseFile(store);
          }}
        >
          <Glyph name="file" className="text-3" />
          <span className="strong ellipsis">{name}</span>
          <span className="text-2 small ellipsis">{what}</span>
          <span className="text-3 small right nowrap">{fixed('opened', recentWhen(openedAtMs, now))}</span>
        </button>
      ))}
    </section>
  );
}
