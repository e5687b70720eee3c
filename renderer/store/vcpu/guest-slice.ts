import { toBase64 } from '../../../app/bits/base64.ts';
import type { Answer, Bridge, CodeView, MemoryView } from '../../../app/bridge.ts';
import { isMemoryPath, printMemoryPath } from '../../../app/edit/memory-path.ts';
import { rawTileConfig } from '../../../app/tile/config.ts';
import { MAX_ROWS, ROW_STRIDE_BYTES } from '../../../app/tile/geometry.ts';
import { printElement } from '../../../app/value/print.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { ask } from '../base/ask.ts';
import { basePathOf, elementAt, elementTexts, overlaid, readAtPath, selectShownForm } from '../select/memory-edits.ts';
import { isDriving, isFrozen } from '../select/run.ts';
import { type MemoryWatch, parseMemoryWatch, watchBytes } from '../select/watched-memory.ts';
import type { GuestSlice, MemoryForm, MemoryPlace, MemorySearch, ReadAt } from '../state/guest.ts';
import type { Slice, State } from '../state/state.ts';
import type { MemoryAtStop, WatchedMemory } from '../state/timeline.ts';
import { codeStart, functionStart, holdsNext } from './code-start.ts';

const LINES = 48;
/** From the start of a function on, which may stand some way above. */
const LINES_FROM_START = 160;

const newestStop = ({ stops }: State): number => stops.at(-1)?.number ?? 0;
/** Which stop is the newest, of which session: what is read at it is read anew where either is another one. Stops of two vCPUs have the same numbers. */
export const whichStop = (state: State): string => `${state.session?.id ?? ''} ${newestStop(state)}`;

/** What was read of this session at its newest stop. */
export const current = <T>(state: State, read: ReadAt<T> | null): T | null =>
  read !== null && read.session === state.session?.id && read.stop === newestStop(state) ? read.view : null;

/** Rows and bytes of a tile at the newest stop; of one that is not configured those of a whole one. */
const tileShapeOf = ({ stops }: State, tile: number): Pick<MemoryForm, 'rows' | 'rowBytes'> => {
  const capture = stops.at(-1)?.capture;
  const config = capture === undefined ? null : viewComponent(capture.image, BIT.XTILECFG);
  const shape = config?.state === 'inUse' ? rawTileConfig(config.bytes).tiles[tile] : undefined;
  return shape === undefined || shape.rows * shape.colsb === 0
    ? { rows: MAX_ROWS, rowBytes: ROW_STRIDE_BYTES }
    : { rows: shape.rows, rowBytes: shape.colsb };
};

/** As it was read last: while the next reading of a vCPU that stands still is under way, too. */
export const selectMemoryShown = (state: State): MemoryView | null => {
  const { memory, session } = state;
  if (memory === null || memory.session !== session?.id) return null;
  const isFresh = memory.stop === newestStop(state) || isFrozen(state) || state.stops.at(-1)?.write != null;
  return isFresh ? memory.view : null;
};

const selectElement = (state: State): ReturnType<typeof elementAt> => {
  const view = selectMemoryShown(state);
  return view === null ? null : elementAt(view, selectShownForm(state), state.memoryPlace);
};

/** The element that the keyboard is on in Memory, as a path; null: nothing was read there. */
export const selectMemoryPath = (state: State): string | null => selectElement(state)?.path ?? null;

/** By what its base is remembered. */
export const selectMemoryBasePath = (state: State): string | null => {
  const element = selectElement(state);
  return element === null ? null : basePathOf(selectShownForm(state), element.address);
};

/** What its cell says, with what is staged there. */
export const selectMemoryText = (state: State): string | null => {
  const element = selectElement(state);
  if (element === null) return null;
  return elementTexts(overlaid(element.path, element.read, state.staged), selectShownForm(state))[0] ?? '';
};

/** What was read at the stop before. */
export const selectMemoryBefore = ({ memory, memoryBefore }: State): MemoryView | null =>
  memory !== null && memoryBefore?.session === memory.session ? memoryBefore.view : null;

