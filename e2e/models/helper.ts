import { type ChildProcess, type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeProblem } from '../../app/bits/decoded.ts';
import type { Capture, TargetIdentity } from '../../app/capture/capture.ts';
import { decodeRefusal, type HelperRefusal } from '../../app/refusals/helper-refusal.ts';
import { encodeFrame, type Frame, FrameReader, STATUS } from '../../app/wire/frames.ts';
import {
  type AttachReply,
  type HelloReply,
  MESSAGES,
  type MessageName,
  type ReplyOf,
  type RequestOf,
} from '../../app/wire/messages.ts';
import { toCapture } from '../../app/wire/to-capture.ts';

const NATIVE = join(import.meta.dirname, '../../native');

/** The helper and the demo VMM, built into a folder of their own. */
export class NativeTools {
  readonly folder = mkdtempSync(join(tmpdir(), 'tilescope-native-'));
  readonly helper = join(this.folder, 'tilescope-helper');
  readonly demoVmm = join(this.folder, 'demo-vmm');

  constructor() {
    execFileSync('make', ['-s', '-C', NATIVE, `OUT=${this.folder}`], { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  /** One C file of e2e/guest. */
  build(name: string): string {
    const program = join(this.folder, name);
    const source = join(import.meta.dirname, '../guest', `${name}.c`);
    execFileSync('cc', ['-std=c17', '-D_GNU_SOURCE', '-O1', '-Wall', '-Wextra', '-Werror', source, '-o', program]);
    return program;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A VM of the test's own: one vCPU that counts in real mode and never touches its vector state. */
export class DemoVm {
  readonly pid: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    if (child.pid === undefined) throw new Error('demo-vmm did not start');
    this.pid = child.pid;
    this.#child = child;
  }

  static async start(tools: NativeTools): Promise<DemoVm> {
    const child = spawn(tools.demoVmm, [], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('ready')) resolve();
      });
      child.once('exit', (code) => reject(new Error(`demo-vmm ended with ${code}`)));
      child.once('error', reject);
    });
    return new DemoVm(child);
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async stop(): Promise<void> {
    if (this.ended) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }
}

export type HelperAnswer<N extends MessageName> =
  | { readonly ok: true; readonly value: ReplyOf<N> }
  | { readonly ok: false; readonly refusal: HelperRefusal };

/** For one that hangs: a slow machine is waited for. */
const ANSWER_TIMEOUT_MS = 100_000;

/** The helper, asked over its pipes one request at a time; whatever is not an answer throws. */
export class HelperClient {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #reader = new FrameReader();
  #waiting: ((frame: Frame) => void) | null = null;
  #failed: ((error: Error) => void) | null = null;
  #last = 0;
  #hello: HelloReply | null = null;
  #attached: { readonly reply: AttachReply; readonly identity: TargetIdentity } | null = null;

  constructor(tools: { readonly helper: string }) {
    this.#child = spawn(tools.helper, [], { stdio: 'pipe' });
    this.#child.stderr.pipe(process.stderr);
    this.#child.stdin.on('error', () => undefined);
    this.#child.on('close', (code, signal) => this.#failed?.(new Error(`the helper ended: ${code ?? signal}`)));
    this.#child.stdout.on('data', (chunk: Buffer) => {
      const { frames, problem } = this.#reader.push(chunk);
      for (const frame of frames) if (frame.status !== STATUS.EVENT) this.#waiting?.(frame);
      if (problem !== null) this.#failed?.(new Error(describeProblem(problem)));
    });
  }

  async ask<N extends MessageName>(name: N, request: RequestOf<N>): Promise<HelperAnswer<N>> {
    const row = MESSAGES[name];
    this.#last += 1;
    const requestId = this.#last;
    const frame = await new Promise<Frame>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${name}`)), ANSWER_TIMEOUT_MS);
      this.#failed = reject;
      this.#waiting = (answer) => {
        clearTimeout(timer);
        if (answer.requestId === requestId) resolve(answer);
        else reject(new Error(`answer ${answer.requestId} to request ${requestId}`));
      };
      const payload = (row.encode as (request: RequestOf<N>) => Uint8Array)(request);
      this.#child.stdin.write(encodeFrame({ requestId, code: row.code, status: 0, payload }));
    });
    const read = frame.status === STATUS.OK ? row.decode(frame.payload) : decodeRefusal(frame.payload);
    if (!read.ok) throw new Error(`${name}: ${describeProblem(read.problem)}`);
    return frame.status === STATUS.OK
      ? { ok: true, value: read.value as ReplyOf<N> }
      : { ok: false, refusal: read.value as HelperRefusal };
  }

  /** The reply, or an error with the helper's own words. */
  async must<N extends MessageName>(name: N, request: RequestOf<N>): Promise<ReplyOf<N>> {
    const answer = await this.ask(name, request);
    if (answer.ok) return answer.value;
    const { reason, call, errno, detail } = answer.refusal;
    throw new Error(`${name} refused: ${reason} ${call} ${errno} ${detail}`);
  }

  async attach(pid: number): Promise<void> {
    this.#hello = await this.must('hello', null);
    const reply = await this.must('attach', { pid, vcpuIndex: 0, startTimeTicks: 0n, suspendSeccomp: false });
    const { startTimeTicks, tid } = reply;
    const identity = {
      kind: 'live',
      vmm: 'demo-vmm',
      name: 'demo',
      pid,
      startTimeTicks,
      executable: null,
      vcpu: 0,
      tid,
    };
    this.#attached = { reply, identity: identity as TargetIdentity };
  }

  async capture(): Promise<Capture> {
    if (this.#hello === null || this.#attached === null) throw new Error('not attached');
    const { reply, identity } = this.#attached;
    const raw = await this.must('capture', { pid: identity.pid ?? 0, vcpuIndex: 0 });
    const capture = toCapture(raw, reply, this.#hello, identity);
    if (!capture.ok) throw new Error(describeProblem(capture.problem));
    return capture.value;
  }

  async stop(): Promise<void> {
    this.#failed = null;
    const gone = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin.end();
    await gone;
  }
}
