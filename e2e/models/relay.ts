import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeFrame, type Frame, FrameReader } from '../../app/wire/frames.ts';
import { MESSAGES, type MessageName } from '../../app/wire/messages.ts';
import { signalProcess } from './signal.ts';

/** A frame on its way, held until the hook has answered. */
export interface Passing {
  readonly from: 'main' | 'helper';
  /** null: an event, which belongs to no request. */
  readonly name: MessageName | null;
  readonly frame: Frame;
  /** The process that asked for the helper: Tilescope itself. */
  readonly mainPid: number;
  /** SIGKILL for the helper, and its end. The frame goes nowhere. */
  killHelper(): Promise<void>;
  /** SIGKILL for Tilescope, and the helper's end, which follows it. */
  killMain(): Promise<void>;
}

/** What is to be handed on; null: nothing. */
export type Hook = (passing: Passing) => Promise<Frame | null> | Frame | null;

const NAMES = new Map<number, MessageName>(
  Object.entries(MESSAGES).map(([name, { code }]) => [code, name as MessageName]),
);

/** The real helper behind one relay: frames are handed on one after the other, in both directions. */
class Line {
  readonly #socket: Socket;
  readonly #helper: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<void>;
  #who: { readonly relay: number; readonly main: number } | null = null;
  #cut = false;
  /** It was asked to attach: until its end it may hold a vCPU. */
  attaches = false;

  constructor(socket: Socket, helperPath: string, hook: () => Hook) {
    this.#socket = socket;
    const helper = spawn(helperPath, [], { stdio: 'pipe', cwd: '/' });
    this.#helper = helper;
    helper.stderr.pipe(process.stderr);
    this.#ended = new Promise((resolve) => helper.once('close', () => resolve()));
    helper.stdin.on('error', () => undefined);
    socket.on('error', () => undefined);
    this.#pass('main', socket, helper.stdin, hook);
    this.#pass('helper', helper.stdout, socket, hook);
    // Tilescope has closed its pipe, or has died.
    socket.once('end', () => helper.stdin.end());
    void this.#ended.then(() => {
      if (!this.#cut) socket.end();
    });
  }

  #pass(from: 'main' | 'helper', input: NodeJS.ReadableStream, output: NodeJS.WritableStream, hook: () => Hook): void {
    const reader = new FrameReader();
    let last: Promise<unknown> = Promise.resolve();
    input.on('data', (given: Buffer) => {
      let chunk = given;
      if (from === 'main' && this.#who === null) {
        this.#who = { relay: chunk.readInt32LE(0), main: chunk.readInt32LE(4) };
        chunk = chunk.subarray(8);
      }
      for (const frame of reader.push(chunk).frames) {
        last = last.then(async () => {
          if (this.#cut) return;
          if (frame.code === MESSAGES.attach.code) this.attaches = true;
          const handed = await hook()(this.#passing(from, frame));
          if (handed !== null && !this.#cut) output.write(encodeFrame(handed));
        });
      }
    });
  }

  #passing(from: 'main' | 'helper', frame: Frame): Passing {
    const who = this.#who;
    if (who === null) throw new Error('a relay that has not said who it is');
    const end = async (): Promise<void> => {
      this.#cut = true;
      await this.#ended;
    };
    return {
      from,
      name: NAMES.get(frame.code) ?? null,
      frame,
      mainPid: who.main,
      killHelper: async () => {
        this.#helper.kill('SIGKILL');
        await end();
        kill(who.relay);
        this.#socket.destroy();
      },
      killMain: async () => {
        kill(who.main);
        await end();
        this.#socket.destroy();
      },
    };
  }

  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Whatever is left of it. */
  async end(): Promise<void> {
    this.#cut = true;
    this.#helper.kill('SIGKILL');
    this.#socket.destroy();
    await this.#ended;
  }
}

const kill = (pid: number): void => {
  try {
    signalProcess(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
};

/**
 * A place in Tilescope's pipe to its helper: the production build is told by TILESCOPE_HELPER to start the relay, and every
 * frame passes here, in both directions, held until the hook of the test has answered.
 */
export class Relay {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tilescope-relay-'));
  readonly #server: Server;
  readonly #lines = new Set<Line>();
  /** What is done to each frame; handed on as it is at first. */
  hook: Hook = ({ frame }) => frame;

  private constructor(helperPath: string) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#lines.add(new Line(socket, helperPath, () => this.hook));
    });
  }

  static async start(helperPath: string): Promise<Relay> {
    const relay = new Relay(helperPath);
    const source = join(import.meta.dirname, '../guest/helper_relay.c');
    const program = join(relay.#folder, 'relay');
    execFileSync('cc', ['-std=c17', '-D_GNU_SOURCE', '-O1', '-Wall', '-Wextra', '-Werror', source, '-o', program]);
    await new Promise<void>((resolve) => relay.#server.listen(join(relay.#folder, 'socket'), resolve));
    return relay;
  }

  /** What a Tilescope is started with. */
  get environment(): Readonly<Record<string, string>> {
    return { TILESCOPE_HELPER: join(this.#folder, 'relay'), TILESCOPE_RELAY: join(this.#folder, 'socket') };
  }

  /** Every helper that was attached has ended: none holds a vCPU any more. */
  async idle(): Promise<void> {
    await Promise.all([...this.#lines].flatMap((line) => (line.attaches ? [line.ended] : [])));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#lines].map((line) => line.end()));
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
