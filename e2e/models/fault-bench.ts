import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'playwright/test';
import { hexShort } from '../../app/bits/mask.ts';
import type { Answer, Applied, Assignment, Opened, Orphan } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import type { Frame } from '../../app/wire/frames.ts';
import { MESSAGES } from '../../app/wire/messages.ts';
import { enumeratedUser } from '../../app/xsave/layout.ts';
import { BridgeClient } from './bridge.ts';
import { Guest } from './guest.ts';
import { havingOf } from './having.ts';
import type { Meaning } from './meaning.ts';
import { type Passing, Relay } from './relay.ts';
import { BUILT_HELPER, builtTilescope, type Ran, tilescope, WebHost } from './tilescope.ts';
import { VcpuReader } from './vcpu-state.ts';

const PKRU = 1n << 9n;
const AVX512 = 0xe0n;

export type Outcome = 'never touched' | 'restored' | 'written whole';

/** One frame of a transaction: a request that the helper has not seen yet, or an answer that Tilescope has not. */
export interface Point {
  readonly at: number;
  readonly label: string;
}

/** Decides over a frame by its number: undefined hands it on as it is, null hands on nothing. */
export type AtFrame = (passing: Passing, at: number) => Promise<Frame | null | undefined>;

/** Another XCR0 that the guest's CPU takes: PKRU comes in or goes, else the highest component group goes. */
const anotherXcr0 = ({ facts }: Capture): bigint => {
  const [now, supported] = [facts.xcr0 ?? 1n, enumeratedUser(facts.guestCpuid) ?? 3n];
  if ((supported & PKRU) !== 0n) return now ^ PKRU;
  return (now & AVX512) !== 0n ? now & ~AVX512 : now & 3n;
};

/** Several components that the guest has, XCR0 and a general register. */
const editsOf = (first: Capture): readonly Assignment[] => {
  const has = havingOf(first);
  return [
    { path: `${has.wide}5`, value: `0x${'a5'.repeat(has.wideBytes)}` },
    ...(has.masks
      ? [
          { path: 'k3', value: '0x00000000deadbeef' },
          { path: 'zmm21', value: `0x${'3c'.repeat(64)}` },
        ]
      : []),
    { path: 'mxcsr', value: '0x9fc0' },
    { path: 'xcr0', value: hexShort(anotherXcr0(first)) },
    { path: 'rbx', value: '0x5555666677778888' },
  ];
};

export const isWrite = ({ name, from }: Passing): boolean => from === 'main' && (name?.startsWith('set') ?? false);

/** The vCPU runs on. */
const isEndOfTransaction = ({ name, from }: Passing): boolean => from === 'helper' && name === 'resume';

const pass = ({ frame }: Passing): Frame => frame;

/** A real guest, the production build with a relay in its helper's place, and a reader of its own for what the vCPU holds. */
export class FaultBench {
  readonly guest: Guest;
  readonly reader: VcpuReader;
  /** What the vCPU holds before anything is written. */
  readonly first: Capture;
  readonly untouched: Meaning;
  /** What the transactions write. */
  readonly edits: readonly Assignment[];
  #edited: Meaning | null = null;
  host: WebHost;
  page: BridgeClient;
  readonly #relay: Relay;
  readonly #folder: string;
  readonly #startTimeTicks: string;

  private constructor(
    guest: Guest,
    relay: Relay,
    folder: string,
    start: { host: WebHost; page: BridgeClient; first: Capture; untouched: Meaning },
  ) {
    this.guest = guest;
    this.reader = new VcpuReader(guest.pid);
    this.#relay = relay;
    this.#folder = folder;
    this.host = start.host;
    this.page = start.page;
    this.first = start.first;
    this.edits = editsOf(start.first);
    this.untouched = start.untouched;
    this.#startTimeTicks = String(start.first.facts.target.startTimeTicks);
  }

  static async start(): Promise<FaultBench> {
    // Builds what is stale.
    expect((await tilescope('--version')).code).toBe(0);
    const guest = await Guest.start({ name: 'faults' });
    const reader = new VcpuReader(guest.pid);
    const [first, untouched] = [await reader.capture(), await reader.state()];
    const relay = await Relay.start(BUILT_HELPER);
    const folder = mkdtempSync(join(tmpdir(), 'tilescope-faults-'));
    const host = await WebHost.startBuilt({ ...relay.environment, XDG_STATE_HOME: folder });
    const page = await BridgeClient.open(host.url);
    const bench = new FaultBench(guest, relay, folder, { host, page, first, untouched });
    mkdirSync(bench.journal, { recursive: true, mode: 0o700 });
    const session = await bench.attach();
    await page.sure('apply', session, bench.edits);
    await page.sure('detach', session, false);
    bench.#edited = await reader.state();
    await reader.reset(first);
    return bench;
  }

