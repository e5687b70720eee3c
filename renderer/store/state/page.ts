export interface PageSlice {
  /** The sessions on screen were here before the page was loaded, or in another tab; said until it is closed. */
  readonly cameBack: { readonly stops: number; readonly from: 'reload' | 'tab' } | null;
  /** All stops are with the host: a page that is loaded again has them. */
  readonly allKept: boolean;
  closeCameBack(): void;
  /** Asks the host what this page held; true: it is on screen again. */
  comeBack(): Promise<boolean>;
  /** Goes on here with what another page of this Tilescope holds. */
  takeOver(tab: string): Promise<void>;
  /** Another page has taken what this one held. */
  wasTaken(): void;
  /** Gives the host what has changed since. What it is given is drawn up before this first waits. */
  keep(): Promise<void>;
}
