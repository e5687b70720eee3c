import { assert } from '../bits/decoded.ts';
import { hasBit } from '../bits/mask.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import { TILE_COUNT } from '../tile/config.ts';
import { ROW_STRIDE_BYTES, TILE_STRIDE_BYTES } from '../tile/geometry.ts';
import { expectedProduct } from '../tile/product.ts';
import type { ProductInstruction } from '../tile/product-instruction.ts';
import { brokenProductRules, productExtents } from '../tile/product-shape.ts';
import { BIT } from '../xsave/components.ts';
import { brokenTileRules, encodeTileConfig, TILECFG_BYTES, type TileSize } from '../xsave/tilecfg.ts';
import type { Form, Instruction, Operation } from './form.ts';
import { enabled, type GuestException, generalOf, type Machine, msrOf } from './machine.ts';
import { addressOf, loadAt, storeAt } from './operand.ts';

const ud = (why: string): GuestException => ({ kind: 'ud', why });

/** Every AMX instruction needs both components in XCR0. (Intel SDM vol. 2, exception classes AMX-E1 to E6.) */
const amx =
  (run: Operation): Operation =>
  (machine, instruction) =>
    enabled(machine, BIT.XTILECFG, BIT.XTILEDATA)
      ? run(machine, instruction)
      : ud('XCR0 does not enable TILECFG and TILEDATA');

/** What needs tile data takes #NM while IA32_XFD arms it; the configuration does not. */
const tileDataFault = (machine: Machine): GuestException | null => {
  const armed = msrOf(machine, MSR_INDEX.IA32_XFD) & (1n << BigInt(BIT.XTILEDATA));
  return armed === 0n ? null : { kind: 'nm', why: 'IA32_XFD arms TILEDATA', xfdErr: armed };
};

const configured = (machine: Machine): boolean => hasBit(machine.xstate.inUse, BIT.XTILECFG);

/** The shape of a tile, or why an instruction that names it raises #UD. */
const tileSize = (machine: Machine, register: number): TileSize | GuestException => {
  if (!configured(machine)) return ud('tiles are not configured');
  const size = machine.xstate.tileConfig().tiles[register];
  if (size === undefined || register >= TILE_COUNT) return ud(`there is no tmm${register}`);
  return size.rows === 0 ? ud(`tmm${register} is not configured`) : size;
};

/** As tileSize, for instructions that move rows: start_row and dwords count too. */
const movableSize = (machine: Machine, register: number): TileSize | GuestException => {
  const size = tileSize(machine, register);
  if ('kind' in size) return size;
  if (size.colsb % 4 !== 0) return ud(`colsb of tmm${register} is ${size.colsb}, not a multiple of 4`);
  const { startRow } = machine.xstate.tileConfig();
  return startRow >= size.rows ? ud(`start_row is ${startRow} and tmm${register} has ${size.rows} rows`) : size;
};

const clearStartRow = (machine: Machine): void => {
  const config = machine.xstate.tileConfig();
  if (config.startRow !== 0) machine.xstate.load(BIT.XTILECFG, encodeTileConfig({ ...config, startRow: 0 }));
};

const releaseTiles = (machine: Machine): void => {
  machine.xstate.putToInit(BIT.XTILECFG);
  machine.xstate.putToInit(BIT.XTILEDATA);
};

const memoryOf = ({ memory }: Instruction) => {
  assert(memory !== null, 'this form has a memory operand');
  return memory;
};

/** Palette 0 releases the tiles; palette 1 zeroes them. */
const ldtilecfg: Operation = (machine, instruction) => {
  const loaded = loadAt(machine, addressOf(machine, memoryOf(instruction)), TILECFG_BYTES);
  if ('fault' in loaded) return loaded.fault;
  if (loaded.bytes[0] === 0) {
    releaseTiles(machine);
    return null;
  }
  const broken = brokenTileRules(loaded.bytes)[0];
  if (broken !== undefined) return { kind: 'gp', why: broken.sentence };
  machine.xstate.putToInit(BIT.XTILEDATA);
  machine.xstate.load(BIT.XTILECFG, loaded.bytes);
  return null;
};

const sttilecfg: Operation = (machine, instruction) =>
  storeAt(machine, addressOf(machine, memoryOf(instruction)), encodeTileConfig(machine.xstate.tileConfig()));

/** Row r lies at the base plus r times the index register, which is the stride; without an index it is 0. */
const rowAddress = (machine: Machine, instruction: Instruction, row: number): bigint => {
  const memory = memoryOf(instruction);
  const stride = memory.index === null ? 0n : generalOf(machine, memory.index) * BigInt(memory.scale);
  return BigInt.asUintN(64, addressOf(machine, { ...memory, index: null }) + BigInt(row) * stride);
};