  async stop(): Promise<void> {
    await this.host.kill();
    await this.#relay.stop();
    await this.guest.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** What it holds once the edits have arrived. */
  get edited(): Meaning {
    if (this.#edited === null) throw new Error('nothing was written yet');
    return this.#edited;
  }

  get journal(): string {
    return join(this.#folder, 'tilescope', 'journal');
  }

  filesOfJournal(): string[] {
    return existsSync(this.journal) ? readdirSync(this.journal) : [];
  }

  entries(): string[] {
    return this.filesOfJournal().filter((name) => name.endsWith('.json'));
  }

  cli(...words: string[]): Promise<Ran> {
    return builtTilescope({ ...this.#relay.environment, XDG_STATE_HOME: this.#folder }, ...words);
  }

  async attach(): Promise<string> {
    const { session } = await this.page.sure<Opened>('attach', this.guest.pid, this.#startTimeTicks, 0, false);
    return session;
  }

  /** The next start after Tilescope has died. */
  async startAgain(): Promise<void> {
    await this.host.kill();
    this.host = await WebHost.startBuilt({ ...this.#relay.environment, XDG_STATE_HOME: this.#folder });
    this.page = await BridgeClient.open(this.host.url);
  }

  /**
   * Each frame from now on goes by `at` first, once this many transactions have come to their end. Gives the way out.
   */
  watchFrames(spoilXcr0: boolean, at: AtFrame, transactionsBefore = 0): () => void {
    let count = 0;
    let before = transactionsBefore;
    this.#relay.hook = async (passing) => {
      if (before > 0) {
        if (isEndOfTransaction(passing)) before -= 1;
        return passing.frame;
      }
      const now = count;
      count += 1;
      const instead = await at(passing, now);
      if (instead !== undefined) return instead;
      return spoilXcr0 ? this.#spoiled(passing) : passing.frame;
    };
    return () => {
      this.#relay.hook = pass;
    };
  }

  /** The frames of what is done, by name; the first of a name is 1. */
  async framesOf(spoilXcr0: boolean, work: () => Promise<unknown>, transactionsBefore = 0): Promise<Point[]> {
    const points: Point[] = [];
    const asked = new Map<string, number>();
    const note: AtFrame = async ({ from, name }, at) => {
      const word = name ?? 'event';
      if (from === 'main') asked.set(word, (asked.get(word) ?? 0) + 1);
      points.push({ at, label: `${word} ${asked.get(word)} ${from === 'main' ? 'asked' : 'answered'}` });
      return undefined;
    };
    const stop = this.watchFrames(spoilXcr0, note, transactionsBefore);
    await work();
    stop();
    return points;
  }

  /** XCR0 = 0 in place of the one of the edits: every CPU refuses it, for bit 0 must be set. (Intel SDM vol. 1, 13.3) */
  #spoiled({ name, from, frame }: Passing): Frame {
    const vcpu = { pid: this.guest.pid, vcpuIndex: 0 };
    const asked = MESSAGES.setXcr0.encode({ ...vcpu, value: anotherXcr0(this.first) });
    const isIt = name === 'setXcr0' && from === 'main' && Buffer.from(frame.payload).equals(asked);
    return isIt ? { ...frame, payload: MESSAGES.setXcr0.encode({ ...vcpu, value: 0n }) } : frame;
  }

  /** The next page, or the next start, finds what was kept and puts it back; or nothing was kept, and nothing is changed. */
  async recovered(wasWritten: boolean): Promise<Outcome> {
    const left = await this.page.sure<Orphan[]>('orphans');
    await this.#relay.idle();
    expect(left.map(({ pid, state }) => ({ pid, state }))).toEqual(
      this.entries().map(() => ({ pid: this.guest.pid, state: 'there' })),
    );
    const [one] = left;
    if (one !== undefined) {
      if (!wasWritten) expect(await this.reader.state()).toEqual(this.untouched);
      await this.page.sure('recover', one.id);
    }
    expect(await this.reader.state()).toEqual(this.untouched);
    expect(this.entries()).toEqual([]);
    return wasWritten ? 'restored' : 'never touched';
  }

  /** The vCPU holds what it held before, or all of the write where it was answered so; then it is set to the first state. */
  async standing(
    refused: { readonly remedy: string } | null,
    before: Meaning,
    after: Meaning,
    wasWritten: boolean,
  ): Promise<Outcome> {
    await this.#relay.idle();
    const now = await this.reader.state();
    if (JSON.stringify(now) !== JSON.stringify(this.untouched)) await this.reader.reset(this.first);
    expect(now, JSON.stringify(refused)).toEqual(refused === null ? after : before);
    if (refused === null) return 'written whole';
    if (!wasWritten) return 'never touched';
    // A helper that was killed over the asking has written nothing: what the vCPU holds was compared above.
    if (refused.remedy.includes('Nothing was changed')) return 'never touched';
    expect(refused.remedy).toContain('The state before the write was restored');
    return 'restored';
  }

  /** The session lives on: it has said that the helper died. */
  async afterHelper(
    session: string,
    answer: Answer<Applied> | null,
    before: Meaning,
    wasWritten: boolean,
  ): Promise<Outcome> {
    expect(this.page.events).toContainEqual({ kind: 'helper', problem: expect.stringContaining('SIGKILL') });
    await this.page.sure('detach', session, false);
    expect(this.entries()).toEqual([]);
    const refused = answer?.ok ? null : { remedy: answer?.refusal.remedy ?? '' };
    return this.standing(refused, before, before === this.untouched ? this.edited : this.untouched, wasWritten);
  }
}

/** Columns as wide as what stands in them. */
export const table = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};
