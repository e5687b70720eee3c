import { describeProblem } from '../../app/bits/decoded.ts';
import type { Answer, CallVerdict, Refusal } from '../../app/bridge.ts';
import type { Capture, TargetIdentity } from '../../app/capture/capture.ts';
import { RUNNING, type RunState } from '../../app/debug/run-state.ts';
import type { Target } from '../../app/debug/target.ts';
import { answer, refusal, refuse } from '../../app/refusals/refusal.ts';
import {
  type AttachReply,
  EVENTS,
  type HelloReply,
  type MessageName,
  type ReplyOf,
  type RequestOf,
} from '../../app/wire/messages.ts';
import { callVerdict } from '../../app/wire/seccomp.ts';
import { toCapture } from '../../app/wire/to-capture.ts';
import type { Helper } from '../helper/helper.ts';
import { listAll } from './listing.ts';
import { liveRunControl } from './live-run-control.ts';
import { findVcpu, type VcpuName } from './vcpu-name.ts';
import { vmmNames } from './vmm.ts';
import { vmmMemory } from './vmm-memory.ts';
import { vmmVersion } from './vmm-version.ts';

/** A vCPU of a running VMM, over a helper of its own. */

export interface LiveOptions {
  /** Made for this target alone, and stopped with it. */
  readonly helper: Helper;
  readonly pid: number;
  /** 0: whatever process has that pid now. */
  readonly startTimeTicks: bigint;
  readonly vcpu: VcpuName;
  /** Only by the user's explicit word. */
  readonly suspendSeccomp: boolean;
}

/** One attachment, within one life of the helper. */
interface Attachment {
  readonly life: number;
  readonly hello: HelloReply;
  readonly reply: AttachReply;
}

const ATTACH_TIMEOUT_MS = 15_000;

/** KVM's number and the VMM's. */
const numbersOf = ({ index, vmmNumber }: { readonly index: number; readonly vmmNumber: number }) => ({
  index,
  vmmNumber: vmmNumber < 0 ? null : vmmNumber,
});

const identify = async (options: LiveOptions): Promise<Answer<{ identity: TargetIdentity; vcpus: number[] }>> => {
  const { helper, pid } = options;
  const listed = await listAll(helper);
  if (!listed.ok) return listed;
  const found = listed.value.targets.find((target) => target.pid === pid);
  const numbers = found?.vcpus.map(numbersOf) ?? [];
  const named = findVcpu(options.vcpu, numbers, `pid ${pid}`);
  if (!named.ok) return named;
  const vcpu = named.value;
  const names = vmmNames(found?.executable ?? '', found?.commandLine ?? []);
  const version = await vmmVersion(names.vmm, pid);
  return answer({
    vcpus: found?.vcpus.map((one) => one.index) ?? [vcpu],
    identity: {
      kind: 'live',
      ...names,
      pid,
      startTimeTicks: found?.startTimeTicks ?? null,
      executable: found?.executable || null,
      ...(version === null ? {} : { vmmVersion: version }),
      vcpu,
      tid: null,
    },
  });
};

/** Attaches, asks for the seccomp verdicts, and gives the target; the helper is stopped where that fails. */
export const openLive = async (options: LiveOptions): Promise<Answer<Target>> => {
  const opened = await attachLive(options);
  if (!opened.ok) await options.helper.stop();
  return opened;
};

