import { type KeyboardEvent, type ReactElement, useRef } from 'react';
import { tileTypeRow } from '../../../app/tile/tile-type.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { markedPart } from '../../store/provenance.ts';
import { selectEditRefusal, selectProvenance } from '../../store/selectors.ts';
import type { TileConfigField } from '../../store/tile-edits.ts';
import { type ConfigRule, type TileConfigView, tileExtent } from '../../store/tile-scenes.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { MARK_GLYPH, MARK_WORDS } from '../registers/MarkLegend.tsx';
import { beginsEdit, ValueEditor } from '../registers/ValueEditor.tsx';
import { TileThumbnail } from './TileThumbnail.tsx';
import { shortType } from './TileView.tsx';

const TILES = [0, 1, 2, 3, 4, 5, 6, 7];

export function TileConfigTable({ view }: { view: TileConfigView }): ReactElement {
  const chosen = useDebugger((state) => state.tile);
  const broken = view.rules.filter(({ outcome }) => outcome === 'broken').length;
  const held = view.rules.filter(({ outcome }) => outcome === 'holds').length;
  const isStale = view.state === 'init';
  return (
    <section className="section" aria-label="TILECFG" data-testid="tilecfg">
      <div className="section-head">
        <h2>TILECFG</h2>
        <ConfigField field="palette_id" label="palette" offset={0} value={view.config.paletteId} tile={null} />
        <ConfigField field="start_row" label="start_row" offset={1} value={view.config.startRow} tile={null} />
        <span className="text-3 small wide-only">
          64 bytes{view.offsetBytes === null ? '' : ` at ${view.offsetBytes}`}
        </span>
        <span className="push" />
        {isStale ? (
          <span className="pill">init</span>
        ) : (
          <span className={`pill ${broken === 0 ? 'good' : 'bad'}`} data-testid="tilecfg-rules">
            <Glyph name={broken === 0 ? 'check' : 'stop'} className="g12" />
            {broken === 0
              ? `${held} of ${view.rules.length} rules hold`
              : count(broken, 'rule is broken', 'rules are broken')}
          </span>
        )}
      </div>
      {view.sentence === null ? null : <p className="tile-note text-2">{view.sentence}</p>}
      <div className="tilecfg" style={{ '--chosen': chosen }}>
        <div className="tilecfg-chosen" aria-hidden="true" />
        <TileHeads />
        <div className="tilecfg-line pictures">
          <span className="text-2 small">heat map</span>
          {TILES.map((tile) => (
            <span key={tile} className="tilecfg-cell">
              <TileThumbnail tile={tile} />
            </span>
          ))}
        </div>
        <ConfigLine field="rows" view={view} />
        <ConfigLine field="colsb" view={view} />
        <ShapeLine view={view} />
        <LimitsLine view={view} />
      </div>
      <Rules view={view} />
    </section>
  );
}

/** The eight tiles by name: a row of tabs that chooses the large one. */
function TileHeads(): ReactElement {
  const store = useDebuggerStore();
  const chosen = useDebugger((state) => state.tile);
  const operands = useDebugger((state) => state.product?.operands ?? null);
  const role = (tile: number): string =>
    operands === null ? '' : tile === operands.c ? 'C' : tile === operands.a ? 'A' : tile === operands.b ? 'B' : '';
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const next = { ArrowRight: chosen + 1, ArrowLeft: chosen - 1, Home: 0, End: 7 }[event.key];
    if (next === undefined || event.altKey || event.ctrlKey) return;
    event.preventDefault();
    const tile = (next + 8) % 8;
    store.getState().showTile(tile);
    event.currentTarget.querySelector<HTMLElement>(`[data-tile="${tile}"]`)?.focus();
  };
  return (
    <div className="tilecfg-line heads" role="tablist" aria-label="Tiles" onKeyDown={onKeyDown}>
      <span />
      {TILES.map((tile) => (
        <button
          key={tile}
          type="button"
          role="tab"
          className="val small tilecfg-head"
          aria-selected={tile === chosen}
          aria-label={`tmm${tile}`}
          data-tile={tile}
          tabIndex={tile === chosen ? 0 : -1}
          onClick={() => store.getState().showTile(tile)}
        >
          tmm{tile} {role(tile) === '' ? null : <span className="text-3">{role(tile)}</span>}
        </button>
      ))}
    </div>
  );
}

function ConfigLine({ field, view }: { field: 'rows' | 'colsb'; view: TileConfigView }): ReactElement {
  return (
    <div className="tilecfg-line">
      <span className="text-2 small">{field}</span>
      {TILES.map((tile) => (
        <ConfigField
          key={tile}
          field={field}
          label={null}
          offset={field === 'rows' ? 48 + tile : 16 + 2 * tile}
          value={view.config.tiles[tile]?.[field] ?? 0}
          tile={tile}
        />
      ))}
    </div>
  );
}

interface ConfigFieldProps {
  readonly field: TileConfigField;
  /** In the head of the section the field says its own name. */
  readonly label: string | null;
  readonly offset: number;
  readonly value: number;
  readonly tile: number | null;
}

