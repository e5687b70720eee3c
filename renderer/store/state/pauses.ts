/** How long a vCPU thread stood still for each look, as it was measured here. */
export interface Pauses {
  readonly looks: number;
  readonly medianNs: number;
  readonly greatestNs: number;
}
