import type { ReactElement } from 'react';
import { isDoubtful } from '../../../app/register/doubt.ts';
import { componentLabel } from '../../../app/xsave/components.ts';
import { PRESETS } from '../../../app/xsave/presets.ts';
import { Select } from '../../controls/Select.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import type { Session } from '../../store/state/target.ts';
import { Glyph } from '../../theme/Glyph.tsx';

/**
 * On every screen of a file of which two CPUs are possible: values of the components named may be bytes of something else.
 * Naming the CPU ends it.
 */
export function LayoutDoubt({ session }: { session: Session }): ReactElement | null {
  const store = useDebuggerStore();
  const layout = useDebugger((state) => selectCapture(state)?.image.layout ?? null);
  if (layout === null) return null;
  const { guess, lost = [] } = layout;
  if (!isDoubtful(layout)) return lost.length === 0 ? null : <Lost why={lost[0]?.why ?? ''} />;
  const candidates = guess?.candidates ?? [];
  const named = new Set(candidates.map(({ cpu }) => cpu));
  const options = [
    { value: '', label: `guessed: ${candidates[0]?.label ?? ''}` },
    ...candidates.map(({ cpu, label }) => ({ value: cpu, label })),
    ...PRESETS.filter(({ name }) => !named.has(name)).map(({ name, label }) => ({ value: name, label })),
  ];
  const says = candidates.map(
    ({ label, speaksFor, speaksAgainst }) =>
      `${label}\n${[...speaksFor.map((one) => `  for: ${one}`), ...speaksAgainst.map((one) => `  against: ${one}`)].join('\n')}`,
  );
  const bits = guess?.doubtful.map(componentLabel).join(', ') ?? '';
  return (
    <span className="line tight" data-testid="layout-doubt">
      <span
        className="pill tall warn"
        role="status"
        title={`${bits} may be read from the wrong place. Possible are:\n${says.join('\n')}`}
      >
        <Glyph name="warn" className="g12" />
        Layout in doubt
      </span>
      {session.file === undefined || session.file.kind === 'capture' ? null : (
        <Select
          name="CPU whose layout the image has"
          value={session.file.preset ?? ''}
          options={options}
          onChoose={(cpu) => void store.getState().chooseState(session.vcpu, cpu)}
        />
      )}
    </span>
  );
}

function Lost({ why }: { why: string }): ReactElement {
  return (
    <span className="pill tall warn" role="status" title={why} data-testid="layout-lost">
      <Glyph name="warn" className="g12" />
      Bytes lost
    </span>
  );
}