/** Rows of a dump: as many as a high window has room for; a lower one scrolls them. */
export const DUMP = { rows: 32, rowBytes: 16 } as const;

const FIRST_FORM: MemoryForm = {
  ...{ address: 'rsp', stride: '', isPhysical: false, look: 'hex', type: 'u64', ...DUMP, tile: null },
};

/** More stops than a sparkline or a plot draws are not kept. */
const MOST_STOPS_WATCHED = 2_048;

const withRead = (memory: WatchedMemory, stop: number, found: ReadonlyMap<string, MemoryAtStop>): WatchedMemory => {
  const next = new Map(memory).set(stop, new Map([...(memory.get(stop) ?? []), ...found]));
  for (const oldest of next.keys()) {
    if (next.size <= MOST_STOPS_WATCHED) break;
    next.delete(oldest);
  }
  return next;
};

/** Whether what is read now is of the newest stop: the vCPU stands still there, and nothing else is under way. */
export const selectIsReadable = (state: State): boolean => isFrozen(state) && state.busy === null && !isDriving(state);

/** What an answer says of a watched place. */
const held = (watch: MemoryWatch, answer: Answer<MemoryView>): MemoryAtStop => {
  if (!answer.ok) return { bytes: null, text: null, path: null, why: answer.refusal.what };
  const [row] = answer.value.rows;
  const edit = { address: BigInt(answer.value.address), isPhysical: watch.isPhysical, type: watch.type };
  const bytes = readAtPath(answer.value, { ...edit, bytes: new Uint8Array(watchBytes(watch)) });
  const text = bytes === null ? null : printElement(watch.type, bytes, 0);
  return { bytes, text, path: printMemoryPath(edit), why: text === null ? (row?.why ?? 'it was not read') : null };
};

const FIRST_PLACE: MemoryPlace = { row: 0, column: 0 };

