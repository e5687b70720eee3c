import { Fragment, type ReactElement } from 'react';
import type { Capture } from '../../../app/capture/capture.ts';
import { qemuNotes, qemuRow, qemuSourceWords } from '../../../app/xsave/qemu.ts';
import { fixed } from '../../fixed.ts';
import { Glyph } from '../../theme/Glyph.tsx';

const FATE = {
  buffer: { glyph: 'check', look: 'is-written', text: 'copied to and from KVM’s buffer' },
  msrs: { glyph: 'check', look: 'is-written', text: 'kept, by MSRs' },
  dropped: { glyph: 'warn', look: 'is-armed', text: 'dropped: not in QEMU’s copy, lost in migration' },
} as const;

/** Where a component lands in QEMU's source and migration stream. */
export function QemuBlock({ capture, bit }: { capture: Capture; bit: number }): ReactElement {
  const { vmmVersion } = capture.facts.target;
  const version = vmmVersion === undefined ? undefined : fixed('version', vmmVersion);
  const row = qemuRow(bit, version);
  const fate = FATE[row.fate];
  const notes = qemuNotes(capture.facts).filter((note) => note.bits.includes(bit));
  return (
    <section className="block" data-testid="qemu">
      <h3>
        In QEMU’s copy
        {version === undefined ? null : (
          <span className="aside">
            <span className="val">{version}</span>
          </span>
        )}
      </h3>
      <p className="small text-3">{qemuSourceWords(version)}</p>
      <ul className="checks">
        <li>
          <Glyph name={fate.glyph} className={fate.look} />
          <span className="what">{fate.text}</span>
        </li>
      </ul>
      {row.struct === null ? null : (
        <div className="qemu-fields small">
          <span className="text-3">{row.struct}</span>
          <span className="text-3">CPUX86State</span>
          {row.fields.map((field) => (
            <Fragment key={field.xsave}>
              <span className="val">{field.xsave}</span>
              <span className={field.state === null ? 'text-3' : 'val'}>{field.state ?? 'not kept'}</span>
              {field.note === null ? null : <span className="note-line text-3">{field.note}</span>}
            </Fragment>
          ))}
        </div>
      )}
      {row.note === null ? null : <p className="small text-2">{row.note}.</p>}
      {notes.map((note) => (
        <p key={note.id} className="small text-2">
          {note.sentence}.
        </p>
      ))}
    </section>
  );
}
