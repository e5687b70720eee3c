import type { ReactElement, ReactNode } from 'react';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { type Choice, outsideCount, type RestorePlan } from '../../store/restore/restore-plan.ts';
import { hueOf } from '../../store/select/components.ts';
import type { RestoreWhat } from '../../store/state/restore.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';

/** Registers of hardware are written small, MSRs and control words large, as in the inspector. */
export const registerTitle = (path: string): string =>
  /^(k|st|[xyz]mm|tmm|r)\w/.test(path) ? path : path.toUpperCase();

/** How much is restored. What cannot be had stays listed with its reason. */
export function RestoreParts({ plan }: { plan: RestorePlan }): ReactElement {
  const what = useDebugger((state) => state.restoreWhat);
  const { component, register, components, set } = plan;
  return (
    <div className="restore-part restore-what" role="radiogroup" aria-label="What">
      <Row what="all" chosen={what} choice={plan.all}>
        Everything
        {plan.without.length === 0 ? null : <span className="is-armed"> without {plan.without.join(', ')}</span>}
        {plan.stays.length === 0 ? null : (
          <span className="text-3 small">not in the file: {plan.stays.join(', ')}</span>
        )}
      </Row>
      {component === null ? null : (
        <Row what="component" chosen={what} choice={component}>
          <span className="swatch short" style={{ '--hue': hueOf(component.bit) }} />
          {component.label} <span className="text-3">the selected component</span>
        </Row>
      )}
      {register === null ? null : (
        <Row what="register" chosen={what} choice={register}>
          <span className="val">{registerTitle(register.path)}</span>{' '}
          <span className="text-3">the selected register</span>
        </Row>
      )}
      <Row what="components" chosen={what} choice={set}>
        Some components
      </Row>
      <ul className="restore-components" aria-label="Components">
        {components.map((row) => (
          <Component key={row.bit} row={row} />
        ))}
      </ul>
    </div>
  );
}

const bytesText = (choice: Choice): string => {
  const bytes = choice.write?.writtenBytes ?? 0;
  return `${count(bytes, 'byte')} ${bytes === 1 ? 'differs' : 'differ'}`;
};

interface RowProps {
  readonly what: RestoreWhat;
  readonly chosen: RestoreWhat;
  /** null: nothing is chosen yet. */
  readonly choice: Choice | null;
  readonly children: ReactNode;
}

function Row({ what, chosen, choice, children }: RowProps): ReactElement {
  const store = useDebuggerStore();
  const refused = choice?.refused ?? null;
  return (
    <label className={`restore-row ${what === chosen ? 'on' : ''}`} data-what={what}>
      <input
        type="radio"
        name="restore-what"
        value={what}
        checked={what === chosen}
        onChange={() => store.getState().setRestoreWhat(what)}
      />
      <span className="line tight restore-name">{children}</span>
      <span className={`small ${refused === null ? 'text-2' : 'text-3'} restore-bytes`}>
        {choice === null ? '' : (refused ?? <Amount choice={choice} />)}
      </span>
    </label>
  );
}

function Amount({ choice }: { choice: Choice }): ReactElement {
  const now = useDebugger((state) => state.stops.at(-1)?.capture);
  const outside = choice.write === null || now === undefined ? 0 : outsideCount(choice.write, now);
  return (
    <>
      {bytesText(choice)}
      {outside === 0 ? '' : `, ${count(outside, 'register')} outside the image`}
    </>
  );
}

interface ComponentProps {
  readonly row: RestorePlan['components'][number];
}

function Component({ row }: ComponentProps): ReactElement {
  const store = useDebuggerStore();
  return (
    <li>
      <label className={`restore-row ${row.refused === null ? '' : 'refused'}`} title={row.refused ?? undefined}>
        <input
          type="checkbox"
          checked={row.chosen && row.refused === null}
          disabled={row.refused !== null}
          aria-label={`${row.label}, ${row.refused ?? bytesText(row)}`}
          onChange={() => store.getState().toggleRestoreBit(row.bit)}
        />
        <span className="line tight restore-name">
          <span
            className={`swatch short ${row.refused === null ? '' : 'absent'}`}
            style={{ '--hue': hueOf(row.bit) }}
          />
          {row.label}
        </span>
        <span className="small text-3 ellipsis restore-bytes">
          {row.refused === null ? (
            bytesText(row)
          ) : row.refused === 'nothing differs' ? (
            'equal'
          ) : (
            <span className="line tight">
              <Glyph name="info" className="g12" />
              <span className="ellipsis">{row.refused}</span>
            </span>
          )}
        </span>
      </label>
    </li>
  );
}
