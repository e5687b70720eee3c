import type { Answer, Bridge, Opened } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { ask, hostGone } from '../base/ask.ts';
import { received } from '../base/received.ts';
import { hasEnded } from '../select/run.ts';
import type { Slice, VcpuPart } from '../state/state.ts';
import type { TargetBesideSlice, TargetToOpen } from '../state/target-beside.ts';
import type { OpenVcpu } from '../state/vcpus.ts';
import { requestSteps } from './model-steps.ts';
import { openedState } from './opened.ts';
import { withStop } from './timeline-slice.ts';
import { withRun } from './vcpu.ts';

const NONE = { targetBeside: null, besideRefusal: null } as const;

const openedBeside = (target: TargetToOpen, value: Opened): Answer<OpenVcpu> => {
  const process = target.kind === 'live' ? { pid: target.pid, startTimeTicks: target.startTimeTicks } : null;
  const made = openedState(value, process);
  if (!made.ok) return made;
  const { vcpu } = made.value;
  const name = target.kind === 'model' ? target.title : vcpu.session.name;
  return { ok: true, value: { ...vcpu, session: { ...vcpu.session, name, canWrite: false } } };
};

export const createTargetBesideSlice =
  (bridge: Bridge): Slice<TargetBesideSlice> =>
  ({ getState: get, set, subscribe }) => {
    const leave = async (session: string): Promise<void> => {
      await ask(() => bridge.detach(session, false));
    };

    /** Changes what stands beside, unless it is another one by now. */
    const change = (id: string, next: (one: OpenVcpu) => VcpuPart): void =>
      set(({ targetBeside }) =>
        targetBeside?.session.id === id
          ? { targetBeside: { ...targetBeside, ...next(targetBeside), session: targetBeside.session } }
          : {},
      );

    // No pane is left from which it could be left.
    subscribe(({ session, targetBeside }, before) => {
      if (session === null && before.session !== null && targetBeside !== null) void get().closeBeside();
    });

    bridge.onEvent((event) => {
      const now = get().targetBeside;
      if (now === null) return;
      const { id } = now.session;
      if (event.kind === 'gone' && event.session === id) {
        change(id, (one) => withRun(one, { state: 'ended', why: event.refusal }));
        set({ besideRefusal: event.refusal });
      } else if (event.kind === 'host-gone') {
        const why = hostGone(event.problem);
        change(id, (one) => withRun(one, { state: 'ended', why }));
      }
    });

    /** One act on it at a time. */
    const busy = async <T>(request: () => Promise<Answer<T>>): Promise<Answer<T>> => {
      set({ besideBusy: true });
      const answer = await ask(request);
      set({ besideBusy: false, besideRefusal: answer.ok ? null : answer.refusal });
      return answer;
    };

    return {
      ...NONE,
      besideBusy: false,
      besideAsked: null,
      showBeside(of) {
        set({ besideAsked: of });
        get().askWorkbench({ kind: 'show', pane: 'beside' });
      },
      besideShown: () => set({ besideAsked: null }),
      async openBeside(target) {
        const front = get().session?.id;
        if (get().besideBusy || front === undefined) return false;
        await get().closeBeside();
        const answer = await busy(() =>
          target.kind === 'model'
            ? bridge.openModel(target.program)
            : bridge.attach(target.pid, target.startTimeTicks, target.vcpu, false),
        );
        if (!answer.ok) return false;
        const made = openedBeside(target, answer.value);
        // Another vCPU of the target in front may be on screen by now.
        const isWanted = get().vcpus.has(front);
        if (made.ok && isWanted) {
          set({ targetBeside: made.value });
          return true;
        }
        // Nobody could ever leave a session that is not shown.
        await leave(answer.value.session);
        if (!made.ok) set({ besideRefusal: made.refusal });
        return false;
      },
      async readBeside() {
        const { targetBeside, besideBusy } = get();
        if (targetBeside === null || besideBusy || hasEnded(targetBeside)) return;
        const { id, kind } = targetBeside.session;
        const answer = await busy<Capture>(async () => {
          if (kind === 'live') {
            const document = await bridge.capture(id);
            return document.ok ? received(document.value) : document;
          }
          const stepped = await requestSteps(bridge, id, 1);
          return stepped.ok ? { ok: true, value: stepped.value.capture } : stepped;
        });
        if (!answer.ok) return;
        const stop = { capture: answer.value, cause: kind === 'live' ? 'capture' : 'step', write: null } as const;
        change(id, (one) => withStop(one, stop));
      },
      showBesideStop: (at) => {
        const { targetBeside } = get();
        if (targetBeside === null) return;
        change(targetBeside.session.id, ({ stops }) => ({ at: Math.max(0, Math.min(stops.length - 1, at)) }));
      },
      async closeBeside() {
        const { targetBeside } = get();
        if (targetBeside === null) return;
        set(NONE);
        await leave(targetBeside.session.id);
      },
    };
  };