function ConfigField({ field, label, offset, value, tile }: ConfigFieldProps): ReactElement {
  const store = useDebuggerStore();
  const button = useRef<HTMLButtonElement>(null);
  const path = `tilecfg.${field}${tile === null ? '' : `[${tile}]`}`;
  const editing = useDebugger((state) => state.editor?.path === path);
  const mark = useDebugger((state) => {
    const provenance = selectProvenance(state);
    return provenance === null
      ? 'none'
      : (markedPart(provenance, 'tilecfg', offset, field === 'colsb' ? 2 : 1)?.mark ?? 'none');
  });
  const refused = useDebugger(selectEditRefusal);
  const open = (text: string | null): void => {
    if (refused === null) store.getState().openEditor(path, text ?? String(value), text !== null);
  };
  return (
    <span className={label === null ? 'tilecfg-cell' : 'tilecfg-field'}>
      <button
        ref={button}
        type="button"
        className={`val small tilecfg-value ${label === null ? '' : 'tag'} ${mark === 'none' ? '' : mark} ${value === 0 ? 'zero' : ''}`}
        aria-label={`${path} ${value}${MARK_WORDS[mark]}`}
        title={refused ?? `${path}: Enter edits`}
        onFocus={() =>
          store.getState().select({ kind: 'register', path: 'tilecfg', field: path.slice('tilecfg.'.length) })
        }
        onClick={(event) => {
          // A press of Enter comes as a click without a pointer: it edits; the mouse edits by a double click.
          if (event.detail === 0 || event.detail === 2) open(null);
        }}
        onKeyDown={(event) => {
          if (!beginsEdit(event) || event.key === ' ') return;
          event.preventDefault();
          event.stopPropagation();
          open(event.key);
        }}
      >
        {mark === 'none' ? null : <Glyph name={MARK_GLYPH[mark]} className="g10" />}
        {label === null ? '' : `${label} `}
        {value}
      </button>
      {editing ? (
        <ValueEditor
          path={path}
          onDone={() => button.current?.focus()}
          stage={(text) => store.getState().stageConfig(field, tile, text)}
        />
      ) : null}
    </span>
  );
}

function ShapeLine({ view }: { view: TileConfigView }): ReactElement {
  const readings = useDebugger((state) => state.readings);
  return (
    <div className="tilecfg-line">
      <span className="text-2 small">shape</span>
      {TILES.map((tile) => {
        const { rows, colsb } = tileExtent(view, tile);
        const type = readings[tile]?.type ?? 'i32';
        return (
          <span key={tile} className={`tilecfg-cell val small ${rows === 0 ? 'is-init' : ''}`}>
            {rows === 0 ? 'none' : `${rows}×${Math.floor(colsb / tileTypeRow(type).bytes)} ${shortType(type)}`}
          </span>
        );
      })}
    </div>
  );
}

function LimitsLine({ view }: { view: TileConfigView }): ReactElement {
  return (
    <div className="tilecfg-line">
      <span className="text-2 small">within limits</span>
      {TILES.map((tile) => {
        const bad = view.rules.find(({ tiles }) => tiles.includes(tile));
        const size = view.config.tiles[tile];
        const empty = (size?.rows ?? 0) === 0 && (size?.colsb ?? 0) === 0;
        return (
          <span key={tile} className="tilecfg-cell" title={bad?.sentence ?? undefined}>
            {bad !== undefined ? (
              <Glyph name="stop" className="g12 is-refused" />
            ) : empty ? (
              <span className="is-init small">unused</span>
            ) : (
              <Glyph name="check" className="g12 is-written" />
            )}
          </span>
        );
      })}
    </div>
  );
}

const RULE_LOOK = {
  holds: { glyph: 'check', look: 'is-written', word: 'holds' },
  broken: { glyph: 'stop', look: 'is-refused', word: 'is broken' },
  'not-reached': { glyph: 'dot', look: 'is-init', word: 'is not reached' },
} as const satisfies Record<ConfigRule['outcome'], unknown>;

/** Every rule of palette 1 in words; the broken one says what breaks it. Warnings are what a later use refuses. */
function Rules({ view }: { view: TileConfigView }): ReactElement | null {
  if (view.state === 'absent') return null;
  return (
    <ul className="tilecfg-rules small" aria-label="Rules of palette 1">
      {view.rules.map((rule) => {
        const { glyph, look, word } = RULE_LOOK[rule.outcome];
        return (
          <li key={rule.id} className="line tight" aria-label={`${rule.label}: ${word}`}>
            <Glyph name={glyph} className={`g12 ${look}`} />
            <span className={rule.outcome === 'holds' ? 'text-2' : look}>{rule.sentence ?? rule.label}</span>
          </li>
        );
      })}
      {view.warnings.map((warning) => (
        <li key={`${warning.rule} ${warning.tile}`} className="line tight is-armed">
          <Glyph name="warn" className="g12" />
          {warning.sentence}
        </li>
      ))}
    </ul>
  );
}
