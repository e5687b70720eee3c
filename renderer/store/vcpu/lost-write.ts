import type { Assignment, RestoreScope } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { stageAssignments } from '../../../app/edit/assign.ts';
import { registerRow } from '../../../app/register/registers.ts';
import { COMPONENTS } from '../../../app/xsave/components.ts';
import type { State } from '../state/state.ts';
import type { Stop } from '../state/timeline.ts';

/** What would bring a write back that the VMM has put its own copy over. */
export type LostWrite =
  | { readonly kind: 'apply'; readonly assignments: readonly Assignment[] }
  | {
      readonly kind: 'restore';
      readonly scopes: readonly RestoreScope[];
      readonly restored: {
        readonly capture: Capture;
        readonly from: { readonly kind: 'stop'; readonly number: number };
      };
    };

/** The stop whose write is lost: the last one before the reading that shows it. Null: nothing is lost. */
export const selectLostStop = ({ overwritten, stops }: Pick<State, 'overwritten' | 'stops'>): Stop | null =>
  overwritten === null
    ? null
    : (stops.findLast(({ number, write }) => write !== null && number < overwritten.stop) ?? null);

/** The parts as they are shown, as scopes: components together, then registers together. */
const scopesOf = (parts: readonly string[]): readonly RestoreScope[] => {
  const bits = COMPONENTS.filter(({ label }) => parts.includes(label)).map(({ bit }) => bit);
  const paths = parts.flatMap((part) => {
    if (COMPONENTS.some(({ label }) => label === part)) return [];
    const row = registerRow(part);
    return row === undefined ? [] : [row.name];
  });
  return [
    ...(bits.length === 0 ? [] : [{ kind: 'components', bits } as const]),
    ...(paths.length === 0 ? [] : [{ kind: 'paths', paths } as const]),
  ];
};

/** Edits are written again as they were typed; what was restored, undone or redone, as its own stop has it. */
export const selectLostWrite = (state: Pick<State, 'overwritten' | 'stops'>): LostWrite | null => {
  const stop = selectLostStop(state);
  if (stop === null || state.overwritten === null) return null;
  if (stop.write?.kind === 'apply') return { kind: 'apply', assignments: stop.write.assignments };
  const { capture, number } = stop;
  return {
    kind: 'restore',
    scopes: scopesOf(state.overwritten.parts),
    restored: { capture, from: { kind: 'stop', number } },
  };
};

const holds = (capture: Capture, assignment: Assignment): boolean => {
  const write = stageAssignments(capture, [assignment]);
  return write.ok && write.value.changes.every(({ before, after }) => before === after);
};

/**
 * The assignments that bring the lost write back, `last` among them, and those of the writes just before it that went with
 * it: what is written while the vCPU stands still is judged together once it runs on.
 */
export const lostAssignments = (
  state: Pick<State, 'overwritten' | 'stops'>,
  last: readonly Assignment[],
): readonly Assignment[] => {
  const { overwritten, stops } = state;
  const stop = selectLostStop(state);
  const reading = stops.find(({ number }) => number === overwritten?.stop);
  if (stop === null || reading === undefined) return last;
  let all = last;
  for (let at = stops.indexOf(stop) - 1; at >= 0; at -= 1) {
    const write = stops[at]?.write;
    if (write?.kind !== 'apply') break;
    const gone = write.assignments.filter(
      (row) => !all.some(({ path }) => path === row.path) && holds(stop.capture, row) && !holds(reading.capture, row),
    );
    all = [...gone, ...all];
  }
  return all;
};
