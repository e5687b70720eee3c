import type { ReactElement } from 'react';
import { type Choice, Segment } from './Segment.tsx';
import { type Option, Select } from './Select.tsx';

interface TypeChooserProps<T extends string> {
  readonly name: string;
  /** What is chosen most, side by side. */
  readonly quick: readonly Choice<T>[];
  /** All others. */
  readonly more: readonly (Option & { readonly value: T })[];
  readonly value: T;
  readonly onChoose: (value: T) => void;
}

/** How bytes are read: a few types at hand, and More for the rest, which then stands there by its name. */
export function TypeChooser<T extends string>({
  name,
  quick,
  more,
  value,
  onChoose,
}: TypeChooserProps<T>): ReactElement {
  const isQuick = quick.some((choice) => choice.value === value);
  return (
    <span className={`line tight type-chooser ${isQuick ? '' : 'more'}`}>
      <Segment name={name} look="tiny" choices={quick} value={isQuick ? value : null} onChoose={onChoose} />
      <Select
        name={`${name}, more types`}
        value={isQuick ? '' : value}
        options={[...(isQuick ? [{ value: '', label: 'More' }] : []), ...more]}
        onChoose={(next) => {
          const chosen = more.find((option) => option.value === next);
          if (chosen !== undefined) onChoose(chosen.value);
        }}
      />
    </span>
  );
}
