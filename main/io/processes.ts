import { readFileSync, readlinkSync } from 'node:fs';
import { withoutDeletedMark } from '../../app/session/journal-entry.ts';

/** Which process a pid names now, from /proc: a pid alone is handed on to another process. */

/** /proc/PID/stat field 22, in clock ticks since boot; null: there is no such process, or it is a zombie. */
export const startTimeOf = (pid: number | 'self'): bigint | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command's name, field 2, may hold spaces and brackets: fields are counted from behind its last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, ticks] = [fields[0], fields[19]];
    return state === 'Z' || state === 'X' || ticks === undefined || !/^\d+$/.test(ticks) ? null : BigInt(ticks);
  } catch {
    return null;
  }
};

/** The program's path, without the mark of a file that was replaced since; null: it may not be read. */
export const executableOf = (pid: number): string | null => {
  try {
    return withoutDeletedMark(readlinkSync(`/proc/${pid}/exe`));
  } catch {
    return null;
  }
};

/** The kernel's id of this boot; null where it cannot be read. */
export const bootId = (): string | null => {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return null;
  }
};
