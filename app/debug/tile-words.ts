/** What the next instruction will do with a tile's memory, before it does it. */

/** Rows of a tile on one page. Addresses are hex, as everything that crosses the bridge. */
export interface TilePage {
  readonly linear: string;
  /** null: the page has no translation. */
  readonly physical: string | null;
  readonly pageBytes: number | null;
  /** Why the load or store faults there; null: it does not. */
  readonly why: string | null;
  readonly firstRow: number;
  readonly lastRow: number;
}

export interface TileMove {
  readonly tile: number;
  readonly stores: boolean;
  readonly rows: number;
  readonly colsb: number;
  /** Rows before it are done already. */
  readonly startRow: number;
  readonly base: string;
  /** Bytes from row to row, decimal, perhaps below 0. */
  readonly stride: string;
  readonly pages: readonly TilePage[];
  /** The first row that faults; null: none. */
  readonly faultRow: number | null;
  /** Why it raises #UD instead; null: it does not. */
  readonly why: string | null;
}

/** The 64 bytes that LDTILECFG will load, judged. */
export interface TileConfigLoad {
  readonly address: string;
  /** null: they cannot be read. */
  readonly hex: string | null;
  /** A sentence for each rule that they break; any of them raises #GP. */
  readonly broken: readonly string[];
}
