import { readFileSync } from 'node:fs';
import { hasBit, hexShort } from '../../app/bits/mask.ts';
import type { Answer, DemoGuest, HostFacts, MachineFacts, TargetList, TargetSummary } from '../../app/bridge.ts';
import type { Target } from '../../app/debug/target.ts';
import { reachOtherUsers } from '../../app/refusals/helper-reasons.ts';
import { targetObstacle } from '../../app/refusals/helper-refusal.ts';
import { answer } from '../../app/refusals/refusal.ts';
import { PROTOCOL_VERSION } from '../../app/wire/frames.ts';
import type { FoundTarget } from '../../app/wire/list-reply.ts';
import type { HelloReply } from '../../app/wire/messages.ts';
import { seccompMode as seccompModeName } from '../../app/wire/seccomp.ts';
import { createHelper, type Helper } from '../helper/helper.ts';
import { refusalContext } from '../helper/refusal-context.ts';
import { journalFolder } from '../io/journal.ts';
import { PRODUCT } from '../product.ts';
import { listAll } from '../targets/listing.ts';
import { openLive } from '../targets/live.ts';
import type { VcpuName } from '../targets/vcpu-name.ts';
import { vmmNames } from '../targets/vmm.ts';
import { createDemo } from './demo.ts';
import { readUserNames } from './users.ts';

/** The machine as every host sees it: its targets, its facts, the way to a live target. One helper serves the listing. */
export interface Host {
  readonly journalFolder: string;
  readonly openAtStart: string | null;
  readonly helperPath: string;
  /** What the helper says of itself, the kernel and the CPU. */
  readonly hello: () => Promise<Answer<HelloReply>>;
  /** Whether the user has named this file on a command line. */
  readonly isOffered: (name: string) => boolean;
  /** Another file was named, on the command line of a second start. */
  readonly offer: (name: string) => void;
  readonly hostFacts: () => Promise<Answer<HostFacts>>;
  readonly listTargets: () => Promise<Answer<TargetList>>;
  readonly openLive: (
    pid: number,
    startTimeTicks: bigint,
    vcpu: VcpuName,
    suspendSeccomp?: boolean,
  ) => Promise<Answer<Target>>;
  readonly startDemo: () => Promise<Answer<DemoGuest>>;
  close(): Promise<void>;
}

/** What differs between window, web host and command line. */
export interface HostOptions {
  readonly host: HostFacts['host'];
  readonly helperPath: string;
  readonly demoPath: string;
  readonly openAtStart: string | null;
}

const summaryOf = (record: FoundTarget, users: ReadonlyMap<number, string>, helperPath: string): TargetSummary => {
  const reason = targetObstacle(record, { ...refusalContext(helperPath), pid: record.pid });
  return {
    pid: record.pid,
    ...vmmNames(record.executable || record.comm, record.commandLine),
    executable: record.executable,
    user: users.get(record.uid) ?? String(record.uid),
    runningMs: record.runningMs,
    startTimeTicks: String(record.startTimeTicks),
    vcpus: record.vcpus.map(({ index, vmmNumber, tid, fd, seccompMode }) => ({
      index,
      vmmNumber: vmmNumber < 0 ? null : vmmNumber,
      tid: tid === 0 ? null : tid,
      fd,
      seccomp: seccompModeName(seccompMode),
    })),
    vcpusLeftOut: record.vcpusLeftOut,
    attachable: reason === null,
    reason: reason?.what ?? null,
    remedy: reason?.remedy ?? null,
  };
};

/** Bits of a capability set, linux/capability.h. */
const CAP_SYS_PTRACE = 19;
const CAP_SYS_ADMIN = 21;

/** KVM answers 0 to a question that it does not know. */
export const machineOf = (hello: HelloReply): MachineFacts => ({
  cpuid: hello.cpuid,
  supportedXcr0: hello.hostXcr0Supported === 0n ? null : hexShort(hello.hostXcr0Supported),
  reach: {
    kvmApiVersion: hello.kvmApiVersion,
    yamaScope: hello.yamaScope,
    canTrace: hasBit(hello.capabilities, CAP_SYS_PTRACE),
    canReadFilters: hasBit(hello.capabilities, CAP_SYS_ADMIN),
  },
});

const cpuModel = (): string | null => {
  try {
    return /^model name\s*:\s*(.+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? null;
  } catch {
    return null;
  }
};

export const createHost = ({ host, helperPath, demoPath, openAtStart }: HostOptions): Host => {
  const users = readUserNames();
  const helper: Helper = createHelper({ path: helperPath });
  const demo = createDemo(demoPath);
  const offered = new Set(openAtStart === null ? [] : [openAtStart]);
  let openFirst = openAtStart;
  return {
    journalFolder: journalFolder(),
    openAtStart,
    helperPath,
    hello: () => helper.hello(),
    isOffered: (name) => offered.has(name),
    offer: (name) => {
      offered.add(name);
      openFirst = name;
    },
    hostFacts: async () => {
      const hello = await helper.hello();
      return answer({
        product: PRODUCT,
        helper: {
          ok: hello.ok,
          version: `protocol ${PROTOCOL_VERSION}`,
          problem: hello.ok ? null : hello.refusal.what,
        },
        kernelRelease: hello.ok ? hello.value.kernelRelease : null,
        host,
        cpu: cpuModel(),
        openAtStart: openFirst,
        machine: hello.ok ? machineOf(hello.value) : null,
      });
    },
    listTargets: async () => {
      const listed = await listAll(helper);
      if (!listed.ok) return listed;
      const targets = listed.value.targets.map((record) => summaryOf(record, users, helperPath));
      const { skippedCount } = listed.value;
      const remedy = skippedCount === 0 ? {} : { skippedRemedy: reachOtherUsers(refusalContext(helperPath)) };
      return answer({ targets, skippedCount, ...remedy });
    },
    openLive: (pid, startTimeTicks, vcpu, suspendSeccomp = false) =>
      openLive({ helper: createHelper({ path: helperPath }), pid, startTimeTicks, vcpu, suspendSeccomp }),
    startDemo: () => demo.start(),
    close: async () => {
      await demo.stop();
      await helper.stop();
    },
  };
};
