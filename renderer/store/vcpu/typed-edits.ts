import type { Assignment } from '../../../app/bridge.ts';
import { parsePath, printPath } from '../../../app/register/path.ts';
import { groupOfRegister, jumpOf } from '../select/jump.ts';
import { selectEditRefusal } from '../select/selectors.ts';
import type { State } from '../state/state.ts';
import { stagedWith } from './edits-slice.ts';

/** Edits typed as on the command line: `zmm3:f32[1]=-6.25 mxcsr.RC=down`. */
export interface TypedEdits {
  readonly title: string;
  /** Why they cannot be staged; null: they can. */
  readonly refused: string | null;
  readonly go: (state: State) => void;
}

/** Canonical where it is a path, so that it takes the place of an earlier edit of the same register. */
const canonical = (text: string): string => {
  const path = parsePath(text);
  return path.ok ? printPath(path.value) : text;
};

/** Words divided by spaces or semicolons, blanks around "=" apart; null: the first of them is no assignment. */
const wordsIn = (text: string): readonly string[] | null => {
  const words = text
    .replace(/\s*=\s*/g, '=')
    .split(/[\s;]+/)
    .filter((word) => word !== '');
  return (words[0] ?? '').indexOf('=') < 1 ? null : words;
};

const assignmentOf = (word: string): Assignment => {
  const equals = word.indexOf('=');
  return equals < 1
    ? { path: word, value: '' }
    : { path: canonical(word.slice(0, equals)), value: word.slice(equals + 1) };
};

/** Shows the register that was edited, in the view that has it. */
const show = (state: State, text: string): void => {
  const path = parsePath(text);
  const capture = state.stops.at(-1)?.capture;
  if (!path.ok || capture === undefined) return;
  const { register, field } = path.value;
  if (register === 'tilecfg') state.setTab('tiles');
  else jumpOf(capture, text)?.go(state);
  if (field !== null && (register === 'tilecfg' || groupOfRegister(register) !== null)) {
    const index = path.value.indexes.map((one) => `[${one}]`).join('');
    state.select({ kind: 'register', path: register, field: `${field}${index}` });
  }
};

/** null: no "=" with a name before it was typed. */
export const typedEdits = (state: State, text: string): TypedEdits | null => {
  const assignments = wordsIn(text)?.map(assignmentOf);
  if (assignments === undefined) return null;
  const last = assignments.at(-1);
  const list = assignments.map(({ path, value }) => `${path} = ${value}`).join(', ');
  const title = assignments.length === 1 ? `Stage ${list}` : `Stage ${assignments.length} edits: ${list}`;
  const unfinished = assignments.find(({ value }) => value === '');
  const staging = stagedWith(state, assignments);
  const refused =
    selectEditRefusal(state) ??
    (unfinished !== undefined
      ? `no value for ${unfinished.path}: an edit is written as path=value`
      : staging.ok
        ? null
        : staging.why);
  return {
    title,
    refused,
    go: (now) => {
      if (now.stageAll(assignments) === null && last !== undefined) show(now, last.path);
    },
  };
};
