import { bytesOfUint, concat } from '../bits/bytes.ts';
import { assert } from '../bits/decoded.ts';
import { hasBit, hexShort } from '../bits/mask.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import type { ModelEvent } from '../session/model-event.ts';
import { BIT } from '../xsave/components.ts';
import { brokenTileRules } from '../xsave/tilecfg.ts';
import { INIT_MXCSR } from '../xsave/view.ts';
import { HOST_LAYOUT } from './cpu.ts';
import { decodeInstruction } from './decode.ts';
import type { Form } from './form.ts';
import { GENERAL_FORMS } from './general.ts';
import { type GuestException, INITIAL_RFLAGS, type Machine, msrOf, RSP } from './machine.ts';
import { storeAt } from './operand.ts';
import { TILE_FORMS } from './tiles.ts';
import { VECTOR_FORMS } from './vector.ts';
import { ALWAYS_SAVED } from './xstate.ts';

export const FORMS: readonly Form[] = [...GENERAL_FORMS, ...VECTOR_FORMS, ...TILE_FORMS];

const MAX_INSTRUCTION_BYTES = 15;
const CODE_SELECTOR = 0x08n;
const STACK_SELECTOR = 0x10n;
const NAMES: Readonly<Record<GuestException['kind'], string>> = { nm: '#NM', ud: '#UD', gp: '#GP' };

/** Pushes SS, RSP, RFLAGS, CS, RIP, for #GP an error code of 0, and goes to the handler. False: the guest shuts down. */
const deliver = (machine: Machine, exception: GuestException): boolean => {
  if (exception.xfdErr !== undefined) machine.msrs.set(MSR_INDEX.IA32_XFD_ERR, exception.xfdErr);
  const handler = machine.handlers[exception.kind];
  if (handler === undefined) return false;
  const rsp = machine.general[RSP] ?? 0n;
  const errorCode = exception.kind === 'gp' ? [0n] : [];
  const frame = [...errorCode, machine.rip, CODE_SELECTOR, machine.rflags, rsp, STACK_SELECTOR];
  const bytes = concat(frame.map((value) => bytesOfUint(value, 8)));
  // In 64-bit mode the stack is aligned to 16 bytes before the frame is pushed. (Intel SDM vol. 3, section 6.14.2.)
  const top = (rsp & ~15n) - BigInt(bytes.length);
  if (storeAt(machine, top, bytes) !== null) return false;
  machine.general[RSP] = top;
  machine.rip = handler;
  machine.rflags &= ~0x100n;
  machine.rflags |= INITIAL_RFLAGS;
  return true;
};

const execute = (machine: Machine): { readonly name: string; readonly exception: GuestException | null } => {
  const code = machine.memory.read(machine.rip, MAX_INSTRUCTION_BYTES);
  const instruction = code === null ? null : decodeInstruction(FORMS, code);
  if (instruction === null) {
    return { name: 'the instruction', exception: { kind: 'ud', why: 'the model does not know it' } };
  }
  const at = machine.rip;
  machine.rip += BigInt(instruction.lengthBytes);
  const exception = instruction.form.run(machine, instruction);
  // All the model's exceptions are faults: the instruction is tried again when the handler returns.
  if (exception !== null) machine.rip = at;
  return { name: instruction.form.name, exception };
};

/**
 * What XRSTORS does when the guest is entered with the state KVM keeps: MXCSR belongs to SSE there, so that one that was
 * stored without the bit is lost. A TILECFG that LDTILECFG would refuse goes to init with the tiles, as in Bochs: the SDM
 * does not say.
 */
const enter = ({ xstate }: Machine): void => {
  if (!hasBit(xstate.inUse, BIT.SSE)) xstate.mxcsr = INIT_MXCSR;
  const badConfig = hasBit(xstate.inUse, BIT.XTILECFG) && brokenTileRules(xstate.component(BIT.XTILECFG)).length > 0;
  if (badConfig) for (const bit of [BIT.XTILECFG, BIT.XTILEDATA]) xstate.putToInit(bit);
};

/** What XSAVES does when the guest is left: components that IA32_XFD arms are not saved, and are lost. */
const leave = (machine: Machine): void => {
  const { xstate } = machine;
  const xfd = msrOf(machine, MSR_INDEX.IA32_XFD);
  for (const { bit } of HOST_LAYOUT.components) {
    if (hasBit(xfd, bit) && hasBit(xstate.inUse, bit)) xstate.putToInit(bit);
  }
  xstate.inUse |= ALWAYS_SAVED;
  if (xstate.mxcsr !== INIT_MXCSR) xstate.inUse |= 1n << BigInt(BIT.SSE);
};

/**
 * One entry into the guest for one instruction, as KVM_RUN with single-stepping does it. An exception takes the step: the
 * handler's first instruction is the next one.
 */
export const runOne = (machine: Machine): ModelEvent | null => {
  assert(
    (machine.xstate.inUse & msrOf(machine, MSR_INDEX.IA32_XFD)) === 0n,
    'the guard lets no state through that IA32_XFD arms: entering the guest with it takes a host down',
  );
  enter(machine);
  const at = machine.rip;
  const { name, exception } = execute(machine);
  const event = exception === null ? null : describe(machine, name, at, exception);
  leave(machine);
  return event;
};

const describe = (machine: Machine, name: string, at: bigint, exception: GuestException): ModelEvent => {
  const { kind, why, xfdErr } = exception;
  const err = xfdErr === undefined ? '' : `; IA32_XFD_ERR is ${hexShort(xfdErr)}`;
  const what = `${name} at ${hexShort(at)} raised ${NAMES[kind]}: ${why}${err}`;
  if (deliver(machine, exception)) return { kind, text: `${what}; the handler at ${hexShort(machine.rip)} is next` };
  machine.ended = true;
  return { kind, text: `${what}; there is no handler, so the guest shuts down` };
};
