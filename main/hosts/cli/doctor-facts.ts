import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../../app/refusals/refusal.ts';
import type { Host } from '../../services/host.ts';
import { type KvmCapabilities, readCapabilities } from './doctor-kvm.ts';

/** What is found out about this machine without the helper. Null: not known. */
export interface MachineFacts {
  readonly helperPath: string;
  readonly uid: number;
  readonly kvmCapabilities: KvmCapabilities | null;
  /** vmx or svm in /proc/cpuinfo. */
  readonly hasVirtualization: boolean | null;
  readonly userNamespaces: {
    /** user.max_user_namespaces. */
    readonly most: number | null;
    /** kernel.unprivileged_userns_clone, of Debian's kernels. */
    readonly unprivileged: number | null;
    /** kernel.apparmor_restrict_unprivileged_userns, of Ubuntu's. */
    readonly appArmor: number | null;
  };
  /** Where Electron's program lies; null: nowhere. */
  readonly electron: string | null;
  readonly hasDisplay: boolean;
  readonly journalFolder: string;
  /** Why nothing can be kept there; null: it can. */
  readonly journalProblem: string | null;
}

const textOf = async (path: string): Promise<string | null> => {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return null;
  }
};

const numberIn = async (path: string): Promise<number | null> => {
  const text = (await textOf(path))?.trim();
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : null;
};

const electronPath = async (): Promise<string | null> => {
  if (process.versions.electron !== undefined) return process.execPath;
  const folder = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  const place = folder
    ? `${folder}/electron`
    : fileURLToPath(new URL('../../node_modules/electron/dist/electron', import.meta.url));
  return access(place, constants.X_OK).then(
    () => place,
    () => null,
  );
};

/** A helper that is started with `--kvm` says what KVM answers, and ends. */
const kvmCapabilities = (helperPath: string): Promise<KvmCapabilities | null> =>
  new Promise((resolve) => {
    const child = execFile(helperPath, ['--kvm'], { encoding: 'utf8' }, (error, text) => {
      resolve(error === null ? readCapabilities(text) : null);
    });
    // An older one, which is installed with capabilities, does not know the word and waits for requests: there are none.
    child.stdin?.end();
  });

const whyNotKept = async (folder: string): Promise<string | null> => {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.W_OK);
    return null;
  } catch (error) {
    return messageOf(error);
  }
};

/** What this machine has, read and never written; null where it cannot be read. */
export const machineFacts = async ({ helperPath, journalFolder }: Host): Promise<MachineFacts> => {
  const cpuinfo = await textOf('/proc/cpuinfo');
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  return {
    ...{ helperPath, journalFolder },
    uid: process.getuid?.() ?? 0,
    kvmCapabilities: await kvmCapabilities(helperPath),
    hasVirtualization: cpuinfo === null ? null : /^flags\s*:.*\b(vmx|svm)\b/m.test(cpuinfo),
    userNamespaces: {
      most: await numberIn('/proc/sys/user/max_user_namespaces'),
      unprivileged: await numberIn('/proc/sys/kernel/unprivileged_userns_clone'),
      appArmor: await numberIn('/proc/sys/kernel/apparmor_restrict_unprivileged_userns'),
    },
    electron: await electronPath(),
    hasDisplay: Boolean(DISPLAY || WAYLAND_DISPLAY),
    journalProblem: await whyNotKept(journalFolder),
  };
};
