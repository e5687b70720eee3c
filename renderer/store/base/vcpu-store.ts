import { createStore, type StoreApi } from 'zustand/vanilla';
import type { DebuggerStore, State, Stored, WindowState } from '../state/state.ts';
import type { OpenVcpu, VcpuState } from '../state/vcpus.ts';
import { memoizeByIdentity } from './memoize.ts';

/** One vCPU in its window, for a selector to read. */
export const seen = (stored: Stored, vcpu: VcpuState): State => ({
  ...stored,
  ...vcpu,
  current: vcpu.session?.id ?? null,
});

const vcpuOnScreen = ({ vcpus, current, nothingOpen }: Stored): VcpuState => vcpus.get(current ?? '') ?? nothingOpen;

const onScreen = memoizeByIdentity((stored: Stored): State => seen(stored, vcpuOnScreen(stored)));

const withVcpu = ({ vcpus }: Stored, one: OpenVcpu): Pick<Stored, 'vcpus'> => ({
  vcpus: new Map(vcpus).set(one.session.id, one),
});

const changed = <T>(part: T | ((state: State) => T), state: State): T =>
  typeof part === 'function' ? (part as (state: State) => T)(state) : part;

const storeOver = (api: StoreApi<Stored>, nothingOpen: () => VcpuState): DebuggerStore => {
  const getState = (): State => onScreen(api.getState());
  return {
    getState,
    getInitialState: getState,
    subscribe: (listener) => api.subscribe((now, previous) => listener(onScreen(now), onScreen(previous))),
    set: (part) => api.setState(changed(part, getState())),
    put(part, window = {}) {
      const stored = api.getState();
      const now = vcpuOnScreen(stored);
      const next: VcpuState = { ...now, ...changed(part, getState()) };
      const { session } = next;
      api.setState({
        ...changed(window, getState()),
        ...(session === null ? { nothingOpen: next } : withVcpu(stored, { ...next, session })),
      });
    },
    putIn(id, change) {
      const stored = api.getState();
      const one = stored.vcpus.get(id);
      if (one !== undefined) api.setState(withVcpu(stored, { ...one, ...change(one) } as OpenVcpu));
    },
    show: (vcpus, current, window = {}) =>
      api.setState({
        ...window,
        vcpus: new Map([...vcpus].map((one) => [one.session.id, one])),
        current,
        ...(current === null ? { nothingOpen: nothingOpen() } : {}),
      }),
  };
};

/**
 * Each vCPU has one place, whether it is on screen or not; which one is on screen is a fact of its own.
 *
 * @param window the facts of the window, given the store that they are for
 */
export const createVcpuStore = (
  nothingOpen: () => VcpuState,
  window: (store: DebuggerStore) => WindowState,
): DebuggerStore =>
  storeOver(
    createStore<Stored>()((_set, _get, api) => ({
      ...window(storeOver(api, nothingOpen)),
      ...{ vcpus: new Map(), current: null, nothingOpen: nothingOpen() },
    })),
    nothingOpen,
  );
