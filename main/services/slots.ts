/**
 * How much of something may be in use at once, in all pages together. It is taken before the work that may take long is
 * begun: a check that comes before an await, and the deed after it, let any number through.
 */
export interface Slots {
  readonly most: number;
  /** False: all of it is taken. */
  take(amount?: number): boolean;
  give(amount?: number): void;
}

export const createSlots = (most: number): Slots => {
  let taken = 0;
  return {
    most,
    take: (amount = 1) => {
      if (taken + amount > most) return false;
      taken += amount;
      return true;
    },
    give: (amount = 1) => {
      taken = Math.max(0, taken - amount);
    },
  };
};
