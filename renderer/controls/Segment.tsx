// biome-ignore-all lint/a11y/useSemanticElements: a native radio cannot hold glyphs or be drawn as a row.
import type { KeyboardEvent, ReactElement, ReactNode } from 'react';
import { commandOf } from '../keys/chord.ts';

export interface Choice<T extends string | number> {
  readonly value: T;
  readonly label: string;
  readonly content?: ReactNode;
}

interface SegmentProps<T extends string | number> {
  readonly name: string;
  readonly choices: readonly Choice<T>[];
  readonly value: T | null;
  readonly look?: string;
  readonly onChoose: (value: T) => void;
  /** `/` leads here from within the same region. */
  readonly filter?: boolean;
}

/** One of a few: a radio group with a roving tab stop, moved by the arrow keys. */
export function Segment<T extends string | number>(props: SegmentProps<T>): ReactElement {
  const { name, choices, value, look = '', onChoose, filter = false } = props;
  const chosen = choices.findIndex((choice) => choice.value === value);
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const command = commandOf('choice', event);
    if (command === null) return;
    event.preventDefault();
    event.stopPropagation();
    const next = (Math.max(0, chosen) + (command === 'next' ? 1 : -1) + choices.length) % choices.length;
    const choice = choices[next];
    if (choice === undefined) return;
    onChoose(choice.value);
    const buttons = event.currentTarget.querySelectorAll<HTMLElement>('[role="radio"]');
    buttons[next]?.focus();
  };
  return (
    <div
      className={`segment ${look}`}
      role="radiogroup"
      aria-label={name}
      data-filter={filter || undefined}
      onKeyDown={onKeyDown}
    >
      {choices.map((choice, index) => (
        <button
          key={choice.value}
          type="button"
          role="radio"
          aria-checked={choice.value === value}
          aria-label={choice.label}
          tabIndex={index === Math.max(0, chosen) ? 0 : -1}
          onClick={() => onChoose(choice.value)}
        >
          {choice.content ?? choice.label}
        </button>
      ))}
    </div>
  );
}
