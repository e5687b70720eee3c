import type { Bridge } from '../../../app/bridge.ts';
import { ask } from '../base/ask.ts';
import type { GuestSlice, MemoryForm, ReadAt } from '../state/guest.ts';
import type { Slice, State } from '../state/state.ts';

const LINES = 48;

export const newestStop = ({ stops }: State): number => stops.at(-1)?.number ?? 0;

/** What was read of this session at its newest stop. */
export const current = <T>(state: State, read: ReadAt<T> | null): T | null =>
  read !== null && read.session === state.session?.id && read.stop === newestStop(state) ? read.view : null;

const FIRST_FORM: MemoryForm = {
  ...{ address: 'rsp', stride: '', isPhysical: false, look: 'hex', type: 'u64', rows: 16, rowBytes: 16, tile: null },
};

export const createGuestSlice =
  (bridge: Bridge): Slice<GuestSlice> =>
  ({ getState: get, set }) => {
    /** Which reading is the last one that was asked for: an older answer that comes late is dropped. */
    let asked = { code: 0, memory: 0 };
    const turn = (kind: keyof typeof asked): number => {
      asked = { ...asked, [kind]: asked[kind] + 1 };
      return asked[kind];
    };
    return {
      code: null,
      codeRefusal: null,
      syntax: 'intel',
      symbolCount: null,
      memoryForm: FIRST_FORM,
      memory: null,
      memoryRefusal: null,
      async readCode() {
        const { session, syntax } = get();
        if (session?.kind !== 'live') return;
        const [mine, at] = [turn('code'), { session: session.id, stop: newestStop(get()) }];
        const answer = await ask(() => bridge.readCode(session.id, '', LINES, syntax));
        if (mine !== asked.code || get().session?.id !== session.id) return;
        if (answer.ok) set({ code: { ...at, view: answer.value }, codeRefusal: null });
        else set({ codeRefusal: { ...at, view: answer.refusal } });
      },
      setSyntax(syntax) {
        set({ syntax });
        void get().readCode();
      },
      async takeSymbols(name, base64) {
        const { session } = get();
        if (session?.kind !== 'live') return;
        const answer = await ask(() => bridge.takeSymbols(session.id, name, base64));
        const at = { session: session.id, stop: newestStop(get()) };
        if (answer.ok) set({ symbolCount: { ...at, view: answer.value.count } });
        else get().refuse(answer.refusal);
        await get().readCode();
      },
      setMemoryForm: (part) => set(({ memoryForm }) => ({ memoryForm: { ...memoryForm, ...part } })),
      async readMemory() {
        const { session, memoryForm } = get();
        if (session?.kind !== 'live') return;
        const { address, stride, isPhysical, rows, rowBytes } = memoryForm;
        const [mine, at] = [turn('memory'), { session: session.id, stop: newestStop(get()) }];
        const request = { address: address.trim(), stride: stride.trim(), rows, rowBytes, isPhysical };
        const answer = await ask(() => bridge.readMemory(session.id, request));
        if (mine !== asked.memory || get().session?.id !== session.id) return;
        if (answer.ok) set({ memory: { ...at, view: answer.value }, memoryRefusal: null });
        else set({ memoryRefusal: { ...at, view: answer.refusal }, memory: null });
      },
      followTile() {
        const move = current(get(), get().code)?.tile;
        if (move == null || move.rows === 0) return;
        const { type } = get().readings[move.tile] ?? { type: 'i8' as const };
        get().setMemoryForm({
          ...{ address: move.base, stride: move.stride, isPhysical: false, look: 'matrix', tile: move.tile },
          ...{ rows: move.rows, rowBytes: move.colsb, type },
        });
        get().setTab('memory');
        void get().readMemory();
      },
    };
  };
