import { type ReactElement, useState } from 'react';
import type { DifferentValue } from '../../../app/edit/diff-elements.ts';

/** Enough to see what kind of difference it is; a component has up to a thousand bytes that may differ. */
const SHOWN = 12;

/** The first rows of a component, and the others when asked for. */
export function ExpandableRows({
  values,
  row,
}: {
  values: readonly DifferentValue[];
  row: (value: DifferentValue) => ReactElement;
}): ReactElement {
  const [open, setOpen] = useState(false);
  const shown = open ? values : values.slice(0, SHOWN);
  return (
    <>
      {shown.map(row)}
      {shown.length === values.length ? null : (
        <tr>
          <td />
          <td colSpan={4}>
            <button type="button" className="link" onClick={() => setOpen(true)}>
              {values.length - shown.length} more
            </button>
          </td>
        </tr>
      )}
    </>
  );
}
