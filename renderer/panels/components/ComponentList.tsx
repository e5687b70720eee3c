import { type ReactElement, useEffect, useMemo, useRef } from 'react';
import { Button } from '../../controls/Button.tsx';
import { Segment } from '../../controls/Segment.tsx';
import { nameWithSeen } from '../../controls/spoken.ts';
import { selectDifferingBytes } from '../../store/compare/compare-difference.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { type ComponentEntry, GROUPS } from '../../store/select/components.ts';
import type { ShownMark } from '../../store/select/provenance.ts';
import {
  selectCapture,
  selectComponentMarks,
  selectComponents,
  selectSelectedBit,
} from '../../store/select/selectors.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { MARK_GLYPH, MARK_WORDS } from '../registers/MarkLegend.tsx';
import { EnablementChain } from './EnablementChain.tsx';
import { useComponentKeys } from './use-component-keys.ts';

const FILTERS = [
  { value: 'all', label: 'All' },
  { value: 'inUse', label: 'In use' },
  { value: 'changed', label: 'Changed' },
] as const;

export function ComponentList(): ReactElement {
  const store = useDebuggerStore();
  const entries = useDebugger(selectComponents);
  const filter = useDebugger((state) => state.componentFilter);
  const marks = useDebugger(selectComponentMarks);
  const selected = useDebugger(selectSelectedBit);
  const vcpu = useDebugger((state) => state.session?.vcpu ?? 0);
  const cpuidKnown = useDebugger((state) => (selectCapture(state)?.facts.guestCpuid.length ?? 0) > 0);
  const differing = useDebugger(selectDifferingBytes);
  const pinned = useDebugger((state) => state.componentsPinned);
  const list = useRef<HTMLDivElement>(null);
  const groups = useMemo(
    () =>
      GROUPS.map((group) => ({
        ...group,
        // What a guest is offered its CPUID says, and most files hold none.
        title: group.group === 'not-offered' && !cpuidKnown ? 'Not in the image' : group.title,
        rows: entries.filter(
          (entry) =>
            entry.group === group.group &&
            (filter === 'all' || (filter === 'inUse' ? entry.state === 'inUse' : marks.has(entry.bit))),
        ),
      })).filter((group) => group.rows.length > 0),
    [entries, filter, marks, cpuidKnown],
  );
  const rows = groups.flatMap((group) => group.rows);
  useEffect(() => {
    if (selected !== null) list.current?.querySelector(`#component-${selected}`)?.scrollIntoView({ block: 'nearest' });
  }, [selected]);
  const onKeyDown = useComponentKeys(rows);
  return (
    <nav className="left-pane" data-region="components" data-testid="components" aria-label="Components">
      <div className="section-head">
        <h2>Components</h2>
        <span className="text-3 small wide-only">vCPU {vcpu}</span>
        <span className="push" />
        <Segment
          name="Show components"
          filter
          look="tiny"
          value={filter}
          choices={FILTERS}
          onChoose={(value) => store.getState().setComponentFilter(value)}
        />
        <Button
          label={pinned ? 'Fold the components to the rail' : 'Keep the components open'}
          look="tiny ghost square"
          glyph={pinned ? 'chevronRight' : 'flag'}
          glyphClass={pinned ? 'g12 mirrored' : 'g12'}
          onPress={() => store.getState().pinComponents(!pinned)}
        />
      </div>
      <div className="component-columns" aria-hidden="true">
        <span />
        <span className="number">bit</span>
        <span>name</span>
        <span className="number">offset</span>
        <span className="number">{differing === null ? 'bytes' : 'differ'}</span>
        <svg
          className="enablement"
          viewBox="0 0 48 12"
          fill="var(--text-3)"
          fontSize="11"
          textAnchor="middle"
          fontFamily="Inter"
          aria-hidden="true"
        >
          <text x="6" y="10">
            S
          </text>
          <text x="18" y="10">
            E
          </text>
          <text x="30" y="10">
            P
          </text>
          <text x="42" y="10">
            U
          </text>
        </svg>
        <span />
      </div>
      <div
        ref={list}
        className="scroll component-list"
        role="listbox"
        aria-label="Components"
        aria-activedescendant={selected === null ? undefined : `component-${selected}`}
        tabIndex={0}
        data-region-start
        onKeyDown={onKeyDown}
      >
        {groups.map((group) => (
          // biome-ignore lint/a11y/useSemanticElements: a group of options inside a list box.
          <div key={group.group} role="group" aria-label={group.title}>
            <div className="component-group" aria-hidden="true">
              <span>{group.title}</span>
              <span className="val">{group.rows.length}</span>
            </div>
            {group.rows.map((entry) => (
              <ComponentRow
                key={entry.bit}
                entry={entry}
                selected={entry.bit === selected}
                mark={marks.get(entry.bit) ?? 'none'}
                differing={differing === null ? null : (differing.get(entry.bit) ?? 0)}
              />
            ))}
          </div>
        ))}
        {rows.length === 0 ? (
          <p className="component-none">
            {filter === 'changed' ? 'No component differs from the previous stop.' : 'No component is in use.'}
          </p>
        ) : null}
      </div>
      <Legend />
    </nav>
  );
}