const attachLive = async (options: LiveOptions): Promise<Answer<Target>> => {
  const { helper, pid } = options;
  const identified = await identify(options);
  if (!identified.ok) return identified;
  const ref = { pid, vcpuIndex: identified.value.identity.vcpu };
  let attachedTo: bigint | null = null;

  const attach = async (): Promise<Answer<Attachment>> => {
    const hello = await helper.hello();
    if (!hello.ok) return hello;
    const request = {
      ...ref,
      // What the user chose, and after the first attach what was found then: never another process of the same pid.
      startTimeTicks: attachedTo ?? options.startTimeTicks,
      suspendSeccomp: options.suspendSeccomp,
    };
    const reply = await helper.ask('attach', request, ATTACH_TIMEOUT_MS);
    return reply.ok ? answer({ life: helper.life, hello: hello.value, reply: reply.value }) : reply;
  };

  const first = await attach();
  if (!first.ok) return first;
  const { tid, startTimeTicks } = first.value.reply;
  attachedTo = startTimeTicks;
  const identity: TargetIdentity = { ...identified.value.identity, tid, startTimeTicks };
  let attachment: Attachment | null = first.value;
  let run: RunState = RUNNING;
  /** What does not change from one instruction to the next: what a step brings is set in the facts of this one. */
  let lastCapture: Capture | null = null;
  const goneListeners = new Set<(reason: Refusal) => void>();
  const helperListeners = new Set<(problem: string | null) => void>();

  const verdicts = await helper.ask('verdicts', ref);
  const calls: CallVerdict[] = verdicts.ok ? verdicts.value.verdicts.map(callVerdict) : [];

  const held = (isHeld: boolean, why: 'freeze' | 'driven'): void => {
    if (run.state !== 'ended') run = isHeld ? { state: 'stopped', why } : RUNNING;
  };

  const end = (why: Refusal): void => {
    if (run.state === 'ended') return;
    run = { state: 'ended', why };
    attachment = null;
    for (const listener of [...goneListeners]) listener(why);
    void helper.stop();
  };

  const offDeath = helper.onDeath((why) => {
    // The kernel lets the thread go with its tracer: frozen or not, the guest runs on.
    attachment = null;
    held(false, 'freeze');
    for (const listener of [...helperListeners]) listener(why.what);
  });
  const offEvent = helper.onEvent((frame) => {
    if (frame.code !== EVENTS.targetGone.code) return;
    const gone = EVENTS.targetGone.decode(frame.payload);
    // An event names its vCPU, and a helper can have several.
    if (gone.ok && (gone.value.pid !== pid || gone.value.vcpuIndex !== ref.vcpuIndex)) return;
    end(refusal('target-gone', 'the target has ended', { where: `pid ${pid}` }));
  });

  /** The attachment, made anew where the helper has died since. */
  const attached = async (): Promise<Answer<Attachment>> => {
    if (run.state === 'ended') return { ok: false, refusal: run.why };
    if (attachment !== null && attachment.life === helper.life && helper.running) return answer(attachment);
    const again = await attach();
    if (!again.ok) return again;
    attachment = again.value;
    for (const listener of [...helperListeners]) listener(null);
    return again;
  };

  const whileAttached = async <T>(work: () => Promise<Answer<T>>): Promise<Answer<T>> => {
    const ready = await attached();
    if (!ready.ok) return ready;
    const reply = await work();
    if (!reply.ok && reply.refusal.code === 'target-gone') end(reply.refusal);
    return reply;
  };
  const ask = <Name extends MessageName>(name: Name, request: RequestOf<Name>): Promise<Answer<ReplyOf<Name>>> =>
    whileAttached(() => helper.ask(name, request));

  /** What a write reads back is read again by the capture that judges it. */
  const done = (reply: Answer<unknown>): Answer<null> => (reply.ok ? answer(null) : reply);

  const capture = async (): Promise<Answer<Capture>> => {
    const raw = await ask('capture', ref);
    if (!raw.ok) return raw;
    if (attachment === null) return refuse('helper-gone', 'the helper has ended', { where: `pid ${pid}` });
    const made = toCapture(raw.value, attachment.reply, attachment.hello, identity);
    if (made.ok) {
      lastCapture = made.value;
      return answer(made.value);
    }
    return refuse('capture', `what was read does not make a capture: ${describeProblem(made.problem)}`, {
      where: `pid ${pid}`,
    });
  };

  return answer<Target>({
    identity,
    vcpus: identified.value.vcpus,
    canWrite: true,
    verdicts: calls,
    filterSuspended: options.suspendSeccomp,
    get run() {
      return run;
    },
    capture,
    freeze: async () => {
      const reply = await ask('freeze', ref);
      if (!reply.ok) return reply;
      held(reply.value.frozen, 'freeze');
      return answer({ inKvmRun: reply.value.inKvmRun });
    },
    resume: async () => {
      const reply = await ask('resume', ref);
      if (!reply.ok) return reply;
      held(reply.value.frozen, 'freeze');
      return answer(reply.value.pauseNs);
    },
    writeImage: async (image) => done(await ask('setImage', { ...ref, image })),
    writeXcr0: async (value) => done(await ask('setXcr0', { ...ref, value })),
    writeMsr: async (index, value, putToInitFirst) =>
      done(await ask('setMsr', { ...ref, index, value, putToInitFirst })),
    writeGeneral: async (general) => done(await ask('setRegs', { ...ref, general })),
    memory: vmmMemory(ask, ref),
    program: null,
    runControl: liveRunControl(ref, {
      ask,
      run: (request) => whileAttached(() => helper.run(request)),
      // Refused on the way, the thread goes on by itself; where nothing was begun a frozen one stays.
      stands: () => held(true, 'driven'),
      like: async () => (lastCapture === null ? capture() : answer(lastCapture)),
    }),
    detach: async () => {
      offDeath();
      offEvent();
      const isEnded = run.state === 'ended';
      const wasAttached = !isEnded && attachment !== null && attachment.life === helper.life && helper.running;
      if (!isEnded) run = { state: 'ended', why: refusal('not-attached', 'the session has ended') };
      const reply = wasAttached ? await helper.ask('detach', ref) : null;
      await helper.stop();
      // A helper that died over it has let go as well: the kernel ends the tracing with the tracer.
      return reply === null || reply.ok || reply.refusal.code === 'helper-gone' ? answer(null) : reply;
    },
    onGone: (listener) => {
      goneListeners.add(listener);
      return () => goneListeners.delete(listener);
    },
    onHelper: (listener) => {
      helperListeners.add(listener);
      return () => helperListeners.delete(listener);
    },
  });
};
