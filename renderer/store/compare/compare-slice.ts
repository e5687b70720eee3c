import type { Bridge } from '../../../app/bridge.ts';
import { readFileState } from '../base/received.ts';
import type { CompareSlice } from '../state/compare.ts';
import type { Slice } from '../state/state.ts';
import type { Stop } from '../state/timeline.ts';

const MAX_LABEL_CHARACTERS = 60;

export const pinnedIndex = (stops: readonly Stop[], pinned: number | null): number =>
  pinned === null ? Math.min(0, stops.length - 1) : indexOfStop(stops, pinned);

/** Stops are numbered in order, so that the place follows from the number; −1: there is no such stop. */
export const indexOfStop = (stops: readonly Stop[], number: number): number => {
  const near = number - (stops[0]?.number ?? 1);
  return stops[near]?.number === number ? near : stops.findIndex((stop) => stop.number === number);
};

export const createCompareSlice =
  (bridge: Bridge): Slice<CompareSlice> =>
  ({ getState: get, set, put }) => {
    const swapWithVcpu = async (vcpu: number, number: number): Promise<void> => {
      const { session, stops, at } = get();
      const b = stops[at];
      if (session === null || b === undefined) return;
      await get().switchVcpu(vcpu);
      if (get().session?.vcpu !== vcpu) return;
      get().goToStop(indexOfStop(get().stops, number));
      get().compareWithVcpu(session.vcpu, b.number);
    };

    return {
      compareFile: null,
      compareFileBusy: false,
      chooseDifference: (differencePath) =>
        put((state) => (state.differencePath === differencePath ? {} : { differencePath })),
      pinStop: (pinned) => put({ pinned, source: { kind: 'stop' } }),
      compareWithVcpu: (vcpu, number) => put({ source: { kind: 'vcpu', vcpu, number } }),
      pinFile: () => put((state) => (state.compareFile === null ? {} : { source: { kind: 'file' } })),
      async compareWithFile(name, base64, state) {
        const asked = get();
        if (asked.compareFileBusy) return;
        set({ compareFileBusy: true });
        const answer = await readFileState(bridge, [name, base64, state, ''], `${name} cannot be compared with`);
        if (!answer.ok) {
          put({ refusal: answer.refusal }, { compareFileBusy: false });
          return;
        }
        put(
          (now) => ({
            // Another A that was chosen while the file was read stands, as does the A of a vCPU that came on screen.
            source:
              now.session?.id === asked.session?.id && now.source === asked.source ? { kind: 'file' } : now.source,
            refusal: now.refusal?.code === 'undecodable' ? null : now.refusal,
          }),
          { compareFileBusy: false, compareFile: { name, base64, ...answer.value } },
        );
      },
      swapStops() {
        const { stops, at, pinned, source } = get();
        if (source.kind === 'file') return;
        if (source.kind === 'vcpu') {
          void swapWithVcpu(source.vcpu, source.number);
          return;
        }
        const [a, b] = [pinnedIndex(stops, pinned), stops[at]];
        if (a < 0 || b === undefined) return;
        put({ pinned: b.number });
        get().goToStop(a);
      },
      labelStop: (number, text) =>
        put((state) => {
          const label = text.trim().slice(0, MAX_LABEL_CHARACTERS);
          if ((state.labels.get(number) ?? '') === label) return {};
          const labels = new Map(state.labels);
          if (label === '') labels.delete(number);
          else labels.set(number, label);
          return { labels };
        }),
    };
  };
