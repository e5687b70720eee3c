/** A program that the model guest can run: a software vCPU in this process, never hardware. */
export interface ModelSummary {
  readonly id: string;
  readonly title: string;
  /** One sentence. */
  readonly what: string;
  /** Instructions until the program halts, faults and their retries counted, where nobody changes its state. */
  readonly steps: number;
  /** The CPU whose CPUID it reports: "Sapphire Rapids". */
  readonly cpu: string;
}

export interface DisassemblyLine {
  /** Hex, such as "0x401000". */
  readonly address: string;
  /** Machine code, "c4 e2 78 49 00". */
  readonly bytes: string;
  readonly text: string;
  /** Where RIP stands: the instruction that the next step executes. */
  readonly current: boolean;
}

export interface ModelPosition {
  /** Steps taken so far. */
  readonly at: number;
  /** Steps from the start to the halt, as ModelSummary.steps; a guest whose state was edited may need another number. */
  readonly total: number;
  /** The whole program in the order of its addresses. */
  readonly disassembly: readonly DisassemblyLine[];
}
