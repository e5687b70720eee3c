import { fixed } from './fixed.ts';

export const pidText = (pid: number): string => fixed('pid', String(pid));
export const tidText = (tid: number): string => fixed('tid', String(tid));
export const kernelText = (release: string): string => fixed('kernel', release);

/** Pids and thread ids inside a sentence of main. */
export const maskedPids = (text: string): string =>
  text.replace(/\bpid \d+/g, (whole) => (fixed('pid', '') === '' ? whole : `pid ${fixed('pid', '')}`));

/** How long the vCPU stood still. */
export const pauseText = (ns: bigint | number): string => {
  const us = Number(ns) / 1000;
  return fixed('pause', us >= 10_000 ? `${(us / 1000).toFixed(1)} ms` : `${Math.round(us)} µs`);
};

/** How long a process has run: the two largest units. */
export const runningText = (ms: number): string => {
  const minutes = Math.floor(ms / 60_000);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  const text =
    days > 0
      ? `${days} d ${hours % 24} h`
      : hours > 0
        ? `${hours} h ${minutes % 60} m`
        : minutes > 0
          ? `${minutes} m`
          : `${Math.floor(ms / 1000)} s`;
  return fixed('running', text);
};

export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** The screen's minus. What is copied keeps '-'. */
export const minus = (text: string): string => text.replace(/^-/, '\u2212');
