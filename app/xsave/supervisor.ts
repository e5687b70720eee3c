import { readU64 } from '../bits/bytes.ts';
// Types only: a capture's facts are declared beside the capture, and this room reads them.
import type { Capture, Facts } from '../capture/capture.ts';
import type { ComponentBit } from '../capture/image.ts';
import { MSR_INDEX, msrRow } from '../cpu/msrs.ts';
import { COMPONENTS } from './components.ts';
import { type EnablementState, enablementOf } from './enablement.ts';
import { msrValue } from './facts.ts';
import { viewComponent } from './view.ts';

/** One 64-bit field of a supervisor component: where it lies in an XSAVES image, and the MSR that is the same register. */
export interface SupervisorField {
  readonly name: string;
  /** Inside the component. */
  readonly offsetBytes: number;
  readonly msr: number;
}

const inOrder = (...rows: readonly (readonly [name: string, msr: number])[]): SupervisorField[] =>
  rows.map(([name, msr], index) => ({ name, offsetBytes: 8 * index, msr }));

const LBR_ENTRIES = 32;
const LBR_HEAD_FIELDS = 5;

/*
 * PT, UINTR, LBR, HDC, HWP: Intel SDM vol. 1 section 13.5. PASID, CET, LBR: also Linux arch/x86/include/asm/fpu/types.h.
 * IA32_S_CET and IA32_INTERRUPT_SSP_TABLE_ADDR belong to control-flow enforcement and to no component.
 */
const FIELDS: Readonly<Record<ComponentBit, readonly SupervisorField[]>> = {
  8: inOrder(
    ['IA32_RTIT_CTL', 0x570],
    ['IA32_RTIT_OUTPUT_BASE', 0x560],
    ['IA32_RTIT_OUTPUT_MASK_PTRS', 0x561],
    ['IA32_RTIT_STATUS', 0x571],
    ['IA32_RTIT_CR3_MATCH', 0x572],
    ['IA32_RTIT_ADDR0_A', 0x580],
    ['IA32_RTIT_ADDR0_B', 0x581],
    ['IA32_RTIT_ADDR1_A', 0x582],
    ['IA32_RTIT_ADDR1_B', 0x583],
  ),
  10: inOrder(['IA32_PASID', 0xd93]),
  11: inOrder(['IA32_U_CET', MSR_INDEX.IA32_U_CET], ['IA32_PL3_SSP', MSR_INDEX.IA32_PL3_SSP]),
  12: inOrder(
    ['IA32_PL0_SSP', MSR_INDEX.IA32_PL0_SSP],
    ['IA32_PL1_SSP', MSR_INDEX.IA32_PL1_SSP],
    ['IA32_PL2_SSP', MSR_INDEX.IA32_PL2_SSP],
  ),
  13: inOrder(['IA32_PM_CTL1', 0xdb1]),
  14: inOrder(
    ['IA32_UINTR_HANDLER', 0x986],
    ['IA32_UINTR_STACKADJUST', 0x987],
    ['IA32_UINTR_MISC', 0x988],
    ['IA32_UINTR_PD', 0x989],
    ['IA32_UINTR_RR', 0x985],
    ['IA32_UINTR_TT', 0x98a],
  ),
  15: [
    ...inOrder(
      ['IA32_LBR_CTL', 0x14ce],
      ['IA32_LBR_DEPTH', 0x14cf],
      ['IA32_LER_FROM_IP', 0x1dd],
      ['IA32_LER_TO_IP', 0x1de],
      ['IA32_LER_INFO', 0x1e0],
    ),
    ...Array.from({ length: LBR_ENTRIES }, (_, entry): SupervisorField[] =>
      [
        [`IA32_LBR_${entry}_FROM_IP`, 0x1500 + entry] as const,
        [`IA32_LBR_${entry}_TO_IP`, 0x1600 + entry] as const,
        [`IA32_LBR_${entry}_INFO`, 0x1200 + entry] as const,
      ].map(([name, msr], part) => ({ name, offsetBytes: 8 * (LBR_HEAD_FIELDS + 3 * entry + part), msr })),
    ).flat(),
  ],
  16: inOrder(['IA32_HWP_REQUEST', 0x774]),
};

/** The 64-bit fields of a supervisor component; empty for a user component or one without a public definition. */
export const supervisorFields = (bit: ComponentBit): readonly SupervisorField[] => FIELDS[bit] ?? [];

export interface SupervisorValue extends SupervisorField {
  /** The path that shows and sets it; null: read only through the component. */
  readonly path: string | null;
  /** null: not known; `why` says why. */
  readonly value: bigint | null;
  readonly from: 'image' | 'msr' | null;
  readonly why: string | null;
}

export interface SupervisorRow {
  readonly bit: ComponentBit;
  readonly name: string;
  /** Its bit in IA32_XSS. */
  readonly enabled: EnablementState;
  readonly inUse: EnablementState;
  /** `image`: a compacted image holds it. Every image of KVM's is standard, so there it lives `outside`. */
  readonly lives: 'image' | 'outside';
  /** Where its state is instead, one phrase. */
  readonly where: string;
  readonly values: readonly SupervisorValue[];
}

const whyNotRead = (facts: Facts, msr: number): string => {
  const reading = facts.msrs.find((one) => one.index === msr);
  return reading === undefined ? 'not read' : `KVM_GET_MSRS does not give it to this guest (errno ${reading.errno})`;
};

const readValue = ({ image, facts }: Capture, bit: ComponentBit, field: SupervisorField): SupervisorValue => {
  const common = { ...field, path: msrRow(field.msr)?.path ?? null };
  const view = viewComponent(image, bit);
  if (view.state === 'inUse' && field.offsetBytes + 8 <= view.bytes.length) {
    return { ...common, value: readU64(view.bytes, field.offsetBytes), from: 'image', why: null };
  }
  // Room and a clear XSTATE_BV bit: init state, which is zero for every supervisor component.
  if (view.state === 'init') return { ...common, value: 0n, from: 'image', why: null };
  const value = msrValue(facts, field.msr);
  return value === null
    ? { ...common, value, from: null, why: whyNotRead(facts, field.msr) }
    : { ...common, value, from: 'msr', why: null };
};

/** Every supervisor component: where its state is, and its registers from there. */
export const supervisorRows = (capture: Capture): SupervisorRow[] =>
  COMPONENTS.filter((row) => row.kind === 'supervisor').map(({ bit, label, where }) => {
    const { enabled, inUse } = enablementOf(capture.facts, capture.image, bit);
    return {
      bit,
      name: label,
      enabled,
      inUse,
      lives: viewComponent(capture.image, bit).state === 'absent' ? 'outside' : 'image',
      where: where ?? '',
      values: supervisorFields(bit).map((field) => readValue(capture, bit, field)),
    };
  });
