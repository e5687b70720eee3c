import { type ReactElement, type ReactNode, useState } from 'react';
import { toHexHighFirst } from '../../../app/bits/bytes.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { diffText } from '../../../app/diff/diff-report.ts';
import { parsePath } from '../../../app/register/path.ts';
import { readRegister } from '../../../app/register/read.ts';
import { typeBytes } from '../../../app/register/register-type.ts';
import type { PreflightOutcome } from '../../../app/xsave/preflight.ts';
import { download } from '../../actions/export-file.ts';
import { action } from '../../actions/registry.ts';
import { Button } from '../../controls/Button.tsx';
import {
  openRestoreToA,
  placeOfA,
  restoreToARefusal,
  selectApart,
  selectFit,
} from '../../store/compare/compare-difference.ts';
import { selectCaptureA, selectTitleA, selectTitleB } from '../../store/compare/compare-sides.ts';
import { indexOfStop } from '../../store/compare/compare-slice.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { jumpOf } from '../../store/select/jump.ts';
import { changesSince } from '../../store/select/last-change.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import { Glyph, type GlyphName } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';
import { ComponentCounts } from './ComponentCounts.tsx';
import { CopyReport } from './CopyReport.tsx';
import { differencesOf, equalComponents } from './differences-of.ts';

/** On the Compare tab the inspector is about the difference: where, which value, since when, and whether A would fit here. */
export function AboutDifference({ children }: { children: ReactNode }): ReactElement | null {
  const before = useDebugger(selectCaptureA);
  const after = useDebugger(selectCapture);
  const apart = useDebugger(selectApart);
  const type = useDebugger((state) => state.laneType);
  if (before === null || after === null) return null;
  const found = differencesOf(before, after, type);
  return (
    <>
      <div className="inspector-head">
        <h2>Difference</h2>
        <div className="sub difference-apart" data-testid="difference-apart">
          {apart}
        </div>
      </div>
      <div className="scroll">
        <ComponentCounts
          found={found}
          equal={equalComponents(before, after)}
          imageBytes={after.image.bytes.length}
          onChoose={(label) =>
            document.querySelector(`[data-testid="compare"] [data-component="${label}"]`)?.scrollIntoView({
              block: 'center',
            })
          }
        />
        {children}
        <SelectedDifference before={before} after={after} />
        <Fit />
      </div>
      <Foot before={before} after={after} />
    </>
  );
}

/** The bytes that a path selects as hex, highest first; null: it has none, or more than fit in a line. */
const hexOf = (capture: Capture, text: string): string | null => {
  const path = parsePath(text);
  const read = path.ok ? readRegister(capture, path.value) : path;
  if (!read.ok || !('bytes' in read.value)) return null;
  const { bytes, selection } = read.value;
  if (selection.kind === 'element') {
    return toHexHighFirst(bytes.subarray(selection.offsetBytes, selection.offsetBytes + typeBytes(selection.type)));
  }
  return bytes.length > 16 ? null : toHexHighFirst(bytes);
};

