import { type ReactElement, type ReactNode, useState } from 'react';
import type { Capture } from '../../../app/capture/capture.ts';
import { cpuidEntry } from '../../../app/cpu/cpuid.ts';
import { componentRow } from '../../../app/xsave/components.ts';
import type { EnablementState } from '../../../app/xsave/enablement.ts';
import { placeOf } from '../../../app/xsave/layout.ts';
import { cutComponents, viewComponent } from '../../../app/xsave/view.ts';
import { useDebugger } from '../../store/context.ts';
import { type ComponentEntry, componentEntries } from '../../store/select/components.ts';
import { selectBitMatrix, selectCapture, selectCompactedLayout } from '../../store/select/selectors.ts';
import { Glyph, type GlyphName } from '../../theme/Glyph.tsx';
import { HexDump } from './HexDump.tsx';
import { InspectorHead } from './InspectorHead.tsx';
import { LastChanged } from './LastChanged.tsx';
import { QemuBlock } from './QemuBlock.tsx';
import { SupervisorBlock } from './SupervisorBlock.tsx';

const STEP: Readonly<
  Record<EnablementState, { readonly glyph: GlyphName; readonly look: string; readonly word: string }>
> = {
  yes: { glyph: 'check', look: 'is-written', word: '' },
  no: { glyph: 'cross', look: 'text-3', word: 'Not ' },
  'not-needed': { glyph: 'dot', look: 'text-3', word: '' },
  'not-known': { glyph: 'unknown', look: 'text-3', word: '' },
};

export function AboutComponent({ bit, children }: { bit: number; children: ReactNode }): ReactElement | null {
  const capture = useDebugger(selectCapture);
  const matrix = useDebugger(selectBitMatrix);
  const entry = capture === null ? undefined : componentEntries(capture).find((row) => row.bit === bit);
  if (capture === null || entry === undefined) return null;
  const found = matrix?.contradictions.filter((row) => row.bits.includes(bit)) ?? [];
  return (
    <>
      <InspectorHead
        hue={`var(--c-${entry.hue})`}
        swatch={entry.group === 'not-offered' ? 'absent' : entry.state === 'inUse' ? '' : 'init'}
        title={entry.label}
        sub={`component ${bit}: ${entry.holds}`}
        tag={entry.sizeBytes === null ? null : `${entry.sizeBytes} B`}
      />
      <div className="scroll">
        {found.length === 0 ? null : (
          <section className="block note-list">
            {found.map((row) => (
              <div key={row.rule} className={`note ${row.severity === 'warning' ? 'attention' : 'refused'}`}>
                <Glyph name={row.severity === 'warning' ? 'warn' : 'stop'} />
                <div className="note-body">
                  {row.sentence}.<div className="small text-2">{row.source}</div>
                </div>
              </div>
            ))}
          </section>
        )}
        <StateBlock entry={entry} />
        {entry.group === 'outside' ? null : <PlaceBlock capture={capture} bit={bit} />}
        <SupervisorBlock capture={capture} bit={bit} />
        <BytesBlock capture={capture} entry={entry} />
        {capture.facts.target.vmm === 'QEMU' ? <QemuBlock capture={capture} bit={bit} /> : null}
        {entry.group === 'in' ? <LastChanged parts={[{ name: null, value: bit }]} /> : null}
        {children}
      </div>
    </>
  );
}

function StateBlock({ entry }: { entry: ComponentEntry }): ReactElement {
  const supervisor = componentRow(entry.bit)?.kind === 'supervisor';
  const { enablement, bit } = entry;
  const rows: readonly { readonly state: EnablementState; readonly word: string; readonly from: string }[] = [
    { state: enablement.supported, word: 'supported', from: `CPUID 0xD.${bit}` },
    { state: enablement.enabled, word: 'enabled', from: `${supervisor ? 'XSS' : 'XCR0'}[${bit}]` },
    { state: enablement.permitted, word: 'permitted', from: 'guest permission' },
    { state: enablement.inUse, word: 'in use', from: supervisor ? 'its MSRs' : `XSTATE_BV[${bit}]` },
  ];
  const sentence = (state: EnablementState, word: string): string =>
    state === 'not-needed'
      ? 'Needs no permission'
      : state === 'not-known'
        ? `${word[0]?.toUpperCase()}${word.slice(1)}: not read`
        : state === 'no'
          ? word === 'in use' && entry.state === 'init'
            ? 'In init state'
            : `Not ${word}`
          : `${word[0]?.toUpperCase()}${word.slice(1)}`;
  return (
    <section className="block">
      <h3>State</h3>
      <ul className="checks">
        {rows.map(({ state, word, from }) => (
          <li key={word}>
            <Glyph name={STEP[state].glyph} className={STEP[state].look} />
            <span className="what">{sentence(state, word)}</span>
            <span className="from val small">{state === 'not-needed' ? '' : from}</span>
          </li>
        ))}
        {entry.canBeArmed || entry.armed === true ? (
          <li>
            <Glyph
              name={entry.armed === true ? 'lock' : entry.armed === null ? 'unknown' : 'unlock'}
              className={entry.armed === true ? 'is-armed' : 'text-3'}
            />
            <span className="what">
              {entry.armed === null
                ? 'Armed by XFD: not read'
                : entry.armed
                  ? 'Armed: next use raises #NM'
                  : 'Not armed by XFD'}
            </span>
            <span className="from val small">XFD[{bit}]</span>
          </li>
        ) : null}
      </ul>
    </section>
  );
}

