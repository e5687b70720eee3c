import { type KeyboardEvent, type ReactElement, useRef, useState } from 'react';
import { TILE_STRIDE_BYTES } from '../../../app/tile/geometry.ts';
import { tileTypeRow } from '../../../app/tile/tile-type.ts';
import { commandOf, movedInMenu } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { markedPart, shownMark } from '../../store/select/provenance.ts';
import { selectEditRefusal, selectProvenance } from '../../store/select/selectors.ts';
import type { TileConfigField } from '../../store/state/tile-edits.ts';
import { type ConfigRule, type TileConfigView, tileExtent } from '../../store/tiles/tile-scenes.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { MARK_GLYPH, MARK_WORDS } from '../registers/MarkLegend.tsx';
import { RegisterName } from '../registers/RegisterName.tsx';
import { beginsEdit, ValueEditor } from '../registers/ValueEditor.tsx';
import { shortType } from './TileReadingControls.tsx';
import { TileRole } from './TileRole.tsx';
import { TileThumbnail } from './TileThumbnail.tsx';

const TILES = [0, 1, 2, 3, 4, 5, 6, 7];

/** The configuration as one strip: its two bytes, the verdict of the rules, and a card for each tile. Rows on demand. */
export function TileConfigTable({ view, isLow }: { view: TileConfigView; isLow: boolean }): ReactElement {
  const [open, setOpen] = useState(false);
  return (
    <section className={`tilecfg-strip ${isLow ? 'low' : ''}`} aria-label="TILECFG" data-testid="tilecfg">
      {isLow ? null : (
        <div className="section-head">
          <h2>TILECFG</h2>
          <ConfigField field="palette_id" label="palette" offset={0} value={view.config.paletteId} tile={null} />
          <ConfigField field="start_row" label="start_row" offset={1} value={view.config.startRow} tile={null} />
          <span className="text-3 small wide-only">
            64 bytes{view.offsetBytes === null ? '' : ` at ${view.offsetBytes}`}
          </span>
          <RulesPill view={view} />
          <span className="push" />
          <RowsButton open={open} onPress={() => setOpen(!open)} />
        </div>
      )}
      {view.sentence === null ? null : <p className="tile-note text-2">{view.sentence}</p>}
      <div className="tilecfg-cards">
        <TileCards view={view} isLow={isLow} />
        {isLow ? <RowsButton open={open} onPress={() => setOpen(!open)} /> : null}
      </div>
      {open ? (
        <div className="tilecfg-sheet">
          {isLow ? (
            <div className="section-head">
              <ConfigField field="palette_id" label="palette" offset={0} value={view.config.paletteId} tile={null} />
              <ConfigField field="start_row" label="start_row" offset={1} value={view.config.startRow} tile={null} />
              <RulesPill view={view} />
            </div>
          ) : null}
          <div className="tilecfg">
            <div className="tilecfg-line">
              <span />
              {TILES.map((tile) => (
                <span key={tile} className="tilecfg-cell val small text-2">
                  tmm{tile}
                </span>
              ))}
            </div>
            <ConfigLine field="rows" view={view} />
            <ConfigLine field="colsb" view={view} />
            <LimitsLine view={view} />
          </div>
          <Rules view={view} />
        </div>
      ) : null}
    </section>
  );
}

function RowsButton({ open, onPress }: { open: boolean; onPress: () => void }): ReactElement {
  return (
    <button
      type="button"
      className="button tiny ghost"
      aria-label="Rows and rules"
      aria-expanded={open}
      title="Rows and rules"
      onClick={onPress}
    >
      <span className="wide-only">Rows and rules</span>
      <Glyph name={open ? 'chevron' : 'chevronRight'} className="g12 text-3" />
    </button>
  );
}

