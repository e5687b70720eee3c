import { fromHexInOrder, toHexInOrder } from '../bits/bytes.ts';
import type { Capture } from '../capture/capture.ts';
import type { Instruction } from '../disas/instruction.ts';
import { operandAddress, type RegisterValue, strideOf } from '../disas/operands.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { describeFault, type Page } from '../memory/paging.ts';
import { brokenTileRules, rawTileConfig, TILECFG_BYTES, tileConfigOf } from '../tile/config.ts';

import { rightsOf } from './page-rights.ts';
import type { TileConfigLoad, TileMove, TilePage } from './tile-words.ts';

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const PAGE = 4096n;

const MOVES = /^(tileloadd(rs)?(t1)?|tilestored)$/;

const addPage = async (
  pages: TilePage[],
  memory: GuestMemory,
  faultOf: (page: Page) => string | null,
  at: bigint,
  row: number,
): Promise<boolean> => {
  const linear = at - (at % PAGE);
  const last = pages.at(-1);
  if (last?.linear === hex(linear)) {
    pages[pages.length - 1] = { ...last, lastRow: row };
    return last.why === null;
  }
  const found = await memory.translate(linear);
  const physical = found.ok ? hex(found.physical) : null;
  const why = found.ok ? faultOf(found) : describeFault(found);
  const pageBytes = found.ok ? found.pageBytes : null;
  pages.push({ linear: hex(linear), physical, pageBytes, why, firstRow: row, lastRow: row });
  return why === null;
};

/** null: it moves no tile, or a register of its address is not known. */
export const tileMove = async (
  instruction: Instruction,
  { image, facts }: Capture,
  memory: GuestMemory,
  register: RegisterValue,
): Promise<TileMove | null> => {
  const [access] = instruction.memory;
  if (!MOVES.test(instruction.mnemonic) || access === undefined) return null;
  const stores = instruction.mnemonic === 'tilestored';
  const name = (stores ? instruction.reads : instruction.writes).find((one) => one.startsWith('tmm'));
  const [base, stride] = [operandAddress(access, register, false), strideOf(access, register)];
  if (name === undefined || base === null || stride === null) return null;
  const tile = Number(name.slice(3));
  const config = tileConfigOf(image);
  const size = config.ok ? config.value.tiles[tile] : undefined;
  const shape = { tile, stores, base: hex(base), stride: stride.toString() };
  const none = { rows: 0, colsb: 0, startRow: 0, pages: [], faultRow: null };
  if (!config.ok || size === undefined) return { ...shape, ...none, why: 'this guest has no tile configuration' };
  if (size.rows === 0) return { ...shape, ...none, why: `tmm${tile} is not configured: the instruction raises #UD` };
  const { startRow } = config.value;
  const pages: TilePage[] = [];
  const rights = rightsOf(facts, image);
  const faultOf = (page: Page) => rights(page, stores);
  let faultRow: number | null = null;
  for (let row = startRow; row < size.rows; row += 1) {
    const at = BigInt.asUintN(64, base + BigInt(row) * stride);
    const first = await addPage(pages, memory, faultOf, at, row);
    const last = await addPage(pages, memory, faultOf, BigInt.asUintN(64, at + BigInt(size.colsb - 1)), row);
    if ((!first || !last) && faultRow === null) faultRow = row;
  }
  const why = startRow >= size.rows ? `start_row ${startRow} is beyond its ${size.rows} rows: #UD` : null;
  return { ...shape, rows: size.rows, colsb: size.colsb, startRow, pages, faultRow, why };
};

/** null: it is no LDTILECFG, or its address is not known. */
export const tileConfigLoad = async (
  instruction: Instruction,
  memory: GuestMemory,
  register: RegisterValue,
): Promise<TileConfigLoad | null> => {
  const [access] = instruction.memory;
  if (instruction.mnemonic !== 'ldtilecfg' || access === undefined) return null;
  const address = operandAddress(access, register);
  if (address === null) return null;
  const read = await memory.readLinear(address, TILECFG_BYTES);
  if (!read.ok) return { address: hex(address), hex: null, broken: [] };
  const { bytes } = read.value;
  return {
    address: hex(address),
    hex: toHexInOrder(bytes),
    // Palette 0 puts everything to init, whatever stands behind it.
    broken: bytes[0] === 0 ? [] : brokenTileRules(bytes).map(({ sentence }) => sentence),
  };
};

/** One sentence on what the load or store will do. */
export const describeTileMove = ({ tile, stores, rows, colsb, startRow, faultRow, why }: TileMove): string => {
  if (why !== null) return why;
  const done = startRow === 0 ? '' : `, going on at row ${startRow}`;
  const what = `${stores ? 'stores' : 'loads'} tmm${tile}, ${rows} rows of ${colsb} bytes${done}`;
  return faultRow === null ? what : `${what}; row ${faultRow} faults`;
};

/** "palette 1: tmm0 16×64, tmm1 16×64": rows × bytes of the tiles that LDTILECFG is about to configure, whatever it makes of them. */
export const describeTileConfig = ({ address, hex: text }: TileConfigLoad): string => {
  const bytes = text === null ? null : fromHexInOrder(text);
  if (bytes === null) return `the configuration at ${address} cannot be read`;
  const { paletteId, startRow, tiles } = rawTileConfig(bytes);
  if (paletteId === 0) return 'palette 0: the tiles go to their initial state';
  const shapes = tiles.flatMap(({ rows, colsb }, tile) => (rows + colsb === 0 ? [] : [`tmm${tile} ${rows}×${colsb}`]));
  const from = startRow === 0 ? '' : `, start_row ${startRow}`;
  return `palette ${paletteId}${from}: ${shapes.length === 0 ? 'no tile' : shapes.join(', ')}`;
};
