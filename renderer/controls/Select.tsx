import type { ReactElement } from 'react';

export interface Option {
  readonly value: string;
  readonly label: string;
  /** Under this heading. */
  readonly group?: string;
  /** Seen and not to be chosen; its label says why. */
  readonly refused?: boolean;
}

interface SelectProps {
  readonly name: string;
  readonly value: string;
  readonly options: readonly Option[];
  readonly onChoose: (value: string) => void;
}

/** One of many: the browser's own list, which every keyboard knows. */
export function Select({ name, value, options, onChoose }: SelectProps): ReactElement {
  return (
    <select className="choice" aria-label={name} value={value} onChange={(event) => onChoose(event.target.value)}>
      {grouped(options).map(([group, rows]) =>
        group === '' ? (
          rows.map(optionOf)
        ) : (
          <optgroup key={group} label={group}>
            {rows.map(optionOf)}
          </optgroup>
        ),
      )}
    </select>
  );
}

const optionOf = ({ value, label, refused = false }: Option): ReactElement => (
  <option key={value} value={value} disabled={refused}>
    {label}
  </option>
);

/** In the order in which the groups come first; '' has no heading. */
const grouped = (options: readonly Option[]): readonly (readonly [string, readonly Option[]])[] => {
  const groups = new Map<string, Option[]>();
  for (const option of options) {
    const rows = groups.get(option.group ?? '');
    if (rows === undefined) groups.set(option.group ?? '', [option]);
    else rows.push(option);
  }
  return [...groups];
};
