import type { ReactElement } from 'react';

export interface Option {
  readonly value: string;
  readonly label: string;
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
      {options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.label}
        </option>
      ))}
    </select>
  );
}