function PlaceBlock({ capture, bit }: { capture: Capture; bit: number }): ReactElement {
  const compacted = useDebugger(selectCompactedLayout);
  const place = placeOf(capture.image.layout, bit);
  const packed = compacted?.ok === true ? placeOf(compacted.value, bit) : undefined;
  const leaf =
    bit >= 2
      ? (cpuidEntry(capture.facts.guestCpuid, 0xd, bit) ?? cpuidEntry(capture.facts.hostCpuid, 0xd, bit))
      : undefined;
  const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
  return (
    <section className="block">
      <h3>Place</h3>
      <dl className="facts">
        <dt>{capture.image.layout.format === 'standard' ? 'Standard' : 'Compacted'}</dt>
        <dd className="val small">
          {place === undefined ? (
            <span className="text-3">no room in this image</span>
          ) : (
            range(place.offsetBytes, place.sizeBytes)
          )}
        </dd>
        {packed === undefined ? null : (
          <>
            <dt>Compacted</dt>
            <dd className="val small">{range(packed.offsetBytes, packed.sizeBytes)}</dd>
          </>
        )}
        {place === undefined ? null : (
          <>
            <dt>Aligned to 64</dt>
            <dd>{place.aligned64 ? 'yes' : 'no'}</dd>
          </>
        )}
        {leaf === undefined ? null : (
          <>
            <dt>CPUID 0xD.{bit}</dt>
            <dd className="val small">
              EAX {hex(leaf.eax)} EBX {hex(leaf.ebx)}
            </dd>
            <dt />
            <dd className="val small">
              ECX {hex(leaf.ecx)} EDX {hex(leaf.edx)}
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

const range = (offset: number, size: number): string => `${offset} … ${offset + size - 1}`;

const DUMP_BYTES = 40;
/** All that is shown of a component at once; the rest is saved as a file. */
const MOST_DUMP_BYTES = 1024;

function BytesBlock({ capture, entry }: { capture: Capture; entry: ComponentEntry }): ReactElement | null {
  // Without a public definition the bytes are all there is to see.
  const [all, setAll] = useState(componentRow(entry.bit) === undefined);
  if (entry.group !== 'in') return null;
  const view = viewComponent(capture.image, entry.bit);
  const place = placeOf(capture.image.layout, entry.bit);
  return (
    <section className="block">
      <h3>
        Bytes
        {view.state === 'inUse' && view.bytes.length > DUMP_BYTES ? (
          <span className="aside">
            <button type="button" className="link" aria-expanded={all} onClick={() => setAll(!all)}>
              {all
                ? view.bytes.length > MOST_DUMP_BYTES
                  ? `first ${MOST_DUMP_BYTES}, fewer`
                  : 'fewer'
                : `first ${DUMP_BYTES}, more`}
            </button>
          </span>
        ) : null}
      </h3>
      {view.state === 'inUse' && place !== undefined ? (
        <HexDump bytes={view.bytes.subarray(0, all ? MOST_DUMP_BYTES : DUMP_BYTES)} offsetBytes={place.offsetBytes} />
      ) : (
        <p className="is-init">
          {view.state === 'init'
            ? 'In init state: its registers hold their initial values, the stored bytes mean nothing.'
            : cutComponents(capture.image).includes(entry.bit)
              ? 'In use, and beyond the end of the image: its bytes are lost.'
              : 'This image has no room for it.'}
        </p>
      )}
    </section>
  );
}