const STATE_WORDS = { absent: 'absent', init: 'init', inUse: 'in use' } as const;

interface ComponentRowProps {
  readonly entry: ComponentEntry;
  readonly selected: boolean;
  readonly mark: ShownMark;
  /** Bytes that differ, where two stops are compared: in place of its size. */
  readonly differing: number | null;
}

function ComponentRow({ entry, selected, mark, differing }: ComponentRowProps): ReactElement {
  const store = useDebuggerStore();
  const swatch = entry.group === 'not-offered' ? 'absent' : entry.state === 'inUse' ? '' : 'init';
  const armed = entry.armed === true ? ', armed by XFD' : '';
  const last = differing === null ? (entry.sizeBytes ?? '') : differing === 0 ? '' : differing;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list box in front of the rows holds the keyboard.
    <div
      id={`component-${entry.bit}`}
      className={`component-row ${entry.state === 'inUse' ? '' : 'dim'}`}
      role="option"
      aria-selected={selected}
      aria-label={nameWithSeen(
        `${entry.label}, bit ${entry.bit}, ${STATE_WORDS[entry.state]}${armed}${MARK_WORDS[mark]}`,
        `${entry.bit} ${entry.label} ${entry.offsetText} ${last}`,
      )}
      tabIndex={-1}
      onClick={() => store.getState().select({ kind: 'component', bit: entry.bit })}
    >
      <span className={`swatch ${swatch}`} style={{ '--hue': `var(--c-${entry.hue})` }} />
      <span className="val number">{entry.bit}</span>{' '}
      <span className="line tight ellipsis">
        <span className="ellipsis">{entry.label}</span>
        {entry.canBeArmed ? <MarkGlyph mark={mark} /> : null}
      </span>{' '}
      <span className="val number">{entry.offsetText}</span> <span className="val number">{last}</span>
      <EnablementChain enablement={entry.enablement} hue={entry.hue} />
      <span>
        {entry.armed === true ? (
          <Glyph name="lock" className="g12 is-armed" />
        ) : entry.canBeArmed && entry.armed === false ? (
          <Glyph name="unlock" className="g12 text-3" />
        ) : (
          <MarkGlyph mark={mark} />
        )}
      </span>
    </div>
  );
}

function MarkGlyph({ mark }: { mark: ShownMark }): ReactElement | null {
  return mark === 'none' ? null : <Glyph name={MARK_GLYPH[mark]} className={`g10 is-${mark}`} />;
}

const hue = { '--hue': 'var(--text-2)' };

function Legend(): ReactElement {
  return (
    <div className="component-legend" aria-hidden="true">
      <span className="line">
        <span>
          <b className="text-2">S</b> supported
        </span>
        <span>
          <b className="text-2">E</b> enabled
        </span>
        <span>
          <b className="text-2">P</b> permitted
        </span>
        <span>
          <b className="text-2">U</b> in use
        </span>
      </span>
      <span className="line">
        <span className="line">
          <span className="swatch short" style={hue} />
          in use
        </span>
        <span className="line">
          <span className="swatch short init" style={hue} />
          init
        </span>
        <span className="line">
          <span className="swatch short absent" />
          absent
        </span>
        <span className="line">
          <Glyph name="lock" className="g12 is-armed" />
          armed by XFD
        </span>
      </span>
    </div>
  );
}
