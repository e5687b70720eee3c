import { type ReactElement, useEffect } from 'react';
import type { Option } from '../../controls/Select.tsx';
import { Select } from '../../controls/Select.tsx';
import { besideKey, besideOf } from '../../store/beside.ts';
import { stopsToList } from '../../store/compare/compare-sides.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectOthers } from '../../store/select/attached.ts';
import { stopTitle } from '../../store/select/stop-name.ts';
import type { State } from '../../store/state/state.ts';
import type { Session } from '../../store/state/target.ts';
import type { BesideOf, TargetToOpen } from '../../store/state/target-beside.ts';
import type { OpenVcpu } from '../../store/state/vcpus.ts';
import { maskedPids } from '../../wording.ts';

/** An entry that is opened first, and then stands beside. */
interface ToOpen extends Option {
  readonly open: (state: State) => Promise<boolean>;
  readonly showing: BesideOf;
}

/** "debian-12, pid 4242"; of what is no process its name alone. */
export const targetName = (session: Pick<Session, 'name' | 'pid'> | null): string =>
  session === null ? '' : session.pid === null ? session.name : maskedPids(`${session.name}, pid ${session.pid}`);

const opening = (target: TargetToOpen, value: string, label: string, group: string): ToOpen => ({
  value,
  label,
  group,
  open: (state) => state.openBeside(target),
  showing: { kind: 'target' },
});

/** Other vCPUs of the target in front that are not attached yet. */
const vcpusToOpen = (session: Session | null, others: readonly OpenVcpu[]): readonly ToOpen[] =>
  session?.kind !== 'live'
    ? []
    : session.vcpus
        .filter((vcpu) => vcpu !== session.vcpu && !others.some((one) => one.session.vcpu === vcpu))
        .map((vcpu) => ({
          value: `attach ${vcpu}`,
          label: `vCPU ${vcpu}, attached now`,
          group: 'Other vCPUs',
          open: (state) => state.attachBeside(vcpu),
          showing: { kind: 'vcpu', vcpu },
        }));

/** The one that stands beside is attached to by this very page: another vCPU of it takes its place. */
const targetsToOpen = (
  { session, listing }: Pick<State, 'session' | 'listing'>,
  besidePid: number | null,
): readonly Option[] =>
  (listing.list?.targets ?? [])
    .filter(({ pid }) => pid !== session?.pid)
    .flatMap((target): readonly Option[] => {
      const { pid, startTimeTicks, vcpus, attachable, reason } = target;
      const name = targetName(target);
      if (!attachable && pid !== besidePid) {
        return [{ value: `refused ${pid}`, label: `${name}: ${reason ?? 'cannot be attached'}`, refused: true }];
      }
      return vcpus.map(({ index }) =>
        opening(
          { kind: 'live', pid, startTimeTicks, vcpu: index },
          `live ${pid} ${index}`,
          `${name}, vCPU ${index}`,
          'Other targets, attached running',
        ),
      );
    })
    .map((option) => ({ ...option, group: 'Other targets, attached running' }));

/** Any stop, vCPU, file or target that can stand beside. What is not open yet is opened by choosing it. */
export function BesideSource({ of, onFollow }: { of: BesideOf; onFollow: (of: BesideOf) => void }): ReactElement {
  const store = useDebuggerStore();
  const stops = useDebugger((state) => state.stops);
  const labels = useDebugger((state) => state.labels);
  const others = useDebugger(selectOthers);
  const session = useDebugger((state) => state.session);
  const listing = useDebugger((state) => state.listing);
  const models = useDebugger((state) => state.models);
  const beside = useDebugger((state) => state.targetBeside?.session ?? null);
  const file = useDebugger((state) => state.compareFile?.name ?? null);
  // What runs on this machine may have changed since the first screen.
  useEffect(() => {
    const { models: known, refreshTargets, loadModels } = store.getState();
    void refreshTargets();
    if (known === null) void loadModels();
  }, [store]);
  const options: readonly (Option | ToOpen)[] = [
    { value: 'previous', label: 'the stop before' },
    ...(beside === null ? [] : [{ value: 'target', label: targetName(beside) }]),
    ...(file === null ? [] : [{ value: 'file', label: file }]),
    ...stopsToList(stops, labels, of.kind === 'stop' ? of.number : null).map((stop) => ({
      value: `stop ${stop.number}`,
      label: stopTitle(stop, labels),
      group: 'Stops',
    })),
    ...others.map(({ session: { vcpu } }) => ({
      value: `vcpu ${vcpu}`,
      label: `vCPU ${vcpu}, newest stop`,
      group: 'Other vCPUs',
    })),
    ...vcpusToOpen(session, others),
    ...targetsToOpen({ session, listing }, beside?.pid ?? null),
    ...(models ?? []).map(({ id, title }) =>
      opening({ kind: 'model', program: id, title }, `model ${id}`, title, 'Models'),
    ),
  ];
  const choose = (key: string): void => {
    const chosen = options.find(({ value }) => value === key);
    if (chosen === undefined || !('open' in chosen)) {
      onFollow(besideOf(key));
      return;
    }
    void chosen.open(store.getState()).then((isOpen) => {
      if (isOpen) onFollow(chosen.showing);
    });
  };
  return <Select name="What stands beside" value={besideKey(of)} options={options} onChoose={choose} />;
}
