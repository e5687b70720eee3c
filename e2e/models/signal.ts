/**
 * A signal to one process. 0 would be every process of the runner's group and -1 every one that its user may signal, so a number that
 * names no process is refused; so is one that has ended (ESRCH).
 */
export const signalProcess = (pid: number | undefined, signal: NodeJS.Signals): void => {
  if (pid === undefined || !Number.isInteger(pid) || pid <= 0)
    throw new Error(`${pid} is no process to send ${signal} to`);
  process.kill(pid, signal);
};