export const createGuestSlice =
  (bridge: Bridge): Slice<GuestSlice> =>
  ({ getState: get, set, putIn }) => {
    /** Which reading is the last one that was asked for: an older answer that comes late is dropped. */
    let asked = { code: 0, memory: 0, find: 0, calls: 0, symbols: 0, watched: 0 };
    const turn = (kind: keyof typeof asked): number => {
      asked = { ...asked, [kind]: asked[kind] + 1 };
      return asked[kind];
    };
    const readNamed = async (): Promise<void> => {
      await Promise.all([get().readCode(), get().calls === null ? null : get().readCalls()]);
    };
    return {
      code: null,
      codeRefusal: null,
      syntax: 'intel',
      symbols: null,
      memoryForm: FIRST_FORM,
      memory: null,
      memoryBefore: null,
      memoryRefusal: null,
      async readCode() {
        const { session, syntax, codeFrom } = get();
        if (session === null || session.kind === 'file') return;
        const [mine, at] = [turn('code'), { session: session.id, stop: newestStop(get()) }];
        const isMine = (): boolean => mine === asked.code && get().session?.id === session.id;
        const read = (from: string, count = LINES): Promise<Answer<CodeView>> =>
          ask(() => bridge.readCode(session.id, from, count, syntax));
        if (session.kind === 'model') {
          // Its whole program is known: read is what the next instruction does.
          const next = await read('', 1);
          if (isMine())
            set(next.ok ? { code: { ...at, view: next.value } } : { codeRefusal: { ...at, view: next.refusal } });
          return;
        }
        const elsewhere = current(get(), codeFrom);
        const { code, stops } = get();
        const previous = code?.session === session.id ? code.view : null;
        const rip = stops.at(-1)?.capture.facts.general?.rip ?? null;
        const kept = elsewhere === null ? codeStart(previous, rip) : '';
        let answer = await read(elsewhere ?? kept, kept === '' ? LINES : LINES_FROM_START);
        if (isMine() && kept !== '' && !(answer.ok && holdsNext(answer.value))) answer = await read('');
        const start = kept === '' && elsewhere === null && answer.ok ? functionStart(answer.value) : null;
        if (isMine() && start !== null) {
          const whole = await read(start, LINES_FROM_START);
          if (whole.ok && holdsNext(whole.value)) answer = whole;
        }
        if (!isMine()) return;
        if (answer.ok) set({ code: { ...at, view: answer.value }, codeRefusal: null });
        else set({ codeRefusal: { ...at, view: answer.refusal } });
      },
      codeFrom: null,
      calls: null,
      callsRefusal: null,
      async readCalls() {
        const { session } = get();
        if (session?.kind !== 'live') return;
        const [mine, at] = [turn('calls'), { session: session.id, stop: newestStop(get()) }];
        const answer = await ask(() => bridge.readCalls(session.id));
        if (mine !== asked.calls || get().session?.id !== session.id) return;
        if (answer.ok) set({ calls: { ...at, view: answer.value }, callsRefusal: null });
        else set({ callsRefusal: { ...at, view: answer.refusal }, calls: null });
      },
      showCode(address) {
        const { session } = get();
        if (session === null) return;
        set({ codeFrom: address === null ? null : { session: session.id, stop: newestStop(get()), view: address } });
        get().askWorkbench({ kind: 'show', pane: 'program' });
        void get().readCode();
      },
      showMemory(address, isPhysical = false) {
        get().setMemoryForm({
          address,
          stride: '',
          isPhysical,
          look: 'hex',
          ...DUMP,
          tile: null,
        });
        set({ memoryPlace: FIRST_PLACE, memoryFrom: null });
        get().setTab('memory');
        void get().readMemory();
      },
      setSyntax(syntax) {
        set({ syntax });
        void get().readCode();
      },
      async takeSymbols(name, base64) {
        const { session } = get();
        if (session?.kind !== 'live') return;
        const answer = await ask(() => bridge.takeSymbols(session.id, name, base64));
        if (answer.ok) set({ symbols: { session: session.id, file: turn('symbols'), count: answer.value.count } });
        else get().refuse(answer.refusal);
        await readNamed();
      },
      async placeSymbols(loadAddress) {
        const { session, symbols } = get();
        if (session === null || symbols?.session !== session.id) return;
        const answer = await ask(() => bridge.placeSymbols(session.id, loadAddress === '' ? null : loadAddress));
        if (!answer.ok) return get().refuse(answer.refusal);
        get().closeRefusal();
        await readNamed();
      },
      memoryCopy: 'tsv',
      setMemoryCopy: (format) => set({ memoryCopy: format }),
      compareMemory(address, tile) {
        const { memoryForm, readings } = get();
        const shape = tileShapeOf(get(), tile);
        // Rows of the shown matrix lie as they do; those of a dump follow one another.
        const { stride } = memoryForm.look === 'matrix' ? memoryForm : { stride: '' };
        const type = readings[tile]?.type ?? 'i8';
        get().setMemoryForm({ address, stride, look: 'matrix', tile, type, ...shape });
        get().setTab('memory');
        void get().readMemory();
      },
      memoryFind: { text: '', as: 'bytes' },
      memoryFound: null,
      setMemoryFind: (part) => set(({ memoryFind }) => ({ memoryFind: { ...memoryFind, ...part }, memoryFound: null })),
      async findInMemory() {
        const { session, memoryForm, memoryFind, memoryFound } = get();
        if (session === null || session.kind === 'file' || memoryFind.text === '') return;
        const mine = turn('find');
        if (memoryFound?.phase === 'searching') {
          set({ memoryFound: { ...memoryFound, phase: 'ended' } });
          return;
        }
        const { isPhysical } = memoryForm;
        let [address, searchedBytes, isMore] = [memoryFound?.next ?? memoryForm.address.trim(), 0, true];
        const tell = (search: Omit<MemorySearch, 'searchedBytes'>): void =>
          set({ memoryFound: { ...search, searchedBytes } });
        while (isMore) {
          tell({ phase: 'searching', address, bytes: 0, next: address });
          const from = address;
          const answer = await ask(() => bridge.findMemory(session.id, { address: from, isPhysical, ...memoryFind }));
          if (mine !== asked.find || get().session?.id !== session.id) return;
          if (!answer.ok) {
            set({ memoryFound: null });
            get().refuse(answer.refusal);
            return;
          }
          const { found, bytes, next } = answer.value;
          searchedBytes += answer.value.searchedBytes;
          if (found !== null) {
            tell({ phase: 'found', address: found, bytes, next });
            const { rowBytes } = get().memoryForm;
            // Whole rows, as they are counted from an address of whole rows.
            const row = BigInt(found) - (BigInt(found) % BigInt(rowBytes));
            get().setMemoryForm({ address: `0x${row.toString(16)}`, stride: '' });
            await get().readMemory();
            return;
          }
          if (next === null) tell({ phase: 'not-found', address, bytes, next: null });
          isMore = next !== null;
          address = next ?? address;
        }
      },
      memoryPlace: FIRST_PLACE,
      memoryFrom: null,
      setMemoryPlace: (memoryPlace, memoryFrom) =>
        set({ memoryPlace, memoryFrom, memoryAsked: null, selection: { kind: 'memory' } }),
      memoryAsked: null,
      goToMemory: (place) =>
        set({ memoryPlace: place, memoryFrom: null, memoryAsked: { ...place }, selection: { kind: 'memory' } }),
      setMemoryForm: (part) => set(({ memoryForm }) => ({ memoryForm: { ...memoryForm, ...part } })),
      async readMemory() {
        const { session, memoryForm } = get();
        if (session === null || session.kind === 'file') return;
        const { address, stride, isPhysical, rows, rowBytes } = memoryForm;
        const [mine, at] = [turn('memory'), { session: session.id, stop: newestStop(get()) }];
        const request = { address: address.trim(), stride: stride.trim(), rows, rowBytes, isPhysical };
        const answer = await ask(() => bridge.readMemory(session.id, request));
        if (mine !== asked.memory || get().session?.id !== session.id) return;
        const { memory } = get();
        const isLater = memory !== null && memory.stop !== at.stop;
        if (answer.ok) {
          set({
            memory: { ...at, view: answer.value },
            memoryRefusal: null,
            ...(isLater ? { memoryBefore: memory } : {}),
          });
        } else set({ memoryRefusal: { ...at, view: answer.refusal }, memory: null });
      },
      async readWatched() {
        const { session } = get();
        if (session === null || session.kind === 'file') return;
        const [mine, stop] = [turn('watched'), newestStop(get())];
        const isMine = (): boolean => mine === asked.watched && get().session?.id === session.id;
        const found = new Map<string, MemoryAtStop>();
        for (const path of get().watched) {
          const watch = isMemoryPath(path) ? parseMemoryWatch(path) : null;
          if (watch === null) continue;
          // Another act comes first, and one that goes on is not held still for it.
          if (!isMine() || newestStop(get()) !== stop || !selectIsReadable(get())) break;
          const { address, isPhysical } = watch;
          const request = { address, stride: '', rows: 1, rowBytes: watchBytes(watch), isPhysical };
          found.set(path, held(watch, await ask(() => bridge.readMemory(session.id, request))));
        }
        if (!isMine() || found.size === 0) return;
        putIn(session.id, (vcpu) =>
          // It has gone on meanwhile: what was read last is not that stop's.
          vcpu.stops.at(-1)?.number === stop && isFrozen(vcpu)
            ? { memoryAt: withRead(vcpu.memoryAt, stop, found) }
            : {},
        );
      },
      async openArea(address, isPhysical) {
        const { session } = get();
        if (session === null || session.kind === 'file') return;
        const stop = newestStop(get());
        const answer = await ask(() => bridge.readArea(session.id, address, isPhysical));
        if (get().session?.id !== session.id) return;
        if (!answer.ok) {
          get().refuse(answer.refusal);
          return;
        }
        const name = `XSAVE area at ${isPhysical ? 'physical ' : ''}${address}, stop ${stop}`;
        const document = new TextEncoder().encode(JSON.stringify(answer.value));
        await get().compareWithFile(name, toBase64(document), null);
        if (get().compareFile?.name === name) get().showBeside({ kind: 'file' });
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
