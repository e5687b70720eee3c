import { attackAsClient } from './client.ts';
import { textOf } from './report.ts';
import { attackAsUser } from './user.ts';

/** `npm run attack`, but for the hostile VMMs, which are native programs. The number of attackers that reached something. */
export const runAttack = async (web: string, connections: number, seed: number): Promise<number> => {
  let broken = 0;
  for (const attack of [() => attackAsClient(web, connections, seed), () => attackAsUser(web)]) {
    const done = await attack();
    if (done === null) process.stdout.write('== local user without rights\n   skipped: only root can make one\n');
    else process.stdout.write(textOf(done));
    if (done !== null && done.broken.length > 0) broken += 1;
  }
  return broken;
};