/** One verdict, worst first: what breaks, else that all hold. */
function RulesPill({ view }: { view: TileConfigView }): ReactElement {
  const broken = view.rules.filter(({ outcome }) => outcome === 'broken').length;
  const held = view.rules.filter(({ outcome }) => outcome === 'holds').length;
  if (view.state === 'init') return <span className="pill">init</span>;
  return (
    <span className={`pill ${broken === 0 ? 'good' : 'bad'}`} data-testid="tilecfg-rules">
      <Glyph name={broken === 0 ? 'check' : 'stop'} className="g12" />
      {broken === 0
        ? `${held} of ${view.rules.length} rules hold`
        : count(broken, 'rule is broken', 'rules are broken')}
    </span>
  );
}

/** The eight tiles by name, picture, role and shape: a row of tabs that chooses the large one. */
function TileCards({ view, isLow }: { view: TileConfigView; isLow: boolean }): ReactElement {
  const store = useDebuggerStore();
  const chosen = useDebugger((state) => state.tile);
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const command = commandOf('tiles', event);
    if (command === null) return;
    event.preventDefault();
    const tile = command === 'tile' ? Number(event.key) - 1 : movedInMenu(command, chosen, TILES.length);
    store.getState().showTile(tile);
    event.currentTarget.querySelector<HTMLElement>(`[role="tab"][data-tile="${tile}"]`)?.focus();
  };
  return (
    <div className="tile-cards" role="tablist" aria-label="Tiles" onKeyDown={onKeyDown}>
      {TILES.map((tile) => (
        <TileCard key={tile} tile={tile} view={view} isLow={isLow} isChosen={tile === chosen} />
      ))}
    </div>
  );
}

interface TileCardProps {
  readonly tile: number;
  readonly view: TileConfigView;
  readonly isLow: boolean;
  readonly isChosen: boolean;
}

function TileCard({ tile, view, isLow, isChosen }: TileCardProps): ReactElement {
  const store = useDebuggerStore();
  const type = useDebugger((state) => state.readings[tile]?.type ?? 'i32');
  const mark = useDebugger((state) => {
    const provenance = selectProvenance(state);
    return provenance === null ? 'none' : shownMark(markedPart(provenance, `tmm${tile}`, 0, TILE_STRIDE_BYTES));
  });
  const { rows, colsb } = tileExtent(view, tile);
  const bad = view.rules.find(({ tiles }) => tiles.includes(tile));
  const columns = Math.floor(colsb / tileTypeRow(type).bytes);
  const shape = rows === 0 ? 'unused' : isLow ? `${rows}×${columns}` : `${rows}×${columns} ${shortType(type)}`;
  return (
    <button
      type="button"
      role="tab"
      className="tile-card"
      aria-selected={isChosen}
      title={bad?.sentence ?? `tmm${tile} ${shape}`}
      data-tile={tile}
      tabIndex={isChosen ? 0 : -1}
      onClick={() => store.getState().showTile(tile)}
    >
      {isLow ? <TileThumbnail tile={tile} rowPx={2} widthPx={48} /> : null}
      <span className="line tight tile-card-name">
        <span className="val small">
          <RegisterName name={`tmm${tile}`} />
        </span>{' '}
        <TileRole tile={tile} />
        {mark === 'none' ? null : <Glyph name={MARK_GLYPH[mark]} className={`g10 is-${mark}`} />}
        {bad === undefined ? null : <Glyph name="stop" className="g12 is-refused" />}
      </span>
      {isLow ? null : <TileThumbnail tile={tile} />}
      <span className={`val small nowrap ${rows === 0 ? 'is-init' : 'text-2'}`}> {shape}</span>
      {mark === 'none' ? null : <span className="visually-hidden">{MARK_WORDS[mark]}</span>}
    </button>
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
  const editing = useDebugger((state) => state.editor?.place === path);
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
        aria-label={`${label === null ? path : `${label} ${value}, ${path}`} ${value}${MARK_WORDS[mark]}`}
        title={refused ?? `${path}: Enter edits`}
        onFocus={() =>
          store.getState().select({ kind: 'register', path: 'tilecfg', field: path.slice('tilecfg.'.length) })
        }
        onClick={(event) => {
          // A press of Enter comes as a click without a pointer: it edits; the mouse edits by a double click.
          if (event.detail === 0 || event.detail === 2) open(null);
        }}
        onKeyDown={(event) => {
          if (!beginsEdit(event)) return;
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