const beforeMoving = (machine: Machine, instruction: Instruction): TileSize | GuestException => {
  if (!memoryOf(instruction).hasSib) return ud('the memory operand has no SIB byte');
  const size = movableSize(machine, instruction.reg);
  return 'kind' in size ? size : (tileDataFault(machine) ?? size);
};

/** A fault half way leaves its row in start_row, and the rows before it loaded. */
const tileload: Operation = (machine, instruction) => {
  const size = beforeMoving(machine, instruction);
  if ('kind' in size) return size;
  const config = machine.xstate.tileConfig();
  const tile = config.startRow === 0 ? new Uint8Array(TILE_STRIDE_BYTES) : machine.xstate.tile(instruction.reg);
  for (let row = config.startRow; row < size.rows; row += 1) {
    const loaded = loadAt(machine, rowAddress(machine, instruction, row), size.colsb);
    if ('fault' in loaded) {
      machine.xstate.setTile(instruction.reg, tile);
      machine.xstate.load(BIT.XTILECFG, encodeTileConfig({ ...config, startRow: row }));
      return loaded.fault;
    }
    tile.set(loaded.bytes, row * ROW_STRIDE_BYTES);
  }
  machine.xstate.setTile(instruction.reg, tile);
  clearStartRow(machine);
  return null;
};

const tilestore: Operation = (machine, instruction) => {
  const size = beforeMoving(machine, instruction);
  if ('kind' in size) return size;
  const config = machine.xstate.tileConfig();
  const tile = machine.xstate.tile(instruction.reg);
  for (let row = config.startRow; row < size.rows; row += 1) {
    const bytes = tile.subarray(row * ROW_STRIDE_BYTES, row * ROW_STRIDE_BYTES + size.colsb);
    const fault = storeAt(machine, rowAddress(machine, instruction, row), bytes);
    if (fault === null) continue;
    machine.xstate.load(BIT.XTILECFG, encodeTileConfig({ ...config, startRow: row }));
    return fault;
  }
  clearStartRow(machine);
  return null;
};

const tilezero: Operation = (machine, { reg }) => {
  const size = tileSize(machine, reg);
  if ('kind' in size) return size;
  const fault = tileDataFault(machine);
  if (fault !== null) return fault;
  machine.xstate.setTile(reg, new Uint8Array(TILE_STRIDE_BYTES));
  clearStartRow(machine);
  return null;
};

/** C in modrm.reg, A in modrm.rm, B in VEX.vvvv. */
const product =
  (name: ProductInstruction): Operation =>
  (machine, { reg, rm, vvvv }) => {
    if (!configured(machine)) return ud('tiles are not configured');
    const config = machine.xstate.tileConfig();
    const operands = { c: reg, a: rm, b: vvvv };
    const broken = brokenProductRules(config, operands)[0];
    if (broken !== undefined) return ud(broken.sentence);
    const fault = tileDataFault(machine);
    if (fault !== null) return fault;
    const { xstate } = machine;
    const tiles = { c: xstate.tile(reg), a: xstate.tile(rm), b: xstate.tile(vvvv) };
    const result = expectedProduct(name, tiles, productExtents(config, operands));
    assert(result.ok, `${name} on shapes that were checked`);
    xstate.setTile(reg, result.value);
    clearStartRow(machine);
    return null;
  };

const vex = { encoding: 'vex', map: 2, w: 0, length: 0, hasModrm: true } as const;
const config = { ...vex, opcode: 0x49, noVvvv: true } as const;
const move = { ...vex, opcode: 0x4b, operand: 'memory', noVvvv: true } as const;
const dot = (name: ProductInstruction, opcode: number, prefix: Form['prefix']): Form => ({
  ...{ ...vex, name, opcode, prefix, operand: 'register' },
  run: amx(product(name)),
});

export const TILE_FORMS: readonly Form[] = [
  { ...config, name: 'LDTILECFG', prefix: 0, operand: 'memory', extension: 0, run: amx(ldtilecfg) },
  { ...config, name: 'STTILECFG', prefix: 0x66, operand: 'memory', extension: 0, run: amx(sttilecfg) },
  {
    ...{ ...config, name: 'TILERELEASE', prefix: 0, exact: 0xc0 },
    run: amx((machine) => {
      releaseTiles(machine);
      return null;
    }),
  },
  { ...config, name: 'TILEZERO', prefix: 0xf2, operand: 'register', run: amx(tilezero) },
  { ...move, name: 'TILELOADD', prefix: 0xf2, run: amx(tileload) },
  { ...move, name: 'TILELOADDT1', prefix: 0x66, run: amx(tileload) },
  { ...move, name: 'TILESTORED', prefix: 0xf3, run: amx(tilestore) },
  dot('TDPBSSD', 0x5e, 0xf2),
  dot('TDPBSUD', 0x5e, 0xf3),
  dot('TDPBUSD', 0x5e, 0x66),
  dot('TDPBUUD', 0x5e, 0),
  dot('TDPBF16PS', 0x5c, 0xf3),
];