function SelectedDifference({ before, after }: { before: Capture; after: Capture }): ReactElement | null {
  const store = useDebuggerStore();
  const chosen = useDebugger((state) => state.differencePath);
  const type = useDebugger((state) => state.laneType);
  const stops = useDebugger((state) => state.stops);
  const at = useDebugger((state) => state.at);
  const a = useDebugger(placeOfA);
  const values = differencesOf(before, after, type).flatMap((component) => component.values);
  const value = values.find(({ path }) => path === chosen) ?? values[0];
  if (value === undefined) return null;
  const { path } = value;
  const sides = [
    ['A', value.before, hexOf(before, path)],
    ['B', value.after, hexOf(after, path)],
  ] as const;
  const [from, to] = a === null ? [0, 0] : [Math.min(a, at), Math.max(a, at)];
  const changes = a === null ? null : changesSince(stops, from, to, path);
  const first = changes?.[0];
  const jump = jumpOf(after, path);
  return (
    <section className="block" data-testid="difference-value" aria-label="Selected value">
      <h3>
        <span className="val">{path}</span>
        {jump === null || jump.refused !== null ? null : (
          <span className="aside">
            <button type="button" className="link" onClick={() => jump.go(store.getState())}>
              Show
            </button>
          </span>
        )}
      </h3>
      <dl className="facts difference-facts">
        {sides.map(([letter, text, hex]) => (
          <SideFact key={letter} letter={letter} text={text} hex={hex} />
        ))}
        {value.minus === null ? null : (
          <>
            <dt>B minus A</dt>
            <dd className="val">{minus(value.minus)}</dd>
          </>
        )}
        {first === undefined ? null : (
          <>
            <dt>First differs</dt>
            <dd>
              <button
                type="button"
                className="link"
                aria-label={`Go to stop ${first}, where it first differs`}
                onClick={() => store.getState().goToStop(indexOfStop(stops, first))}
              >
                stop <span className="val">{first}</span>
              </button>
            </dd>
          </>
        )}
        {changes === null ? null : (
          <>
            <dt>Changed</dt>
            <dd data-testid="difference-changes">
              {changes.length === 1 ? 'once' : `${changes.length} times`}{' '}
              {a !== null && a > at ? 'between B and A' : 'since A'}
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

function SideFact({ letter, text, hex }: { letter: string; text: string; hex: string | null }): ReactElement {
  const isHex = hex !== null && text === `0x${hex}`;
  return (
    <>
      <dt>{letter}</dt>
      <dd className="val wraps" data-testid={`difference-${letter}`}>
        {isHex ? null : <span className="strong">{minus(text)}</span>}{' '}
        {hex === null ? null : <span className={isHex ? '' : 'text-2'}>{hex}</span>}
      </dd>
    </>
  );
}

const OUTCOME: Readonly<
  Record<PreflightOutcome, { readonly glyph: GlyphName; readonly look: string; readonly word: string }>
> = {
  pass: { glyph: 'check', look: 'is-written', word: 'yes' },
  warning: { glyph: 'warn', look: 'is-armed', word: 'with a loss' },
  'not-known': { glyph: 'unknown', look: 'text-3', word: 'not known' },
  fail: { glyph: 'stop', look: 'is-refused', word: 'no' },
  'not-reached': { glyph: 'dot', look: 'is-init', word: 'not reached' },
};

/** Whether the vCPU as it is now would take A; nothing where what is open takes no write. */
function Fit(): ReactElement | null {
  const store = useDebuggerStore();
  const lines = useDebugger(selectFit);
  const refused = useDebugger((state) => action('restore').refused(state) ?? restoreToARefusal(state));
  if (lines.length === 0) return null;
  return (
    <section className="block" data-testid="difference-fit" aria-label="Would A fit here?">
      <h3>Would A fit here?</h3>
      <ul className="checks">
        {lines.map(({ label, outcome, sentence, value }) => (
          <li key={label} aria-label={`${label}: ${OUTCOME[outcome].word}`}>
            <Glyph name={OUTCOME[outcome].glyph} className={OUTCOME[outcome].look} />
            <span className="what">
              {label}
              {sentence === null ? null : (
                <span className={outcome === 'fail' ? 'sentence' : 'sentence soft'}>{sentence}</span>
              )}
            </span>
            {value === null ? null : <span className="from val small">{value}</span>}
          </li>
        ))}
      </ul>
      <div className="difference-restore">
        <Button
          label="Restore to A…"
          look="tiny"
          glyph="restore"
          glyphClass="g12"
          refused={refused}
          onPress={() => openRestoreToA(store.getState())}
        >
          Restore to A…
        </Button>
      </div>
    </section>
  );
}

const encoder = new TextEncoder();

/** A name that every file system takes. */
const fileName = ({ facts }: Capture, titles: readonly [string, string]): string => {
  const { name, vcpu } = facts.target;
  const words = [name.replace(/^.*\//, ''), `vcpu${vcpu}`, ...titles].map((word) =>
    word.replaceAll(/[^A-Za-z0-9._]+/g, '-').replaceAll(/^[-.]+|-+$/g, ''),
  );
  return `${words
    .filter((word) => word !== '')
    .join('-')
    .toLowerCase()
    .slice(0, 120)}.diff.txt`;
};

function Foot({ before, after }: { before: Capture; after: Capture }): ReactElement {
  const titleA = useDebugger(selectTitleA);
  const titleB = useDebugger(selectTitleB);
  const [saved, setSaved] = useState(false);
  const make = (): string => diffText(before, after, [titleA, titleB]);
  return (
    <div className="inspector-foot">
      <CopyReport make={make} look="tiny" />
      <Button
        label={saved ? 'Saved; save the differences again…' : 'Save the differences as text…'}
        look="tiny"
        onPress={() => {
          download(fileName(after, [titleA, titleB]), encoder.encode(make()));
          setSaved(true);
        }}
      >
        Save…
      </Button>
    </div>
  );
}
