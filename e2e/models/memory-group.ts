import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A control group whose memory can be limited. */
export interface MemoryGroup {
  /** A process whose number is written there is one of it. */
  readonly members: string;
  readonly limitName: string;
  /** Of its limit so many bytes are left; pages of files are given up first. */
  leave(bytes: number): void;
  remove(): boolean;
}

/** Of version 2, else of version 1; null: neither can be made here. */
export function newMemoryGroup(name: string): MemoryGroup | null {
  const versions = [
    { root: '/sys/fs/cgroup', limitName: 'memory.max', usage: 'memory.current' },
    { root: '/sys/fs/cgroup/unified', limitName: 'memory.max', usage: 'memory.current' },
    { root: '/sys/fs/cgroup/memory', limitName: 'memory.limit_in_bytes', usage: 'memory.usage_in_bytes' },
  ];
  for (const { root, limitName, usage } of versions) {
    const folder = join(root, `tilescope-${process.pid}-${name}`);
    const remove = (): boolean => {
      try {
        rmdirSync(folder);
      } catch {
        return !existsSync(folder);
      }
      return true;
    };
    try {
      mkdirSync(folder);
    } catch {
      continue;
    }
    const members = join(folder, 'cgroup.procs');
    if (!existsSync(join(folder, limitName)) || !existsSync(members)) {
      remove();
      continue;
    }
    const write = (file: string, text: string): void => {
      if (existsSync(join(folder, file))) writeFileSync(join(folder, file), text);
    };
    return {
      members,
      limitName,
      leave: (bytes) => {
        write('memory.force_empty', '0');
        const used = Number(readFileSync(join(folder, usage), 'utf8'));
        write(limitName, String(used + bytes));
      },
      remove,
    };
  }
  return null;
}
