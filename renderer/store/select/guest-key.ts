import type { Session } from '../state/target.ts';

/** Whose addresses they are: those of a process, or of one opened model or file. */
export const guestKey = ({ pid, id }: Pick<Session, 'pid' | 'id'>): number | string => pid ?? id;
