import type { CallsView, CodeView, FindMemoryAs, MemoryView, Refusal } from '../../../app/bridge.ts';
import type { Syntax } from '../../../app/disas/instruction.ts';
import type { MemoryType } from './memory-cells.ts';

/** What is read of guest memory, and how it is shown. */
export interface MemoryForm {
  readonly address: string;
  /** '': rows follow one another. */
  readonly stride: string;
  readonly isPhysical: boolean;
  readonly look: 'hex' | 'values' | 'matrix';
  readonly type: MemoryType;
  readonly rows: number;
  readonly rowBytes: number;
  /** The tile whose rows stand beside those of memory; null: none. */
  readonly tile: number | null;
}

export interface MemorySearch {
  readonly phase: 'searching' | 'found' | 'not-found' | 'ended';
  readonly searchedBytes: number;
  /** What is found, or where the search stands. */
  readonly address: string;
  readonly bytes: number;
  /** Where the next search begins; null: at the base. */
  readonly next: string | null;
}

/** An element of the rows that are shown. */
export interface MemoryPlace {
  readonly row: number;
  readonly column: number;
}

export type MemoryCopy = 'tsv' | 'numpy' | 'c' | 'csv';

/** Read at a stop of a session: at another one it is not shown. */
export interface ReadAt<T> {
  readonly session: string;
  readonly stop: number;
  readonly view: T;
}

export interface GuestSlice {
  readonly code: ReadAt<CodeView> | null;
  readonly codeRefusal: ReadAt<Refusal> | null;
  /** Where the code that is shown begins; null: at RIP. */
  readonly codeFrom: ReadAt<string> | null;
  readonly calls: ReadAt<CallsView> | null;
  readonly callsRefusal: ReadAt<Refusal> | null;
  readonly syntax: Syntax;
  /** The file of symbols that a session was given last, and how many names it has; each file has another number. Null: none was given. */
  readonly symbols: { readonly session: string; readonly file: number; readonly count: number } | null;
  readonly memoryForm: MemoryForm;
  readonly memory: ReadAt<MemoryView> | null;
  /** As it was read at an earlier stop. */
  readonly memoryBefore: ReadAt<MemoryView> | null;
  readonly memoryRefusal: ReadAt<Refusal> | null;
  readCode(): Promise<void>;
  readCalls(): Promise<void>;
  /** The code at an address, in the Program pane; null: at RIP again. */
  showCode(address: string | null): void;
  /** Bytes at an address, in the view Memory. */
  showMemory(address: string, isPhysical?: boolean): void;
  setSyntax(syntax: Syntax): void;
  takeSymbols(name: string, base64: string): Promise<void>;
  /** Says where the file is loaded; empty: as it says itself. */
  placeSymbols(loadAddress: string): Promise<void>;
  /** How what is selected of memory is copied. */
  readonly memoryCopy: MemoryCopy;
  setMemoryCopy(format: MemoryCopy): void;
  /** Memory from an address on in the shape of a tile, beside the tile. */
  compareMemory(address: string, tile: number): void;
  /** What is looked for in memory, and how far the search has come; null: none is under way or was told. */
  readonly memoryFind: { readonly text: string; readonly as: FindMemoryAs };
  readonly memoryFound: MemorySearch | null;
  setMemoryFind(part: Partial<GuestSlice['memoryFind']>): void;
  /** From what was found last on, else from the base: shows what is found. Asked for again while it is under way, it ends. */
  findInMemory(): Promise<void>;
  /** Where the keyboard is in memory, and the other corner of a selected block; null: one element. */
  readonly memoryPlace: MemoryPlace;
  readonly memoryFrom: MemoryPlace | null;
  setMemoryPlace(place: MemoryPlace, from: MemoryPlace | null): void;
  /** Where the keyboard is asked to go; null: nowhere. */
  readonly memoryAsked: MemoryPlace | null;
  goToMemory(place: MemoryPlace): void;
  setMemoryForm(part: Partial<MemoryForm>): void;
  readMemory(): Promise<void>;
  /** What is watched of memory, at the newest stop, as far as it was not read there. */
  readWatched(): Promise<void>;
  /** The XSAVE area at an address of memory, beside: to be read as a file of it is, and compared with. */
  openArea(address: string, isPhysical: boolean): Promise<void>;
  /** The memory that the next tile load or store means, beside its tile. */
  followTile(): void;
}
