import type { CodeView, MemoryView, Refusal } from '../../../app/bridge.ts';
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
  readonly syntax: Syntax;
  /** How many names the session's file of symbols has; null: none was given. */
  readonly symbolCount: ReadAt<number> | null;
  readonly memoryForm: MemoryForm;
  readonly memory: ReadAt<MemoryView> | null;
  /** As it was read at an earlier stop. */
  readonly memoryBefore: ReadAt<MemoryView> | null;
  readonly memoryRefusal: ReadAt<Refusal> | null;
  readCode(): Promise<void>;
  setSyntax(syntax: Syntax): void;
  takeSymbols(name: string, base64: string): Promise<void>;
  /** How what is selected of memory is copied. */
  readonly memoryCopy: MemoryCopy;
  setMemoryCopy(format: MemoryCopy): void;
  /** Memory from an address on in the shape of a tile, beside the tile. */
  compareMemory(address: string, tile: number): void;
  setMemoryForm(part: Partial<MemoryForm>): void;
  readMemory(): Promise<void>;
  /** The memory that the next tile load or store means, beside its tile. */
  followTile(): void;
}
