/** One assignment, as on the command line: a register path and a value in the path's type. */
export interface Assignment {
  readonly path: string;
  readonly value: string;
}

/** What of a state is restored. */
export type RestoreScope =
  /** `general: false` leaves the general registers as the guest has them, also those that were written. */
  | { readonly kind: 'all'; readonly general?: false }
  | { readonly kind: 'components'; readonly bits: readonly number[] }
  | { readonly kind: 'paths'; readonly paths: readonly string[] };
