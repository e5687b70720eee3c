import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A state folder for one spec alone, which whatever it starts inherits: its journal holds nothing of the specs before it. */
export class StateFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'tilescope-state-'));
  readonly #previous = process.env.XDG_STATE_HOME;

  constructor() {
    process.env.XDG_STATE_HOME = this.path;
  }

  /** The previous one counts again, and this one is gone. */
  giveBack(): void {
    if (this.#previous === undefined) delete process.env.XDG_STATE_HOME;
    else process.env.XDG_STATE_HOME = this.#previous;
    rmSync(this.path, { recursive: true, force: true });
  }
}
